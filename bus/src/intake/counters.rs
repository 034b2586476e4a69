//! What the intake has done, counted since it was started.
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Counts that rise while the intake works. Read them with [`counts`](Self::counts).
#[derive(Debug, Default)]
pub struct Counters {
    received: AtomicU64,
    asked: AtomicU64,
    taken: AtomicU64,
    deferred: AtomicU64,
    waiting: AtomicU64,
    out_of_turn: AtomicU64,
    malformed: AtomicU64,
    recorded: AtomicU64,
    /// The codes are ours, never a sender's: there are only so many.
    refused: Mutex<BTreeMap<String, u64>>,
}

/// The counts at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Reports that came in.
    pub received: u64,
    /// Questions whether reports are taken, which are none.
    pub asked: u64,
    /// Reports that were taken, repeats of taken ones included.
    pub taken: u64,
    /// Reports whose senders were asked to come back: no room, or no durable log at present.
    pub deferred: u64,
    /// Reports of an agent that has to wait: another has its node, or may have it still.
    pub waiting: u64,
    /// Reports that were not the next of their agent.
    pub out_of_turn: u64,
    /// Reports that could not be read, or whose subject names no node.
    pub malformed: u64,
    /// Refusals that were recorded: the first of each node and code, and only so many an hour.
    pub recorded: u64,
    /// Reports that were refused, by the refusal's code.
    pub refused: BTreeMap<String, u64>,
}

impl Counters {
    /// How things stand.
    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            received: of(&self.received),
            asked: of(&self.asked),
            taken: of(&self.taken),
            deferred: of(&self.deferred),
            waiting: of(&self.waiting),
            out_of_turn: of(&self.out_of_turn),
            malformed: of(&self.malformed),
            recorded: of(&self.recorded),
            refused: self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(super) fn received(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn deferred(&self) {
        self.deferred.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn waiting(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn out_of_turn(&self) {
        self.out_of_turn.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn malformed(&self) {
        self.malformed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn recorded(&self) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self, code: &str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        match refused.get_mut(code) {
            Some(count) => *count += 1,
            None => drop(refused.insert(code.to_owned(), 1)),
        }
    }
}
