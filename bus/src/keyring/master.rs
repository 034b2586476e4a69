use crate::clock::Entropy;
use std::{
    fmt, fs,
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The key under which the key ring is sealed. Kept outside the log and its backups.
#[derive(Clone)]
pub struct MasterKey(pub(super) Zeroizing<[u8; 32]>);

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// The master key can't be had.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file can't be read or made.
    #[error("cannot {what} the master key file {}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read the file.
    #[error("the master key file {} can be read by others (mode {mode:o}): make it 0600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not a key.
    #[error("the master key file {} is not 64 hexadecimal digits: restore it from its backup", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The file is gone, and things are sealed under it.
    #[error(
        "the master key file {} is missing, and the log's personal data is sealed under it: restore it from its backup",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
}

impl MasterKey {
    /// This key.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key in this file: 64 hexadecimal digits, readable by its owner alone. Makes it where `may_create` says that
    /// nothing was sealed yet.
    ///
    /// # Errors
    /// See [`MasterKeyError`].
    pub fn in_file(path: &Path, entropy: &dyn Entropy, may_create: bool) -> Result<Self, MasterKeyError> {
        match Self::of_file(path) {
            Err(MasterKeyError::Missing { .. }) if may_create => Self::made(path, entropy),
            key => key,
        }
    }

    /// The key in this file.
    pub(super) fn of_file(path: &Path) -> Result<Self, MasterKeyError> {
        match fs::File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(MasterKeyError::Missing { path: path.to_owned() })
            }
            Err(error) => Err(fails("open", path)(error)),
        }
    }

    /// A new key, in this file from now on.
    pub(super) fn made(path: &Path, entropy: &dyn Entropy) -> Result<Self, MasterKeyError> {
        let key = Self::random(entropy);
        key.write(path).map_err(fails("make", path))?;
        Ok(key)
    }

    /// The key's file takes the place of another one.
    pub(super) fn move_to(from: &Path, to: &Path) -> Result<(), MasterKeyError> {
        fs::rename(from, to).and_then(|()| sync_folder(to)).map_err(fails("replace", to))
    }

    /// The key's file goes.
    pub(super) fn remove(path: &Path) -> Result<(), MasterKeyError> {
        fs::remove_file(path).and_then(|()| sync_folder(path)).map_err(fails("remove", path))
    }

    fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        Self(bytes)
    }

    fn read(path: &Path, mut file: fs::File) -> Result<Self, MasterKeyError> {
        let mode = file.metadata().map_err(fails("read", path))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Exposed { path: path.to_owned(), mode });
        }
        // With room for all that is read: what it grew out of would not be wiped.
        let mut text = Zeroizing::new(String::with_capacity(2048));
        let malformed = || MasterKeyError::Malformed { path: path.to_owned() };
        match Read::by_ref(&mut file).take(1024).read_to_string(&mut text) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(malformed()),
            read => read.map_err(fails("read", path))?,
        };
        parse_hex(text.trim()).map(Self).ok_or_else(malformed)
    }

    /// A file that is whole and durable, or not there.
    fn write(&self, path: &Path) -> io::Result<()> {
        let partial = path.with_extension("partial");
        // What is there already has a mode of its own, or leads elsewhere: the key goes into a file that is made here.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        for byte in self.0.iter() {
            write!(file, "{byte:02x}")?;
        }
        writeln!(file)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        sync_folder(path)
    }
}

fn fails(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MasterKeyError {
    move |source| MasterKeyError::File { what, path: path.to_owned(), source }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::File::open(folder)?.sync_all()
}

fn parse_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemEntropy;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_key_goes_into_a_file_of_its_own_whatever_is_there() {
        let lie_in_wait: [fn(&Path, &Path); 2] = [
            |others, partial| {
                fs::set_permissions(others, fs::Permissions::from_mode(0o666)).unwrap();
                fs::hard_link(others, partial).unwrap();
            },
            |others, partial| symlink(others, partial).unwrap(),
        ];
        for lie_in_wait in lie_in_wait {
            let folder = tempfile::tempdir().unwrap();
            let (path, others) = (folder.path().join("master.key"), folder.path().join("others"));
            fs::write(&others, "").unwrap();
            lie_in_wait(&others, &path.with_extension("partial"));
            let made = MasterKey::made(&path, &SystemEntropy).unwrap();
            assert_eq!(fs::read(&others).unwrap(), b"");
            let about = fs::symlink_metadata(&path).unwrap();
            assert!(about.is_file());
            assert_eq!(about.permissions().mode() & 0o777, 0o600);
            assert_eq!(MasterKey::of_file(&path).unwrap().0, made.0);
            assert!(!path.with_extension("partial").exists());
        }
        // What can't go is not written over.
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("master.partial")).unwrap();
        assert!(MasterKey::made(&folder.path().join("master.key"), &SystemEntropy).is_err());
    }

    #[test]
    fn what_is_no_text_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::made(&path, &SystemEntropy).unwrap();
        for bytes in [&[0xff; 64][..], &[b'5'; 63], &[b'x'; 64], b""] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(MasterKey::of_file(&path), Err(MasterKeyError::Malformed { .. })), "{bytes:?}");
        }
    }
}
