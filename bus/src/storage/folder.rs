//! Small named files in a real folder.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Files, Poison, StorageError, check_name};

/// Files of one folder; see [`Files`] for what is promised.
///
/// A file is written beside its place as `.<name>.new`, synced, renamed into place, and the folder is synced. What
/// a crash leaves under the temporary name is overwritten by the next write of that file.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    poison: Poison,
    /// Two writers of one name would share its temporary file.
    writing: Mutex<()>,
}

impl Folder {
    pub(super) const fn new(path: PathBuf, poison: Poison) -> Self {
        Self { path, poison, writing: Mutex::new(()) }
    }

    fn place(&self, name: &str) -> Result<(PathBuf, PathBuf), StorageError> {
        check_name(name)?;
        Ok((self.path.join(name), self.path.join(format!(".{name}.new"))))
    }

    fn replace(&self, name: &str, bytes: &[u8], destroy_old: bool) -> Result<(), StorageError> {
        let (place, temporary) = self.place(name)?;
        self.poison.check("write a file")?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = if destroy_old { open_if_there(&place)? } else { None };
        if let Err(error) = write_new(&temporary, bytes) {
            // It may be what fills the disk. Whether that helps or not, the first error is the one to tell.
            let _ = fs::remove_file(&temporary);
            return Err(StorageError::io(format!("write {}", temporary.display()), error));
        }
        fs::rename(&temporary, &place)
            .map_err(|error| StorageError::io(format!("rename {} into place", temporary.display()), error))?;
        sync_folder(&self.path)?;
        match old {
            Some(file) => {
                overwrite(file).map_err(|e| StorageError::io(format!("overwrite the old {}", place.display()), e))
            }
            None => Ok(()),
        }
    }
}

impl Files for Folder {
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let (place, _) = self.place(name)?;
        match fs::read(&place) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StorageError::io(format!("read {}", place.display()), error)),
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.replace(name, bytes, false)
    }

    fn write_destroying(&self, name: &str, bytes: &[u8]) -> Result<(), StorageError> {
        self.replace(name, bytes, true)
    }

    fn destroy(&self, name: &str) -> Result<(), StorageError> {
        let (place, temporary) = self.place(name)?;
        self.poison.check("destroy a file")?;
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for path in [temporary, place] {
            let Some(file) = open_if_there(&path)? else { continue };
            overwrite(file).map_err(|e| StorageError::io(format!("overwrite {}", path.display()), e))?;
            fs::remove_file(&path).map_err(|e| StorageError::io(format!("remove {}", path.display()), e))?;
        }
        sync_folder(&self.path)
    }

    fn names(&self) -> Result<Vec<String>, StorageError> {
        let list = || -> std::io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in fs::read_dir(&self.path)? {
                let entry = entry?;
                if let Ok(name) = entry.file_name().into_string()
                    && check_name(&name).is_ok()
                    && name != super::sled::LOCK
                    && entry.file_type()?.is_file()
                {
                    names.push(name);
                }
            }
            names.sort();
            Ok(names)
        };
        list().map_err(|error| StorageError::io(format!("list {}", self.path.display()), error))
    }
}

/// Creates a folder and those above it, each synced into the one above.
pub(super) fn create_folder(path: &Path) -> Result<(), StorageError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    create_folder(above)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StorageError::io(format!("create folder {}", path.display()), error))
        }
        _ => sync_folder(above),
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StorageError> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| StorageError::io(format!("sync folder {}", path.display()), error))
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn open_if_there(path: &Path) -> Result<Option<File>, StorageError> {
    match OpenOptions::new().write(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StorageError::io(format!("open {}", path.display()), error)),
    }
}

/// Puts zeros over all of a file's bytes.
fn overwrite(mut file: File) -> std::io::Result<()> {
    let mut left = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let zeros = [0; 8192];
    file.seek(SeekFrom::Start(0))?;
    while left > 0 {
        let step = left.min(zeros.len());
        file.write_all(&zeros[..step])?;
        left -= step;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_listed_and_destroyed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        create_folder(&path).unwrap();
        let files = Folder::new(path.clone(), Poison::default());
        assert_eq!(files.read("HEAD").unwrap(), None);
        files.write("HEAD", b"one").unwrap();
        fs::hard_link(path.join("HEAD"), path.join("old")).unwrap();
        files.write_destroying("HEAD", b"second").unwrap();
        assert_eq!(files.read("HEAD").unwrap().unwrap(), b"second");
        assert_eq!(files.read("old").unwrap().unwrap(), [0; 3]);
        assert_eq!(files.names().unwrap(), ["HEAD", "old"]);
        files.destroy("HEAD").unwrap();
        files.destroy("HEAD").unwrap();
        assert_eq!(files.names().unwrap(), ["old"]);
        assert!(files.write("../x", b"").is_err());
    }

    #[test]
    fn a_poisoned_storage_writes_no_files() {
        let dir = tempfile::tempdir().unwrap();
        let poison = Poison::default();
        let files = Folder::new(dir.path().to_path_buf(), poison.clone());
        files.write("HEAD", b"one").unwrap();
        let _ = poison.poisons(StorageError::Refused("test".into()));
        assert!(matches!(files.write("HEAD", b"two"), Err(StorageError::Poisoned { .. })));
        assert_eq!(files.read("HEAD").unwrap().unwrap(), b"one");
    }
}
