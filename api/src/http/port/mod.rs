//! What the HTTP server needs from the rest besides the read models, as small traits: `bus` stands behind them when the
//! server runs, and fakes built on `domain` alone in tests.
mod commands;
mod log;
mod vitals;

pub use commands::{Commands, Waiting};
pub use log::{Entry, EventLog, LogSize, LogTrouble};
pub use vitals::{Counted, EngineVitals, Health, Relaying, Vitals};

use domain::Timestamp;
use std::sync::Arc;

/// Tells the server's time. Sessions and tokens end by it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Opens what is sealed in events.
pub type SharedVault = Arc<dyn domain::stored::Vault + Send + Sync>;
