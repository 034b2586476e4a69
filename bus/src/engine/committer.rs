//! Committing: a batch goes to the disk, and only then to anybody.
use super::{Counters, Failure, Planted, batch::Batch, recover::LEDGER};
use crate::{
    keyring::{KeyRing, KeyRingError},
    log::{LogError, LogReader, LogWriter},
    storage::{Files, StorageError},
};
use domain::Position;
use std::sync::Arc;
use tokio::sync::watch;

/// Why no more is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The disk is full: reading goes on, and a restart with more room goes on writing.
    Full(String),
    /// The log failed: only a restart tells what the disk holds.
    Failed(String),
}

/// The one that writes.
pub(super) struct Committer {
    pub(super) writer: LogWriter,
    pub(super) reader: LogReader,
    pub(super) keyring: Arc<KeyRing>,
    pub(super) watermark: watch::Sender<Position>,
    pub(super) counters: Arc<Counters>,
    pub(super) planted: Option<Planted>,
}

impl Committer {
    /// Makes a batch durable and shows it to readers. The batch that is left only waits to be answered.
    ///
    /// # Errors
    /// Nothing more can be committed; whether this batch was is not known.
    pub(super) fn commit(&mut self, batch: &mut Batch) -> Result<(), Halt> {
        if !batch.commits() {
            return Ok(());
        }
        self.keyring.persist().map_err(|error| match &error {
            KeyRingError::Storage(StorageError::Full { .. }) => Halt::Full(explain(&error)),
            _ => Halt::Failed(explain(&error)),
        })?;
        let (events, records) = (std::mem::take(&mut batch.events), std::mem::take(&mut batch.records));
        if self.planted == Some(Planted::PublishBeforeCommit) {
            self.watermark.send_replace(Position(self.reader.tip().size + events.len() as u64));
        }
        let appended = self.writer.append(&events, &records).map_err(|error| halt(&error))?;
        let tip = appended.committed().tip;
        if self.planted == Some(Planted::AnswerBeforeSync) {
            answer(std::mem::take(batch));
        }
        self.writer.sync().map_err(|error| halt(&error))?;
        self.counters.committed(&events);
        self.watermark.send_replace(Position(tip.size));
        if !batch.erased.is_empty() {
            self.keyring.erase(&batch.erased).map_err(|error| Halt::Failed(explain(&error)))?;
        }
        Ok(())
    }

    /// Renews `HEAD` and lets go of the log.
    pub(super) fn close(self) -> Result<(), Halt> {
        self.writer.close().map_err(|error| halt(&error))
    }
}

/// Answers a batch, which is durable, and saves the ledger's file that came with it, if one did. The file only spares
/// the next start a look through the log, so nothing depends on it.
pub(super) fn settle(mut batch: Batch, files: &dyn Files) {
    let ledger = batch.ledger.take();
    answer(batch);
    if let Some(error) = ledger.and_then(|file| files.write(LEDGER, &file).err()) {
        tracing::warn!(%error, "the ledger's file was not saved: the next start reads the log instead");
    }
}

/// Tells everybody who waits for this batch, which is durable.
fn answer(batch: Batch) {
    for (reply, verdict) in batch.waiting {
        // Who does not wait any more needs no answer.
        let _ = reply.send(verdict);
    }
}

impl Halt {
    /// What those are told who come later.
    pub(super) fn afterwards(&self) -> Failure {
        match self {
            Self::Full(why) | Self::Failed(why) => Failure::ReadOnly(why.clone()),
        }
    }
}

fn halt(error: &LogError) -> Halt {
    if error.is_full() { Halt::Full(explain(error)) } else { Halt::Failed(explain(error)) }
}

fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(deeper) = source {
        text = format!("{text}: {deeper}");
        source = deeper.source();
    }
    text
}
