//! Starting again: the state and the engine's memory, from the log.
use super::{
    Options,
    batch::Batch,
    decider::Decider,
    ledger::{Ledger, Saved},
};
use crate::{
    keyring::{KeyRing, KeyRingError},
    log::{LogError, LogReader},
    storage::{Files, StorageError},
};
use domain::{
    Cluster, Position, Recorded, Stamp, Timestamp, evolve,
    stored::{self, DecodeError, Vault},
};
use std::sync::Arc;

/// What the log tells at the start.
#[derive(Debug)]
pub struct Recovery {
    cluster: Cluster,
    ledger: Ledger,
    last: Timestamp,
    commit: u64,
}

/// The ledger's file.
pub(super) const LEDGER: &str = "ledger";

/// The log can't be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// It can't be read.
    #[error("cannot read the log")]
    Log(#[from] LogError),
    /// An event of it can't be decided after.
    #[error("cannot go on after the event at position {position}")]
    Event {
        /// Where it stands.
        position: Position,
        /// Why not.
        #[source]
        source: DecodeError,
    },
    /// A record of it is not what was ever written.
    #[error("a record of commit {0} is damaged, or of a kind that a newer release writes")]
    Record(u64),
    /// An event stands where another should.
    #[error("the event at position {expected} says that it is at {found}")]
    Misplaced {
        /// Where it stands.
        expected: Position,
        /// What it says.
        found: Position,
    },
    /// The disk failed.
    #[error("cannot read the ledger's file")]
    Storage(#[from] StorageError),
    /// An erasure that was interrupted can't be finished.
    #[error("cannot finish an interrupted erasure")]
    Erasure(#[from] KeyRingError),
}

impl Recovery {
    /// Reads the log from its beginning, or from where `cluster` (a snapshot that belongs to this log) stands, and
    /// finishes erasures that were interrupted. `tell` hears how far it is.
    ///
    /// # Errors
    /// See [`RecoverError`].
    pub fn from_log(
        reader: &LogReader,
        files: &dyn Files,
        keyring: &KeyRing,
        cluster: Option<Cluster>,
        mut tell: impl FnMut(Position),
    ) -> Result<Self, RecoverError> {
        let tip = reader.tip();
        let secret = *keyring.derived("idempotency");
        let saved = files.read(LEDGER)?.and_then(|bytes| Ledger::from_file(secret, &bytes));
        // One that knows more than the log was saved with a commit that never became durable.
        let saved = saved.filter(|saved| saved.commit <= tip.commit && saved.position.0 <= tip.size);
        let saved =
            saved.unwrap_or_else(|| Saved { ledger: Ledger::new(secret), commit: 0, position: Position::START });
        let cluster = cluster.unwrap_or_default();
        let mut recovery = Self { cluster, ledger: saved.ledger, last: Timestamp::default(), commit: tip.commit };
        for record in reader.records(saved.commit + 1) {
            let (commit, record) = record?;
            recovery.ledger.restore(&record).ok_or(RecoverError::Record(commit))?;
        }
        let start = recovery.cluster.at().position;
        recovery.read_origins(reader, saved.position, start)?;
        reader.replay(start.0, u64::MAX, |position, bytes| {
            recovery.fold(Position(position), bytes, keyring)?;
            if position % 100_000 == 0 {
                tell(Position(position));
            }
            Ok::<(), RecoverError>(())
        })?;
        recovery.last = recovery.cluster.at().recorded_at;
        let erased: Vec<_> = recovery.cluster.erased().collect();
        keyring.erase(&erased)?;
        Ok(recovery)
    }

    /// The reports whose events the snapshot of the cluster has, and the ledger's file has not.
    fn read_origins(&mut self, reader: &LogReader, after: Position, up_to: Position) -> Result<(), RecoverError> {
        reader.replay(after.0, up_to.0, |position, bytes| {
            let position = Position(position);
            let source = |source| RecoverError::Event { position, source };
            let (envelope, _) = stored::decode_envelope(bytes).map_err(source)?;
            self.ledger.restore_origin(&envelope.actor, envelope.origin.as_ref(), position);
            Ok(())
        })
    }

    fn fold(&mut self, expected: Position, bytes: &[u8], vault: &dyn Vault) -> Result<(), RecoverError> {
        let recorded: Recorded =
            stored::decode(bytes, vault).map_err(|source| RecoverError::Event { position: expected, source })?;
        if recorded.position != expected {
            return Err(RecoverError::Misplaced { expected, found: recorded.position });
        }
        self.ledger.restore_origin(&recorded.actor, recorded.origin.as_ref(), recorded.position);
        let at = Stamp { position: recorded.position, recorded_at: recorded.recorded_at };
        evolve(&mut self.cluster, at, &recorded.event);
        Ok(())
    }

    /// The state as the log has it.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn into_decider(self, vault: Arc<dyn Vault + Send + Sync>, options: Options) -> Decider {
        Decider {
            cluster: self.cluster,
            ledger: self.ledger,
            limits: options.limits,
            clock: options.clock,
            entropy: options.entropy,
            vault,
            last: self.last,
            batch: Batch::default(),
            commit: self.commit,
        }
    }
}
