//! What is asked of the engine, and what it answers.
use domain::{
    Command, Denied, Event, Expected, Position, Principal, Reason, Recorded, Refusal, Subject, Timestamp, Warning,
};
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A command with all that comes with it.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who asks.
    pub asker: Principal,
    /// The wish.
    pub command: Command,
    /// Makes a repeat harmless.
    pub idempotency: Option<Idempotency>,
    /// What must still be so.
    pub expected: Vec<Expected>,
    /// Why.
    pub reason: Option<Reason>,
    /// What ties it to commands elsewhere.
    pub correlation: Option<Uuid>,
    /// Whether nothing shall be recorded.
    pub dry_run: bool,
}

impl Request {
    /// A plain command.
    pub const fn new(asker: Principal, command: Command) -> Self {
        Self { asker, command, idempotency: None, expected: vec![], reason: None, correlation: None, dry_run: false }
    }
}

/// A key that its sender never uses for another command, and what it was sent with.
#[derive(Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key: 1 to [`KEY_MAX`](Self::KEY_MAX) bytes.
    pub key: String,
    /// All that makes the request what it is (method, path, query, body): kept only as a keyed hash, and wiped after that, since
    /// there may be a password in it.
    pub request: Zeroizing<Vec<u8>>,
}

impl Idempotency {
    /// The longest key, in bytes.
    pub const KEY_MAX: usize = 255;
}

impl fmt::Debug for Idempotency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Idempotency").field("key", &self.key).finish_non_exhaustive()
    }
}

/// An accepted command. Whatever it says is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The last position that the decision saw or made.
    pub position: Position,
    /// What happened.
    pub outcome: Outcome,
    /// What else follows.
    pub warnings: Vec<Warning>,
    /// Whether this is the answer to an earlier request with the same key: then a secret that it made is not known
    /// any more.
    pub repeated: bool,
}

/// What an accepted command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// These events were recorded: none, if the wish was already true.
    Recorded(Vec<Recorded>),
    /// These events would be recorded.
    DryRun(Vec<Event>),
}

/// A command that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The asker may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The rules refuse it.
    #[error("{}", .0.detail)]
    Refused(Refusal),
    /// The report is not the next one of its agent's queue.
    #[error("the report is not the next one: the last that was taken is {last}")]
    OutOfTurn {
        /// The last number of that incarnation that was taken; 0 for a new incarnation.
        last: u64,
    },
    /// What was expected is not so any more.
    #[error("what the command expects is not so: the revision is {actual:?}")]
    ConditionFailed {
        /// What changed; none where it is about a login that nobody has.
        subject: Option<Subject>,
        /// Its revision now; none if there is no such thing.
        actual: Option<Position>,
    },
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// So many outcomes of commands with a key are kept that no more are: without a key, the command would be decided.
    #[error("{} outcomes of commands with an idempotency key are kept", if *own { "as many of your" } else { "too many" })]
    OutcomesFull {
        /// Whether the actor's own bound is reached, and not that of all together.
        own: bool,
        /// In how many seconds the oldest of them expires: at least 1.
        seconds: u64,
    },
    /// The queue is full.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The log takes nothing at present.
    #[error("the log is read-only: {0}")]
    ReadOnly(String),
    /// The log failed while the command was being recorded: it may or may not have happened.
    #[error("it is not known whether the command was recorded")]
    OutcomeUnknown,
    /// The server is stopping; the command was not taken.
    #[error("the server is stopping")]
    Stopping,
}

/// A moment before which nothing will be recorded any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// The last position that is durable.
    pub position: Position,
    /// Every later event is recorded after this moment.
    pub at: Timestamp,
}
