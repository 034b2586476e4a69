//! What is done to sled's files before and after sled opens them.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};

use super::super::StorageError;
use super::super::folder::{create_folder, sync_folder};
use super::DAMAGED;

/// Readies the files for opening: syncs them, drops their cached pages, refuses blobs, and moves snapshots aside
/// that would keep sled from opening.
pub(super) fn prepare(folder: &Path) -> Result<(), StorageError> {
    refuse_blobs(folder)?;
    for path in files(folder)? {
        sync_and_forget(&path).map_err(|error| StorageError::io(format!("sync {}", path.display()), error))?;
    }
    move_torn_snapshots(folder)
}

/// Makes everything that opening created durable: the files, and their names in their folders.
pub(super) fn sync_new_files(folder: &Path) -> Result<(), StorageError> {
    for path in files(folder)? {
        File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(|error| StorageError::io(format!("sync {}", path.display()), error))?;
    }
    sync_folder(&folder.join("blobs"))?;
    sync_folder(folder)
}

/// sled never syncs what it puts into `blobs/`, so nothing may be there.
pub(super) fn refuse_blobs(folder: &Path) -> Result<(), StorageError> {
    let blobs = folder.join("blobs");
    let found = match fs::read_dir(&blobs) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(StorageError::io(format!("list {}", blobs.display()), error)),
    };
    if !found {
        return Ok(());
    }
    Err(StorageError::Corrupt {
        what: "found files, and values stored there are not durable".to_owned(),
        place: blobs.display().to_string(),
        advice: DAMAGED,
    })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let list = || -> std::io::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                paths.push(entry.path());
            }
        }
        paths.sort();
        Ok(paths)
    };
    list().map_err(|error| StorageError::io(format!("list {}", folder.display()), error))
}

/// After a sync that failed, the kernel may show pages that the disk never got. Dirty pages can't be dropped, so
/// they are synced first.
fn sync_and_forget(path: &Path) -> std::io::Result<()> {
    let file = File::open(path)?;
    file.sync_data()?;
    fadvise(&file, 0, None, Advice::DontNeed)?;
    Ok(())
}

fn move_torn_snapshots(folder: &Path) -> Result<(), StorageError> {
    let mut moved = false;
    let mut sound_seen = false;
    // From the newest down: sled reads only the newest, and an older one that is sound will do as well.
    for path in files(folder)?.into_iter().rev() {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if !name.starts_with("snap.") {
            continue;
        }
        let torn = if name.ends_with(".generating") {
            true
        } else if sound_seen {
            false
        } else {
            sound_seen = snapshot_is_sound(&path)?;
            !sound_seen
        };
        if torn {
            move_aside(folder, &path, name)?;
            moved = true;
        }
    }
    if moved { sync_folder(folder) } else { Ok(()) }
}

fn move_aside(folder: &Path, path: &Path, name: &str) -> Result<(), StorageError> {
    let aside = folder.join("aside");
    create_folder(&aside)?;
    let mut to = aside.join(format!("0.{name}"));
    for n in 1_u64.. {
        if !to.exists() {
            break;
        }
        to = aside.join(format!("{n}.{name}"));
    }
    tracing::warn!(from = %path.display(), to = %to.display(), "moved a torn snapshot of the store's page table aside; it is only a cache");
    fs::rename(path, &to).map_err(|error| StorageError::io(format!("move {} aside", path.display()), error))?;
    sync_folder(&aside)
}

/// A snapshot ends with its length and the CRC-32 of what comes before both.
fn snapshot_is_sound(path: &Path) -> Result<bool, StorageError> {
    let bytes = fs::read(path).map_err(|error| StorageError::io(format!("read {}", path.display()), error))?;
    let Some((rest, crc)) = bytes.split_last_chunk::<4>() else { return Ok(false) };
    let Some((body, _length)) = rest.split_last_chunk::<8>() else { return Ok(false) };
    Ok(!body.is_empty() && crc32(body) == u32::from_le_bytes(*crc))
}

/// CRC-32 as in IEEE 802.3, which sled uses; blocks carry CRC-32C.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let (mut n, mut entry) = (0, 0);
        while n < 256 {
            let mut crc = entry;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
                bit += 1;
            }
            table[n] = crc;
            n += 1;
            entry += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc: u32, byte| (crc >> 8) ^ TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_of_the_usual_check() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
