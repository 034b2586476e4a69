//! The same over HTTP, on loopback, by a client that does as little as it can: it shares the processors with the server.
use crate::{closed_loop, table::Round};
use anyhow::Result;
use std::{path::Path, time::Duration};
