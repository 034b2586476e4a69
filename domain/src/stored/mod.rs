//! How an event is written down: an envelope that can be read without knowing the event, then the event's own bytes.
//!
//! Stored structs are frozen: one for each (type, version), never edited, only joined by a next version. Personal and
//! secret fields are sealed by the [`Vault`] before they get here, and opened by it when they are read.
mod vault;

pub use vault::{Field, Owner, Particulars, Sealed, Vault, VaultError};

use crate::{Event, Recorded};

/// The largest stored event, in bytes.
pub const EVENT_MAX: usize = 16 * 1024;

/// An event can't be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It is larger than [`EVENT_MAX`].
    #[error("the event takes {0} bytes, and one may take {EVENT_MAX}")]
    TooLarge(usize),
    /// A field can't be sealed.
    #[error("a field of the event can't be sealed")]
    Vault(#[from] VaultError),
}

/// Stored bytes can't be read as an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A later release wrote it.
    #[error("the event has envelope format {0}, which a newer release writes: upgrade this one")]
    NewerFormat(u8),
    /// A later release knows the event: this one can show it raw, but must not decide after it.
    #[error("the event is of type {event_type} version {version}, which a newer release writes: upgrade this one")]
    UnknownType {
        /// Its type number.
        event_type: u16,
        /// Its schema version.
        version: u8,
    },
    /// The bytes are not what was ever written.
    #[error("the event's bytes are damaged: {0}")]
    Damaged(&'static str),
    /// A field can't be opened.
    #[error("a field of the event can't be opened")]
    Vault(#[from] VaultError),
}

/// The bytes of an event, for ever.
///
/// # Errors
/// It is too large, or a personal field of it can't be sealed.
pub fn encode(recorded: &Recorded, vault: &dyn Vault) -> Result<Vec<u8>, EncodeError> {
    let _ = (recorded, vault);
    todo!()
}

/// The event that these bytes are.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(bytes: &[u8], vault: &dyn Vault) -> Result<Recorded, DecodeError> {
    let _ = (bytes, vault, std::mem::size_of::<Event>());
    todo!()
}
