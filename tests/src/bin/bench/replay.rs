//! Rebuilding the read models.
use crate::{Plan, table::Report};
use anyhow::Result;
