//! Starting again: the state and the engine's memory, from the log.
use super::{
    Options,
    attempts::Attempts,
    batch::Batch,
    decider::Decider,
    ledger::{Ledger, Saved},
};
use crate::{
    block::kind,
    keyring::{KeyRing, KeyRingError},
    log::{LogError, LogReader},
    storage::{Files, StorageError},
};
use domain::{
    Cluster, EventId, Position, Recorded, Stamp, Timestamp, evolve,
    stored::{self, DecodeError, Vault},
};
use std::sync::Arc;

/// What the log tells at the start.
#[derive(Debug)]
pub struct Recovery {
    cluster: Cluster,
    ledger: Ledger,
    last: Timestamp,
    last_event: Option<EventId>,
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

/// The ledger's file, where it is this log's. One that is not (it was saved with a commit that never became durable, or
/// lies beside another backup) must be gone before anything is committed: later it would pass for this log's.
fn saved_ledger(reader: &LogReader, files: &dyn Files, secret: [u8; 32]) -> Result<Saved, RecoverError> {
    if let Some(bytes) = files.read(LEDGER)? {
        if let Some(saved) = Ledger::from_file(secret, &bytes)
            && saved.commit <= reader.tip().commit
            && saved.position.0 <= reader.tip().size
            && saved.event == event_at(reader, saved.position)?
        {
            return Ok(saved);
        }
        files.destroy(LEDGER)?;
    }
    Ok(Saved::nothing(secret))
}

/// The id of the event at a position that is committed; none at 0.
fn event_at(reader: &LogReader, position: Position) -> Result<Option<EventId>, RecoverError> {
    let found = reader.read(position.0.saturating_sub(1), position.0, 1, 1)?;
    let envelope = found.first().map(|event| stored::decode_envelope(&event.bytes)).transpose();
    Ok(envelope.map_err(|source| RecoverError::Event { position, source })?.map(|(envelope, _)| envelope.id))
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
        let saved = saved_ledger(reader, files, secret)?;
        let cluster = cluster.unwrap_or_default();
        let last_event = event_at(reader, Position(tip.size))?;
        let last = Timestamp::default();
        let mut recovery = Self { cluster, ledger: saved.ledger, last, last_event, commit: tip.commit };
        for record in reader.records(saved.outcomes_from) {
            let (commit, record) = record?;
            // The file has the marks, and not the outcomes.
            if record.kind != kind::MARK || commit > saved.commit {
                recovery.ledger.restore(commit, &record).ok_or(RecoverError::Record(commit))?;
            }
        }
        let start = recovery.cluster.at().position;
        recovery.read_origins(reader, saved.position, start)?;
        reader.replay(start.0, u64::MAX, |position, bytes| {
            let position = Position(position);
            let recorded = recovery.fold(position, bytes, keyring)?;
            if position > saved.position {
                recovery.ledger.restore_origin(&recorded.actor, recorded.origin.as_ref(), position);
            }
            if position.0.is_multiple_of(100_000) {
                tell(position);
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

    fn fold(&mut self, expected: Position, bytes: &[u8], vault: &dyn Vault) -> Result<Recorded, RecoverError> {
        let recorded: Recorded =
            stored::decode(bytes, vault).map_err(|source| RecoverError::Event { position: expected, source })?;
        if recorded.position != expected {
            return Err(RecoverError::Misplaced { expected, found: recorded.position });
        }
        let at = Stamp { position: recorded.position, recorded_at: recorded.recorded_at };
        evolve(&mut self.cluster, at, &recorded.event);
        Ok(recorded)
    }

    /// The state as the log has it.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub(super) fn into_decider(self, vault: Arc<dyn Vault + Send + Sync>, options: Options) -> Decider {
        Decider {
            cluster: self.cluster,
            ledger: self.ledger.within(options.outcomes),
            limits: options.limits,
            clock: options.clock,
            entropy: options.entropy,
            vault,
            last: self.last,
            last_event: self.last_event,
            attempts: Attempts::default(),
            batch: Batch::default(),
            commit: self.commit,
            ledger_every: options.ledger_every.max(1),
            ledger_saved: self.commit,
        }
    }
}
