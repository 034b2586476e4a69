//! The log as lines of JSON, to be kept elsewhere and read back: the same events in the same commits, and so the same
//! Merkle root.
//!
//! One object a line, in this order:
//!
//! ```text
//! {"dkube_log":1,"cluster":"<uuid>","demonstration":false}
//! {"event":1,"bytes":"<base64>"}            the stored bytes of the event at position 1
//! {"record":1,"bytes":"<base64>"}           a record of that kind (an outcome, a mark)
//! {"commit":1,"size":7,"root":"<hex>"}      ends a commit: how many events there are now, and the root over them
//! {"end":1,"size":7,"root":"<hex>"}         ends the archive
//! ```
//!
//! Personal fields stay sealed: who restores a log restores the key ring and the master key with it.

use super::{IMPORTING, Log, LogError, LogReader, LogWriter, OpenOptions, Tip};
use crate::block::Record;
use crate::merkle::hex;
use crate::storage::{BlockKey, Storage};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Write};
use uuid::Uuid;

/// The version of the form.
const VERSION: u16 = 1;

/// The longest line that is read: an event or record as large as one may be, in base64, and what is around it.
const LINE_MAX: u64 = 64 * 1024;

/// The most events and records of one commit, so that nobody's archive fills the memory.
const COMMIT_MAX: usize = 1 << 20;

/// One line.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Header { dkube_log: u16, cluster: Uuid, demonstration: bool },
    Event { event: u64, bytes: String },
    Record { record: u8, bytes: String },
    Commit { commit: u64, size: u64, root: String },
    End { end: u64, size: u64, root: String },
}

/// The log can't be saved or restored.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The log can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The archive can't be read or written.
    #[error("cannot read or write the archive")]
    Io(#[from] io::Error),
    /// The archive is not one, or is damaged.
    #[error("line {line} of the archive: {what}")]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// What is read in is not what was saved.
    #[error("line {line} of the archive: the events up to here give another Merkle root than the one that was saved")]
    Root {
        /// The line, from 1.
        line: u64,
    },
    /// The folder holds a log.
    #[error("the folder holds a log of {0} events already: an archive is read into an empty folder")]
    NotEmpty(u64),
}

/// Writes the whole log, up to its present tip. `progress` is called with the commits done and in all.
///
/// # Errors
/// See [`ArchiveError`].
pub fn export(reader: &LogReader, mut to: impl Write, mut progress: impl FnMut(u64, u64)) -> Result<Tip, ArchiveError> {
    let tip = reader.tip();
    let mut line = |line: &Line| -> io::Result<()> {
        serde_json::to_writer(&mut to, line)?;
        to.write_all(b"\n")
    };
    let marker = reader.marker();
    line(&Line::Header { dkube_log: VERSION, cluster: marker.cluster, demonstration: marker.demonstration })?;
    let mut records: Vec<Record> = vec![];
    for read in reader.scan(BlockKey::MIN) {
        let (key, stored) = read.map_err(LogError::storage("read a block"))?;
        if key.commit > tip.commit {
            break;
        }
        let block = reader.decode(key, &stored)?;
        for (position, event) in block.events() {
            line(&Line::Event { event: position, bytes: BASE64.encode(event) })?;
        }
        records.extend(block.records());
        let header = block.header();
        if key.part + 1 == header.parts {
            for record in records.drain(..) {
                line(&Line::Record { record: record.kind, bytes: BASE64.encode(&record.bytes) })?;
            }
            line(&Line::Commit { commit: key.commit, size: header.tree_size(), root: hex(&header.root) })?;
            progress(key.commit, tip.commit);
        }
    }
    line(&Line::End { end: tip.commit, size: tip.size, root: hex(&tip.root) })?;
    to.flush()?;
    Ok(tip)
}

/// Reads an archive into an empty storage, commit by commit, each checked against the root that was saved with it.
/// `progress` is called with the commits done.
///
/// # Errors
/// See [`ArchiveError`]. What was read before the error stays: start again with an empty folder.
pub fn import(
    storage: Box<dyn Storage>,
    from: impl BufRead,
    mut progress: impl FnMut(u64),
) -> Result<Tip, ArchiveError> {
    let mut lines = Lines { from, number: 0 };
    let (cluster, demonstration) = match lines.next()? {
        Some(Line::Header { dkube_log: VERSION, cluster, demonstration }) => (cluster, demonstration),
        Some(Line::Header { dkube_log, .. }) => {
            return Err(lines.malformed(format!("form {dkube_log}, which another release writes")));
        }
        _ => return Err(lines.malformed("an archive begins with its header")),
    };
    let options = OpenOptions { demonstration, ..OpenOptions::new(Some(cluster)) };
    let (mut writer, _, recovered) = Log::open(storage, &options)?;
    if recovered.tip.commit > 0 {
        return Err(ArchiveError::NotEmpty(recovered.tip.size));
    }
    if recovered.marker.cluster != cluster {
        return Err(lines.malformed("the folder was founded as another cluster's: use an empty folder"));
    }
    // Until the last line is read, what is there is a part of a log, and must not pass for one.
    let files = writer.files();
    files.write(IMPORTING, b"").map_err(LogError::storage("begin an import"))?;
    let (mut events, mut records): (Vec<Vec<u8>>, Vec<Record>) = (vec![], vec![]);
    loop {
        if events.len() + records.len() > COMMIT_MAX {
            return Err(lines.malformed("a commit has more events and records than one may have"));
        }
        match lines.next()? {
            Some(Line::Event { event, bytes }) => {
                if event != writer.next_position() + events.len() as u64 {
                    return Err(lines.malformed(format!("event {event} is out of order")));
                }
                events.push(lines.bytes(&bytes)?);
            }
            Some(Line::Record { record, bytes }) => records.push(Record::new(record, lines.bytes(&bytes)?)),
            Some(Line::Commit { commit, size, root }) => {
                let tip = writer.commit(&events, &records)?.tip;
                lines.check(&tip, (commit, size, &root))?;
                events.clear();
                records.clear();
                progress(commit);
            }
            Some(Line::End { end, size, root }) if events.is_empty() && records.is_empty() => {
                lines.check(&writer.tip(), (end, size, &root))?;
                return close(writer);
            }
            Some(Line::End { .. }) => return Err(lines.malformed("the archive ends within a commit")),
            Some(Line::Header { .. }) => return Err(lines.malformed("a second header")),
            None => return Err(lines.malformed("the archive is cut short: its last line is missing")),
        }
    }
}

fn close(writer: LogWriter) -> Result<Tip, ArchiveError> {
    let (tip, files) = (writer.tip(), writer.files());
    writer.close()?;
    files.destroy(IMPORTING).map_err(LogError::storage("end an import"))?;
    Ok(tip)
}

/// The lines as they are read, counted.
struct Lines<R> {
    from: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Line>, ArchiveError> {
        self.number += 1;
        let mut text = String::new();
        let read = io::Read::take(&mut self.from, LINE_MAX).read_line(&mut text)?;
        if read == 0 {
            return Ok(None);
        }
        if !text.ends_with('\n') {
            return Err(self.malformed("it is longer than a line may be, or cut short"));
        }
        serde_json::from_str(&text).map(Some).map_err(|_| self.malformed("it is none of the lines of an archive"))
    }

    fn bytes(&self, text: &str) -> Result<Vec<u8>, ArchiveError> {
        BASE64.decode(text).map_err(|_| self.malformed("its bytes are not base64"))
    }

    fn check(&self, tip: &Tip, (commit, size, root): (u64, u64, &str)) -> Result<(), ArchiveError> {
        if (tip.commit, tip.size) != (commit, size) {
            let what = format!("it should be commit {} with {} events", tip.commit, tip.size);
            return Err(self.malformed(what));
        }
        if hex(&tip.root) == root { Ok(()) } else { Err(ArchiveError::Root { line: self.number }) }
    }

    fn malformed(&self, what: impl Into<String>) -> ArchiveError {
        ArchiveError::Malformed { line: self.number, what: what.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::kind;
    use crate::storage::simulated::SimulatedDisk;

    fn written(disk: &SimulatedDisk, commits: usize) -> LogReader {
        let options = OpenOptions::new(Some(Uuid::from_u128(9)));
        let (mut writer, reader, _) = Log::open(Box::new(disk.open().unwrap()), &options).unwrap();
        for commit in 0..commits {
            let events: Vec<Vec<u8>> =
                (0..commit % 300).map(|nth| vec![u8::try_from(nth % 251).unwrap(); 200]).collect();
            writer.commit(&events, &[Record::new(kind::MARK, vec![1, 2, 3])]).unwrap();
        }
        reader
    }

    fn archive(commits: usize) -> (Tip, Vec<u8>) {
        let reader = written(&SimulatedDisk::new(1), commits);
        let mut bytes = vec![];
        (export(&reader, &mut bytes, |_, _| {}).unwrap(), bytes)
    }

    fn read_in(bytes: &[u8]) -> Result<Tip, ArchiveError> {
        import(Box::new(SimulatedDisk::new(2).open().unwrap()), bytes, |_| {})
    }

    #[test]
    fn what_was_saved_gives_the_same_root() {
        let (tip, bytes) = archive(320);
        assert_eq!(read_in(&bytes).unwrap(), tip);
    }

    #[test]
    fn an_archive_that_is_cut_or_changed_is_refused() {
        let (_, bytes) = archive(20);
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for cut in 0..lines.len() {
            let short = lines[..cut].join("\n");
            assert!(read_in(short.as_bytes()).is_err(), "cut before line {}", cut + 1);
        }
        let event = lines.iter().position(|line| line.contains("event")).unwrap();
        let changed = text.replacen(lines[event], "{\"event\":1,\"bytes\":\"AAAA\"}", 1);
        assert!(matches!(read_in(changed.as_bytes()), Err(ArchiveError::Root { .. })));
    }

    #[test]
    fn a_folder_with_a_log_is_refused() {
        let (_, bytes) = archive(3);
        let disk = SimulatedDisk::new(3);
        drop(written(&disk, 2));
        let error = import(Box::new(disk.open().unwrap()), bytes.as_slice(), |_| {}).unwrap_err();
        assert!(matches!(error, ArchiveError::NotEmpty(1)), "{error}");
    }

    #[test]
    fn the_root_is_known_at_every_position() {
        let disk = SimulatedDisk::new(4);
        let reader = written(&disk, 60);
        let mut tree = crate::merkle::CompactRange::new();
        let mut roots = vec![tree.root()];
        reader
            .replay(0, u64::MAX, |_, event| {
                tree.append(crate::merkle::leaf_hash(event), &mut vec![]);
                roots.push(tree.root());
                Ok::<(), LogError>(())
            })
            .unwrap();
        assert!(roots.len() > 1500);
        for (size, root) in roots.iter().enumerate() {
            assert_eq!(reader.root_at(size as u64).unwrap(), Some(*root), "{size}");
        }
        assert_eq!(reader.root_at(roots.len() as u64).unwrap(), None);
    }
}
