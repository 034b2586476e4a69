//! A fact with its envelope: what the log knows of an event besides the event itself.
use crate::{Actor, CommandId, Event, EventId, Incarnation, Subject, Timestamp, TokenId, stored::Sealed};
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// The place of an event in the one global order: 1, 2, 3 … without gaps. 0 is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where an agent's report came from: number `sequence` (from 1) of one life of its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The life of the agent's queue.
    pub incarnation: Incarnation,
    /// The report's number in it, rising by one.
    pub sequence: u64,
    /// The node's clock when it saw what it reports: shown, never trusted for order.
    pub observed_at: Timestamp,
}

/// An event as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the global order.
    pub position: Position,
    /// Unique in the world.
    pub id: EventId,
    /// The server's clock when it was decided; rises from event to event by at least 1 µs between commands.
    pub recorded_at: Timestamp,
    /// Who brought it about.
    pub actor: Actor,
    /// The token that was used, where one was.
    pub token: Option<TokenId>,
    /// For an agent's report, which one.
    pub origin: Option<Origin>,
    /// Its number among its command's events, from 0.
    pub index: u16,
    /// How many events its command recorded.
    pub count: u16,
    /// What ties it to commands elsewhere; the command's own id where nobody gave another.
    pub correlation: Uuid,
    /// The source address and the reason, sealed under the actor's key; see [`stored::Particulars`](crate::stored::Particulars).
    pub particulars: Option<Sealed>,
    /// What it is about, the main subject first.
    pub subjects: Vec<Subject>,
    /// The fact.
    pub event: Event,
}

impl Recorded {
    /// The command that brought it about.
    pub const fn command(&self) -> CommandId {
        CommandId::of(self.id)
    }
}
