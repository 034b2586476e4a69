//! What is decided and waits to become durable together.
use super::{Failure, Outcome, outcome::Kept, request::Answer};
use crate::block::Record;
use domain::{Position, UserId, Warning};
use tokio::sync::oneshot;

/// An answer as the decider leaves it: a repeat is filled in from the log once it is durable.
#[derive(Debug)]
pub(super) enum Verdict {
    Answer(Answer),
    Repeat { position: Position, first: Position, count: u16, warnings: Vec<Warning> },
    Barrier(super::Barrier),
}

impl Verdict {
    pub(super) fn of(kept: Kept) -> Result<Self, Failure> {
        match kept {
            Kept::Accepted { position, first, count, warnings } => {
                Ok(Self::Repeat { position, first, count, warnings })
            }
            Kept::Refused(refusal) => Err(Failure::Refused(refusal)),
        }
    }

    pub(super) const fn answer(position: Position, outcome: Outcome, warnings: Vec<Warning>) -> Self {
        Self::Answer(Answer { position, outcome, warnings, repeated: false })
    }
}

/// Where an answer goes.
pub(super) type Reply = oneshot::Sender<Result<Verdict, Failure>>;

/// One group commit in the making.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The stored events, in order.
    pub(super) events: Vec<Vec<u8>>,
    /// Outcomes and marks.
    pub(super) records: Vec<Record>,
    /// Users whose keys go once this is durable.
    pub(super) erased: Vec<UserId>,
    /// Who waits for it, with what they will be told.
    pub(super) waiting: Vec<(Reply, Result<Verdict, Failure>)>,
    /// The bytes of events and records.
    pub(super) bytes: usize,
    /// The ledger's file up to this commit, to be saved once it is durable.
    pub(super) ledger: Option<Vec<u8>>,
}

impl Batch {
    /// The most that one commit takes on before it is cut: past it, a commit costs more waiting than it saves syncing.
    const BYTES_MAX: usize = 1 << 20;
    /// The most that wait for one commit.
    pub(super) const WAITING_MAX: usize = 8192;

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= Self::BYTES_MAX || self.waiting.len() >= Self::WAITING_MAX
    }

    /// Whether nobody waits for it, and it records nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.waiting.is_empty() && !self.commits()
    }

    /// Whether one waits for it and no more, and nothing is to be done once it is durable but to answer.
    pub(super) const fn is_lone(&self) -> bool {
        self.waiting.len() == 1 && self.ledger.is_none()
    }

    /// Whether it needs a commit: whoever only waits is answered without one.
    pub(super) const fn commits(&self) -> bool {
        !self.events.is_empty() || !self.records.is_empty()
    }

    pub(super) fn push_event(&mut self, event: Vec<u8>) {
        self.bytes += event.len();
        self.events.push(event);
    }

    pub(super) fn push_record(&mut self, record: Record) {
        self.bytes += record.bytes.len();
        self.records.push(record);
    }

    /// Tells everybody who waits that nobody knows.
    pub(super) fn abandon(self) {
        for (reply, _) in self.waiting {
            // Who does not wait any more needs no answer.
            let _ = reply.send(Err(Failure::OutcomeUnknown));
        }
    }
}
