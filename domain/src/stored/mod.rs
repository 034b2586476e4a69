//! How an event is written down: an envelope that can be read without knowing the event, then the event's own bytes.
//!
//! Stored structs are frozen: one for each (type, version), never edited, only joined by a next version. Personal and
//! secret fields are sealed by the [`Vault`] before they get here, and opened by it when they are read.
mod access;
mod backend;
mod bytes;
mod cluster;
mod codes;
mod device;
mod envelope;
mod frozen;
mod group;
mod job;
mod license;
mod mentioned;
mod node;
mod policy;
mod pool;
mod snapshot;
mod token;
mod user;
mod vault;

#[doc(hidden)]
pub mod testing;

pub use envelope::{Envelope, SUBJECTS_MAX, decode_envelope};
pub use frozen::{StoredType, TYPES};
pub use mentioned::{NAMED_MAX, named, sharers};
pub use vault::{Blind, Field, Opened, Owner, Particulars, Sealed, Told, Vault, VaultError};

use crate::{Event, Recorded};

/// The largest stored event, in bytes.
pub const EVENT_MAX: usize = 16 * 1024;

/// An event can't be written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It is larger than [`EVENT_MAX`].
    #[error("the event takes {0} bytes, and one may take {EVENT_MAX}")]
    TooLarge(usize),
    /// It has more than [`SUBJECTS_MAX`] subjects.
    #[error("the event has {0} subjects, and one may have {SUBJECTS_MAX}")]
    TooManySubjects(usize),
    /// Its struct can't be serialised: a mistake in the struct.
    #[error("the event's struct can't be serialised")]
    Unwritable,
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
    /// A snapshot was made by a release that folds differently: fold the log anew.
    #[error("the snapshot was made by another release")]
    OtherFold,
    /// A field can't be opened.
    #[error("a field of the event can't be opened")]
    Vault(#[from] VaultError),
}

/// The bytes of an event, for ever.
///
/// # Errors
/// It is too large, or a personal field of it can't be sealed.
pub fn encode(recorded: &Recorded, vault: &dyn Vault) -> Result<Vec<u8>, EncodeError> {
    let writer = frozen::Writer { recorded, vault };
    let bytes = match &recorded.event {
        Event::Cluster(event) => cluster::write(event, &writer),
        Event::Access(event) => access::write(event, &writer),
        Event::Pool(event) => pool::write(event, &writer),
        Event::Group(event) => group::write(event, &writer),
        Event::User(event) => user::write(event, &writer),
        Event::Node(event) => node::write(event, &writer),
        Event::Device(event) => device::write(event, &writer),
        Event::Job(event) => job::write(event, &writer),
        Event::Token(event) => token::write(event, &writer),
        Event::Policy(event) => policy::write(event, &writer),
        Event::License(event) => license::write(event, &writer),
        Event::Backend(event) => backend::write(event, &writer),
    }?;
    if bytes.len() > EVENT_MAX { Err(EncodeError::TooLarge(bytes.len())) } else { Ok(bytes) }
}

/// The event that these bytes are. Never panics, whatever they are.
///
/// # Errors
/// See [`DecodeError`].
pub fn decode(bytes: &[u8], vault: &dyn Vault) -> Result<Recorded, DecodeError> {
    let (envelope, payload) = decode_envelope(bytes)?;
    let opener = frozen::Opener { vault, id: envelope.id };
    let event = frozen::read(envelope.event_type, envelope.version, payload, &opener)?;
    if envelope.unknown_subjects > 0 {
        return Err(DecodeError::Damaged("the subjects"));
    }
    Ok(Recorded {
        position: envelope.position,
        id: envelope.id,
        recorded_at: envelope.recorded_at,
        actor: envelope.actor,
        token: envelope.token,
        origin: envelope.origin,
        index: envelope.index,
        count: envelope.count,
        correlation: envelope.correlation,
        particulars: envelope.particulars,
        subjects: envelope.subjects,
        event,
    })
}
