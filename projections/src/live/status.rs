//! How far the read models are, and what is wrong, for people and metrics.
use domain::Position;
use std::{collections::VecDeque, time::Instant};

/// What the feeding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Snapshots are being read; the read models are empty.
    Restoring,
    /// Events that were committed before are being folded in.
    CatchingUp,
    /// Events are folded in as they are committed.
    Live,
    /// The next event can't be had or folded in. It is tried again and again; the read models stand still meanwhile.
    Stalled {
        /// The last event before it.
        at: Position,
        /// Why, with all causes.
        error: String,
    },
    /// The feeding has ended: it was asked to, or the log was closed.
    Stopped,
    /// The feeding died, which is a mistake in the program.
    Failed,
}

/// A snapshot that is not used, because it disagrees with the log or the program, or is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its name.
    pub name: String,
    /// Why.
    pub error: String,
}

/// How the feeding of the read models goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What it is about.
    pub phase: Phase,
    /// The last event that all read models have folded in.
    pub position: Position,
    /// The last event that is committed, as far as known here.
    pub watermark: Position,
    /// How many events are committed and not folded in.
    pub lag: u64,
    /// Since when it stalls, if it does.
    pub stalled_since: Option<Instant>,
    /// How often it has stalled since the start.
    pub stalls: u64,
    /// The position of the snapshot that the start went on from; 0 after a full replay.
    pub restored: Position,
    /// The last snapshots that were refused, the newest last.
    pub refused: Vec<Refused>,
    /// The position of the last snapshot that was stored since the start.
    pub snapshot: Option<Position>,
    /// Why the last attempt to store a snapshot failed; none if it did not.
    pub snapshot_error: Option<String>,
}

/// How many refused snapshots are remembered.
const REFUSED_MAX: usize = 16;

/// What the feeding writes down of itself.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) watermark: Position,
    pub(super) stalled_since: Option<Instant>,
    pub(super) stalls: u64,
    pub(super) restored: Position,
    pub(super) snapshot: Option<Position>,
    pub(super) snapshot_error: Option<String>,
    refused: VecDeque<Refused>,
}

impl Ledger {
    pub(super) fn refuse(&mut self, refused: Refused) {
        if self.refused.len() == REFUSED_MAX {
            self.refused.pop_front();
        }
        self.refused.push_back(refused);
    }

    pub(super) fn status(&self, phase: Phase, position: Position) -> Status {
        let watermark = self.watermark.max(position);
        Status {
            phase,
            position,
            watermark,
            lag: watermark.0 - position.0,
            stalled_since: self.stalled_since,
            stalls: self.stalls,
            restored: self.restored,
            refused: self.refused.iter().cloned().collect(),
            snapshot: self.snapshot,
            snapshot_error: self.snapshot_error.clone(),
        }
    }
}
