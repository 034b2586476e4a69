//! The engine: one thread owns the state, decides every command, and answers when the outcome is durable.
//!
//! ```text
//! submit ─► lanes (bounded) ─► Decider: permit, decide, evolve ─► Batch ─► Committer: append, sync ─► watermark
//!   ▲                                                                          │
//!   └────────────────────────────── answers, once durable ◄────────────────────┘
//! ```
//!
//! Two threads: while one commits a batch, the other decides the next, so batches grow with the time that a sync takes,
//! and nothing waits for a timer. A batch is cut when the committer is free, and never appended before the one before it
//! is durable. A lone command is committed where it was decided. Every answer, a refusal too, waits until the state that it was decided on is durable.
//!
//! After a failed commit nothing more is taken: those under way are told that the outcome is unknown. A full disk
//! leaves the server reading; any other failure is for the process to stop on ([`Engine::halted`]).
mod attempts;
mod batch;
mod committer;
mod counters;
mod decider;
mod ledger;
mod outcome;
mod recover;
mod request;
mod space;
mod threads;

#[cfg(test)]
mod tests;

pub use committer::Halt;
pub use counters::Counters;
pub use ledger::{KEPT_SECONDS, OutcomeBounds};
pub use recover::{RecoverError, Recovery};
pub use request::{Answer, Barrier, Failure, Idempotency, Outcome, Request};
pub use threads::{Options, start};

use crate::{keyring::KeyRing, log::LogReader};
use batch::Verdict;
use domain::{Actor, Position, Recorded, stored};
use std::sync::Arc;
use threads::{Message, Running};
use tokio::sync::{oneshot, watch};

/// A bug to plant, for the tests that must find it.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Commands are answered when they are appended, not when they are durable.
    AnswerBeforeSync,
    /// Readers are told of events that are not yet appended.
    PublishBeforeCommit,
    /// A subscriber goes on one event too far.
    CursorOffByOne,
}

/// A handle on the engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    running: Arc<Running>,
    reader: LogReader,
    keyring: Arc<KeyRing>,
    watermark: watch::Receiver<Position>,
    halted: watch::Receiver<Option<Halt>>,
    low: watch::Receiver<Option<String>>,
    counters: Arc<Counters>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("watermark", &*self.watermark.borrow()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Decides a command, and answers when what it was decided on and what it recorded is durable.
    ///
    /// # Errors
    /// See [`Failure`]. Where this future is dropped, the command is carried out all the same.
    pub async fn submit(&self, request: Request) -> Result<Answer, Failure> {
        let answer = self.ask(request).await;
        self.counters.answered(&answer);
        answer
    }

    async fn ask(&self, request: Request) -> Result<Answer, Failure> {
        let agents = matches!(request.asker.actor, Actor::Agent(_));
        let (reply, verdict) = oneshot::channel();
        self.running.send(agents, Message::Command(Box::new(request), reply)).map_err(|full| self.unsent(full))?;
        match verdict.await {
            Ok(verdict) => self.complete(verdict?),
            Err(_) => Err(Failure::OutcomeUnknown),
        }
    }

    /// Waits until all that was decided so far is durable.
    ///
    /// # Errors
    /// The log failed, or the server is stopping.
    pub async fn barrier(&self) -> Result<Barrier, Failure> {
        let (reply, verdict) = oneshot::channel();
        self.running.send(false, Message::Barrier(reply)).map_err(|full| self.unsent(full))?;
        match verdict.await {
            Ok(Ok(Verdict::Barrier(barrier))) => Ok(barrier),
            Ok(Ok(Verdict::Answer(_) | Verdict::Repeat { .. })) | Err(_) => Err(Failure::OutcomeUnknown),
            Ok(Err(failure)) => Err(failure),
        }
    }

    /// The last durable position, as it rises.
    pub fn watermark(&self) -> watch::Receiver<Position> {
        self.watermark.clone()
    }

    /// Why no more is committed, once that is so.
    pub fn halted(&self) -> watch::Receiver<Option<Halt>> {
        self.halted.clone()
    }

    /// Why nothing is taken for want of room on the disk, while that is so. Looked at when commands come.
    pub fn low_space(&self) -> Option<String> {
        self.low.borrow().clone()
    }

    /// What was committed since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Commands that wait to be decided: of people, and of agents.
    pub fn queued(&self) -> (usize, usize) {
        self.running.queued()
    }

    /// Takes no more commands, finishes those that wait, and closes the log.
    ///
    /// # Errors
    /// The log failed before or while it was closed.
    pub async fn stop(&self) -> Result<(), Halt> {
        let running = Arc::clone(&self.running);
        let stopped = tokio::task::spawn_blocking(move || running.stop()).await;
        stopped.unwrap_or_else(|_| Err(Halt::Failed("the engine's thread panicked".to_owned())))
    }

    fn unsent(&self, full: bool) -> Failure {
        match (&*self.halted.borrow(), full) {
            (Some(halt), _) => halt.afterwards(),
            (None, true) => Failure::Overloaded,
            (None, false) => Failure::Stopping,
        }
    }

    fn complete(&self, verdict: Verdict) -> Result<Answer, Failure> {
        match verdict {
            Verdict::Answer(answer) => Ok(answer),
            Verdict::Barrier(_) => Err(Failure::OutcomeUnknown),
            Verdict::Repeat { position, first, count, warnings } => {
                let events = self.recorded(first, count).map_err(Failure::ReadOnly)?;
                Ok(Answer { position, outcome: Outcome::Recorded(events), warnings, repeated: true })
            }
        }
    }

    /// So many events from that position on.
    fn recorded(&self, first: Position, count: u16) -> Result<Vec<Recorded>, String> {
        if count == 0 {
            return Ok(vec![]);
        }
        let (after, count) = (first.0 - 1, u64::from(count));
        let mut events = Vec::with_capacity(usize::from(u16::try_from(count).unwrap_or_default()));
        while (events.len() as u64) < count {
            let from = after + events.len() as u64;
            let stored = self.reader.read(from, after + count, 1024, 1 << 20).map_err(|error| error.to_string())?;
            if stored.is_empty() {
                return Err(format!("the log ends before position {}", after + count));
            }
            for event in stored {
                events.push(stored::decode(&event.bytes, &*self.keyring).map_err(|error| error.to_string())?);
            }
        }
        Ok(events)
    }
}
