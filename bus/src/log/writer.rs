//! The one writer of a log.

use std::collections::VecDeque;
use std::sync::Arc;

use super::frame::{Framed, Framer};
use super::guard::Head;
use super::reader::LogReader;
use super::{Committed, LogError, Tip};
use crate::block::{Block, Record};
use crate::storage::{Files, Storage};

/// Commits events and records: a [`Framer`], which only computes, and an [`Appender`], which only does I/O.
#[derive(Debug)]
pub struct LogWriter {
    pub(super) framer: Framer,
    appender: Appender,
}

/// Appends framed commits and makes them durable.
pub(super) struct Appender {
    storage: Box<dyn Storage>,
    files: Arc<dyn Files>,
    reader: LogReader,
    /// The last commit appended; the reader's tip is the last one synced.
    appended: u64,
    /// Blocks appended and not yet synced.
    pending: VecDeque<(Committed, Vec<Arc<Block>>)>,
    head_every: u64,
    /// The last commit that `HEAD` knows; 0 for none.
    head: u64,
    poisoned: Option<Arc<str>>,
}

/// A commit that was appended and is not durable: it may be answered only after [`Appender::sync`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "it is not durable before a sync"]
pub struct Appended(Committed);

impl Appended {
    /// What is committed once it is synced.
    pub const fn committed(&self) -> &Committed {
        &self.0
    }
}

impl std::fmt::Debug for Appender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Appender")
            .field("appended", &self.appended)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

impl LogWriter {
    pub(super) const fn new(framer: Framer, appender: Appender) -> Self {
        Self { framer, appender }
    }

    /// Frames, appends and syncs one commit: it is durable when this has returned `Ok`.
    ///
    /// # Errors
    /// [`LogError::Invalid`] changes nothing. After any other error it is not known whether the commit is there,
    /// and the writer answers [`LogError::Poisoned`] from then on.
    pub fn commit(&mut self, events: &[impl AsRef<[u8]>], records: &[Record]) -> Result<Committed, LogError> {
        let Appended(committed) = self.append(events, records)?;
        self.sync()?;
        Ok(committed)
    }

    /// The first half of [`commit`](Self::commit): durable only after [`sync`](Self::sync).
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn append(&mut self, events: &[impl AsRef<[u8]>], records: &[Record]) -> Result<Appended, LogError> {
        self.appender.check()?;
        let framed = self.framer.frame(events, records)?;
        self.appender.append(framed)
    }

    /// The second half of [`commit`](Self::commit); `None` when nothing was appended since the last.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn sync(&mut self) -> Result<Option<Committed>, LogError> {
        self.appender.sync()
    }

    /// The position that the next event gets.
    pub const fn next_position(&self) -> u64 {
        self.framer.next_position()
    }

    /// The end of what is durable.
    pub fn tip(&self) -> Tip {
        self.appender.tip()
    }

    /// The small files of the storage.
    pub fn files(&self) -> Arc<dyn Files> {
        self.appender.files()
    }

    /// Renews `HEAD` now, as with a signed checkpoint.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn write_head(&mut self) -> Result<(), LogError> {
        self.appender.write_head()
    }

    /// Renews `HEAD` and lets go of the storage.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn close(self) -> Result<(), LogError> {
        self.appender.close()
    }
}

impl Appender {
    pub(super) fn new(storage: Box<dyn Storage>, reader: LogReader, head_every: u64, head: u64) -> Self {
        let files = storage.files();
        let appended = reader.tip().commit;
        Self { storage, files, reader, appended, pending: VecDeque::new(), head_every, head, poisoned: None }
    }

    /// Appends a commit; durable only after [`sync`](Self::sync).
    ///
    /// # Errors
    /// [`LogError::Storage`], and [`LogError::Invalid`] for a commit framed in another order; both poison the log.
    pub(super) fn append(&mut self, framed: Framed) -> Result<Appended, LogError> {
        self.check()?;
        let Framed { blocks, stored, committed } = framed;
        let result = if committed.tip.commit == self.appended + 1 {
            self.storage.append(stored).map_err(LogError::storage("append a commit"))
        } else {
            Err(LogError::Invalid(format!("commit {} can't follow commit {}", committed.tip.commit, self.appended)))
        };
        result.map_err(|error| self.poisons(error))?;
        self.appended = committed.tip.commit;
        self.pending.push_back((committed, blocks));
        Ok(Appended(committed))
    }

    /// Makes all that was appended durable and shows it to readers; the last commit of it, or `None` when there
    /// was nothing.
    ///
    /// # Errors
    /// [`LogError::Storage`], which poisons the log.
    pub(super) fn sync(&mut self) -> Result<Option<Committed>, LogError> {
        self.check()?;
        let Some(last) = self.pending.back().map(|(committed, _)| *committed) else { return Ok(None) };
        self.storage.sync().map_err(LogError::storage("sync a commit")).map_err(|error| self.poisons(error))?;
        // Whoever was ever answered must find a HEAD that keeps the log from being founded again.
        if self.head == 0 || last.tip.commit - self.head >= self.head_every {
            self.put_head(last.tip)?;
        }
        for (_, blocks) in self.pending.drain(..) {
            self.reader.push_recent(blocks);
        }
        self.reader.set_tip(last.tip);
        Ok(Some(last))
    }

    /// The end of what is durable.
    pub(super) fn tip(&self) -> Tip {
        self.reader.tip()
    }

    /// The small files of the storage.
    pub(super) fn files(&self) -> Arc<dyn Files> {
        Arc::clone(&self.files)
    }

    /// Renews `HEAD` now.
    ///
    /// # Errors
    /// [`LogError::Storage`], which poisons the log.
    pub(super) fn write_head(&mut self) -> Result<(), LogError> {
        self.check()?;
        let tip = self.tip();
        if tip.commit == self.head { Ok(()) } else { self.put_head(tip) }
    }

    /// Renews `HEAD` and lets go of the storage.
    ///
    /// # Errors
    /// As [`write_head`](Self::write_head).
    pub(super) fn close(mut self) -> Result<(), LogError> {
        self.write_head()
    }

    pub(super) fn check(&self) -> Result<(), LogError> {
        match &self.poisoned {
            None => Ok(()),
            Some(cause) => Err(LogError::Poisoned { cause: Arc::clone(cause) }),
        }
    }

    fn put_head(&mut self, tip: Tip) -> Result<(), LogError> {
        let head = Head { cluster: self.reader.marker().cluster, tip };
        head.write(&*self.files).map_err(|error| self.poisons(error))?;
        self.head = tip.commit;
        Ok(())
    }

    fn poisons(&mut self, error: LogError) -> LogError {
        let mut cause = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(deeper) = source {
            cause = format!("{cause}: {deeper}");
            source = deeper.source();
        }
        self.poisoned = Some(cause.into());
        error
    }
}
