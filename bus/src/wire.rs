//! What agents tell the server and what it answers: one version byte, then postcard.
//!
//! The structs that travel are frozen, made of primitives and private; the domain's words are made of them at the door,
//! by the domain's own rules. Bytes that are too many, malformed, or of a version that this release does not know are
//! refused; none make it panic.
mod frame;
pub mod mirror;
mod reply;
mod report;
mod subject;

pub use frame::{PROCESSES_MAX, XIDS_MAX, decode_frame, encode_frame};
pub use reply::Reply;
pub use report::{Content, Report, Speaker};
pub use subject::{
    AGENTS_HEALTH, AGENTS_INBOXES, AGENTS_INVENTORY, AGENTS_TELEMETRY, CLUSTERS_INBOXES, Kind, MIRRORS, agent,
    agent_of, agent_subject, cluster_inbox_prefix, inbox_prefix, mirror_of, mirror_subject, node_of_token, node_token,
    telemetry, telemetry_of, telemetry_subject,
};

use bytes::Bytes;
use domain::WordError;
use serde::{Deserialize, Serialize};

/// The version that this release writes.
pub const VERSION: u8 = 1;

/// What the bytes are, for who knows only that they are bytes.
pub const CONTENT_TYPE: &str = "application/octet-stream";

/// The largest report, in bytes. Who has more to tell sends several.
pub const REPORT_MAX: usize = 256 * 1024;

/// The largest frame of telemetry, in bytes.
pub const FRAME_MAX: usize = 512 * 1024;

/// What a request says that only asks whether a server takes reports: nothing. On any of an agent's subjects it is answered
/// with [`Reply::Taken`] up to 0; with [`Reply::Expected`], if everything should be told anew; or with the [`Reply::Refused`]
/// that any report would get. It is counted, and neither recorded nor a sign of life. A server that does not know it
/// takes it for a damaged report, which is recorded, or a damaged frame, which is only counted.
pub const QUESTION: &[u8] = &[];

/// The largest reply, in bytes.
pub const REPLY_MAX: usize = 4 * 1024;

/// Why bytes are no message, or a message no bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It is too large to be sent or read.
    #[error("the message has {size} bytes, and one may have {limit}")]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// Another release wrote it.
    #[error("the message has version {0}, and this release knows version {VERSION}")]
    Version(u8),
    /// It is not what was ever written.
    #[error("the message's bytes are damaged")]
    Malformed,
    /// A word in it breaks its rule.
    #[error("a word in the message is malformed")]
    Word(#[from] WordError),
    /// A number in it stands for nothing.
    #[error("the message has no such {0}")]
    Unknown(&'static str),
}

fn write<T: Serialize>(value: &T, limit: usize) -> Result<Bytes, WireError> {
    // Writing into memory fails for no value of these types: none has a sequence of unknown length.
    let bytes = postcard::to_extend(value, vec![VERSION]).map_err(|_| WireError::Malformed)?;
    check_size(bytes.len(), limit)?;
    Ok(bytes.into())
}

fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8], limit: usize) -> Result<T, WireError> {
    check_size(bytes.len(), limit)?;
    match bytes.split_first() {
        Some((&VERSION, body)) => match postcard::take_from_bytes(body) {
            Ok((value, [])) => Ok(value),
            Ok((_, [_, ..])) | Err(_) => Err(WireError::Malformed),
        },
        Some((&version, _)) => Err(WireError::Version(version)),
        None => Err(WireError::Malformed),
    }
}

const fn check_size(size: usize, limit: usize) -> Result<(), WireError> {
    if size > limit { Err(WireError::TooLarge { size, limit }) } else { Ok(()) }
}
