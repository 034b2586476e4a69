//! Identifiers that the log gives out: each kind is a type of its own.
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID, as 0199c0de-0000-7000-8000-000000008000")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }
    )+};
}

ids! {
    /// A cluster, for ever: also the id of its log and of its JetStream stream.
    ClusterId,
    /// An event, unique in the world (`UUIDv7`): the CloudEvents `id`.
    EventId,
    /// A person who was on-boarded. A login that is on-boarded again is another user.
    UserId,
    /// A claim on devices.
    JobId,
    /// An API token.
    TokenId,
    /// A license, as its vendor numbers it.
    LicenseId,
    /// One life of an agent's report queue: a new one is drawn when the agent has lost count.
    Incarnation,
    /// One run of an agent, from its start to its end: two that speak for one node at a time differ in it, even where one
    /// host is a copy of the other.
    AgentRun,
}

/// A command that was accepted for a decision (`UUIDv7` whose last 16 bits are zero).
///
/// The ids of what it brings about are derived from it, so that they need no randomness in the decider and the log need
/// not spell them: its events' ids are the next 32,768 numbers, the things it makes have the 32,768 after those.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(Uuid);

impl CommandId {
    /// How many events, and how many new things, a command may bring about.
    pub const SPAN: u16 = 0x8000;

    /// The command id that this id (a fresh `UUIDv7`, say) stands for: its last 16 bits are cleared.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(Uuid::from_u128(id.as_u128() & !0xffff))
    }

    /// The command that brought about this event.
    pub const fn of(event: EventId) -> Self {
        Self::from_uuid(event.0)
    }

    /// The id itself.
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The id of this command's event number `index` (from 0, below [`SPAN`](Self::SPAN)).
    pub const fn event(self, index: u16) -> EventId {
        EventId(Uuid::from_u128(self.0.as_u128() | (index % Self::SPAN) as u128))
    }

    /// The id of the `nth` thing that this command makes (from 0, below [`SPAN`](Self::SPAN)).
    pub const fn made(self, nth: u16) -> Uuid {
        Uuid::from_u128(self.0.as_u128() | (Self::SPAN | (nth % Self::SPAN)) as u128)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
