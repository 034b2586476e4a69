//! What the engine has done since it started.
use super::{Answer, Failure, Outcome};
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts what was asked and what was committed.
#[derive(Debug, Default)]
pub struct Counters {
    /// Commits.
    pub commits: AtomicU64,
    /// Events in them.
    pub events: AtomicU64,
    /// Bytes of stored events, before compression.
    pub bytes: AtomicU64,
    sizes: [AtomicU64; Counters::SIZES.len() + 1],
    answers: [AtomicU64; Counters::ANSWERS.len()],
}

impl Counters {
    /// The bounds of the counted commit sizes, in events; above the last, everything is counted together.
    pub const SIZES: [u64; 6] = [0, 1, 4, 16, 64, 256];

    /// What commands can come to.
    pub const ANSWERS: [&'static str; 11] = [
        "accepted",
        "unchanged",
        "repeated",
        "dry_run",
        "refused",
        "denied",
        "condition_failed",
        "key_reused",
        "overloaded",
        "unavailable",
        "outcomes_full",
    ];

    pub(super) fn committed(&self, events: &[Vec<u8>]) {
        let count = events.len() as u64;
        let size = Self::SIZES.iter().position(|bound| count <= *bound).unwrap_or(Self::SIZES.len());
        self.sizes[size].fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(events.iter().map(|event| event.len() as u64).sum(), Ordering::Relaxed);
    }

    pub(super) fn answered(&self, answer: &Result<Answer, Failure>) {
        let came_to = match answer {
            Ok(Answer { repeated: true, .. }) => 2,
            Ok(Answer { outcome: Outcome::DryRun(_), .. }) => 3,
            Ok(Answer { outcome: Outcome::Recorded(events), .. }) => usize::from(events.is_empty()),
            Err(Failure::Refused(_) | Failure::OutOfTurn { .. }) => 4,
            Err(Failure::Denied(_)) => 5,
            Err(Failure::ConditionFailed { .. }) => 6,
            Err(Failure::KeyReused) => 7,
            Err(Failure::Overloaded) => 8,
            Err(Failure::ReadOnly(_) | Failure::OutcomeUnknown | Failure::Stopping) => 9,
            Err(Failure::OutcomesFull { .. }) => 10,
        };
        self.answers[came_to].fetch_add(1, Ordering::Relaxed);
    }

    /// How many commits had at most so many events and more than the bound before; the last has no bound.
    pub fn sizes(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = Self::SIZES.into_iter().map(Some).chain([None]);
        bounds.zip(&self.sizes).map(|(bound, count)| (bound, count.load(Ordering::Relaxed)))
    }

    /// How many commands came to what.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Self::ANSWERS.into_iter().zip(&self.answers).map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}
