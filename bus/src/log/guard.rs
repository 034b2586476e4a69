//! The two files that keep a damaged log from founding a second cluster.
//!
//! `CLUSTER` is written once, before the first append: which cluster this is. `HEAD` says how far the log is known
//! to reach: it is there before the first commit is answered, is renewed every so often, and at shutdown. A log
//! that is empty, shorter or different than they say is refused and explained; only a founding that was interrupted
//! before any `HEAD` may go on, with the same id.
//!
//! Both are lines of `key=value` for people to read, and end with a checksum.

use std::fmt::Write as _;

use uuid::Uuid;

use super::{LogError, RESTORE, Tip};
use crate::merkle::Hash;
use crate::storage::{Files, StorageError};

/// The name of the file that says which cluster this is.
pub const CLUSTER: &str = "CLUSTER";

/// The name of the file that says how far the log is known to reach.
pub const HEAD: &str = "HEAD";

/// The format of both files and of the log as a whole.
const FORMAT: u16 = 1;

/// What `CLUSTER` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// The cluster's id, which is the log's id.
    pub cluster: Uuid,
    /// Whether the log is a demonstration: simulated GPUs, and nothing that may be mixed with real ones.
    pub demonstration: bool,
}

/// What `HEAD` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) cluster: Uuid,
    pub(super) tip: Tip,
}

impl Marker {
    fn to_text(self) -> String {
        sealed(format!(
            "# Which cluster's log this folder holds. Written once; keep it with the log.\n\
             format={FORMAT}\ncluster={}\ndemonstration={}\n",
            self.cluster, self.demonstration
        ))
    }

    /// What the file says; `None` when there is none.
    ///
    /// # Errors
    /// [`LogError`] when it can't be read or is damaged.
    pub fn read(files: &dyn Files) -> Result<Option<Self>, LogError> {
        let Some(lines) = Lines::read(files, CLUSTER)? else { return Ok(None) };
        Ok(Some(Self { cluster: lines.get("cluster")?, demonstration: lines.get("demonstration")? }))
    }

    pub(super) fn write(self, files: &dyn Files) -> Result<(), LogError> {
        files.write(CLUSTER, self.to_text().as_bytes()).map_err(LogError::storage("write CLUSTER"))
    }
}

impl Head {
    fn to_text(self) -> String {
        let mut text = format!(
            "# How far the log is known to reach. A log that is shorter has lost something.\n\
             format={FORMAT}\ncluster={}\ncommit={}\nsize={}\nroot=",
            self.cluster, self.tip.commit, self.tip.size
        );
        for byte in self.tip.root {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
        sealed(text)
    }

    pub(super) fn read(files: &dyn Files) -> Result<Option<Self>, LogError> {
        let Some(lines) = Lines::read(files, HEAD)? else { return Ok(None) };
        let root = parse_root(&lines.get::<String>("root")?).ok_or_else(|| lines.unreadable("root"))?;
        let tip = Tip { commit: lines.get("commit")?, size: lines.get("size")?, root };
        Ok(Some(Self { cluster: lines.get("cluster")?, tip }))
    }

    pub(super) fn write(self, files: &dyn Files) -> Result<(), LogError> {
        files.write(HEAD, self.to_text().as_bytes()).map_err(LogError::storage("write HEAD"))
    }

    /// Refuses a log that ends before this, or belongs to another cluster.
    pub(super) fn check_reached(&self, marker: Marker, tip: Option<&Tip>) -> Result<(), LogError> {
        let known = format!("HEAD says that it reached commit {} with {} events", self.tip.commit, self.tip.size);
        if self.cluster != marker.cluster {
            let reason = format!("HEAD is of cluster {} and CLUSTER says {}", self.cluster, marker.cluster);
            return Err(LogError::refused(reason, RESTORE));
        }
        match tip {
            None => Err(LogError::refused(format!("log is empty, and {known}"), RESTORE)),
            Some(tip) if tip.commit < self.tip.commit || tip.size < self.tip.size => {
                let reason = format!("log ends at commit {} with {} events, and {known}", tip.commit, tip.size);
                Err(LogError::refused(reason, RESTORE))
            }
            Some(_) => Ok(()),
        }
    }

    /// Compares what the log says it was when it reached the commit that this names.
    pub(super) fn check_same(&self, then: &Tip) -> Result<(), LogError> {
        if *then == self.tip {
            return Ok(());
        }
        let reason = format!(
            "log is not the one that HEAD knows: at commit {} it had {} events or another root than the {} events there",
            self.tip.commit, then.size, self.tip.size
        );
        Err(LogError::refused(reason, RESTORE))
    }
}

fn sealed(mut text: String) -> String {
    let checksum = crc32c::crc32c(text.as_bytes());
    let _ = writeln!(text, "checksum={checksum:08x}");
    text
}

fn parse_root(text: &str) -> Option<Hash> {
    let mut root = Hash::default();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (n, byte) in root.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).ok()?;
    }
    Some(root)
}

/// The lines of a file whose checksum held.
struct Lines {
    name: &'static str,
    text: String,
}

impl Lines {
    fn read(files: &dyn Files, name: &'static str) -> Result<Option<Self>, LogError> {
        let Some(bytes) = files.read(name).map_err(LogError::storage("read CLUSTER and HEAD"))? else {
            return Ok(None);
        };
        let damaged = || {
            LogError::storage("read CLUSTER and HEAD")(StorageError::Corrupt {
                what: "checksum does not hold".to_owned(),
                place: name.to_owned(),
                advice: RESTORE,
            })
        };
        let text = String::from_utf8(bytes).map_err(|_| damaged())?;
        let body = text.lines().next_back().filter(|last| last.starts_with("checksum=")).map(|last| last.len() + 1);
        let body = body.and_then(|seal| text.get(..text.len().checked_sub(seal)?)).ok_or_else(damaged)?;
        if sealed(body.to_owned()) != text {
            return Err(damaged());
        }
        let lines = Self { name, text };
        let format: u16 = lines.get("format")?;
        if format > FORMAT {
            return Err(LogError::storage("read CLUSTER and HEAD")(StorageError::Unsupported {
                what: format!("it has format {format}, and this version knows {FORMAT}"),
                place: name.to_owned(),
            }));
        }
        Ok(Some(lines))
    }

    fn get<T: std::str::FromStr>(&self, key: &str) -> Result<T, LogError> {
        let value = self.text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        value.and_then(|value| value.parse().ok()).ok_or_else(|| self.unreadable(key))
    }

    fn unreadable(&self, key: &str) -> LogError {
        LogError::storage("read CLUSTER and HEAD")(StorageError::Corrupt {
            what: format!("{key} can't be read"),
            place: self.name.to_owned(),
            advice: RESTORE,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Storage as _;
    use crate::storage::simulated::SimulatedDisk;

    const MARKER: Marker = Marker { cluster: Uuid::from_u128(0x1234), demonstration: true };

    #[test]
    fn both_are_read_as_written() {
        let disk = SimulatedDisk::new(0);
        let storage = disk.open().unwrap();
        let files = storage.files();
        assert_eq!(Marker::read(&*files).unwrap(), None);
        MARKER.write(&*files).unwrap();
        assert_eq!(Marker::read(&*files).unwrap(), Some(MARKER));
        let head = Head { cluster: MARKER.cluster, tip: Tip { commit: 7, size: 40, root: [0xab; 32] } };
        head.write(&*files).unwrap();
        assert_eq!(Head::read(&*files).unwrap(), Some(head));
        let text = String::from_utf8(disk.file(CLUSTER).unwrap()).unwrap();
        assert!(
            text.contains("\ncluster=00000000-0000-0000-0000-000000001234\ndemonstration=true\nchecksum="),
            "{text}"
        );
    }

    #[test]
    fn a_changed_byte_is_refused() {
        let disk = SimulatedDisk::new(0);
        let storage = disk.open().unwrap();
        let files = storage.files();
        MARKER.write(&*files).unwrap();
        let good = disk.file(CLUSTER).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            disk.replace_file(CLUSTER, Some(bad));
            Marker::read(&*files).unwrap_err();
            disk.replace_file(CLUSTER, Some(good[..at].to_vec()));
            Marker::read(&*files).unwrap_err();
        }
    }

    #[test]
    fn a_newer_format_asks_for_an_upgrade() {
        let disk = SimulatedDisk::new(0);
        let storage = disk.open().unwrap();
        disk.replace_file(CLUSTER, Some(sealed("format=2\nnovelty=1\n".to_owned()).into_bytes()));
        let error = Marker::read(&*storage.files()).unwrap_err();
        assert!(matches!(error, LogError::Storage { source: StorageError::Unsupported { .. }, .. }));
    }
}
