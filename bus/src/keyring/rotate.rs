//! The key ring under a key in a file, and under another one from then on.
//!
//! A new key is written beside the old one, as `FILE.next`; then the ring is sealed under it; then it takes the old one's place.
//! Whatever that is interrupted by, one of the two opens the ring, and the next start finishes or drops it.
use super::{KeyRing, KeyRingError, Keys, MasterKey, MasterKeyError, file};
use crate::{clock::Entropy, storage::Files};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The key ring can't be had, or not be sealed anew.
#[derive(Debug, thiserror::Error)]
pub enum RingError {
    /// The master key.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
    /// The ring.
    #[error(transparent)]
    Ring(#[from] KeyRingError),
}

impl RingError {
    /// Whether the master key or the ring is gone, or the one does not open the other: not to be mended but by a backup.
    pub const fn is_loss(&self) -> bool {
        matches!(
            self,
            Self::Key(MasterKeyError::Missing { .. } | MasterKeyError::Malformed { .. })
                | Self::Ring(KeyRingError::Missing | KeyRingError::Closed)
        )
    }
}

/// The key ring under the master key in this file. Both are made where `may_create` says that nothing was sealed yet. Finishes
/// what a [`rotate`] that was interrupted has begun.
///
/// # Errors
/// See [`RingError`].
pub fn open(
    master: &Path,
    files: &Arc<dyn Files>,
    entropy: &Arc<dyn Entropy>,
    may_create: bool,
) -> Result<KeyRing, RingError> {
    settle(master, &**files)?;
    let key = MasterKey::in_file(master, &**entropy, may_create)?;
    Ok(KeyRing::open(key, Arc::clone(files), Arc::clone(entropy), may_create)?)
}

/// Seals the ring under a new master key, which takes the place of the one in this file. The events and snapshots stay as they
/// are: they are sealed under the keys in the ring.
///
/// # Errors
/// See [`RingError`]. The ring then opens with the key that is in the file, after the next [`open`] at the latest.
pub fn rotate(master: &Path, files: &Arc<dyn Files>, entropy: &Arc<dyn Entropy>) -> Result<(), RingError> {
    settle(master, &**files)?;
    let old = MasterKey::in_file(master, &**entropy, false)?;
    let keys = file::load(&**files, &old)?.ok_or(KeyRingError::Missing)?;
    let new = MasterKey::made(&next(master), &**entropy)?;
    seal(&**files, &new, &**entropy, &keys)?;
    MasterKey::move_to(&next(master), master)?;
    Ok(())
}

fn seal(files: &dyn Files, key: &MasterKey, entropy: &dyn Entropy, keys: &Keys) -> Result<(), KeyRingError> {
    // The old file opens with the old key, which may be known to somebody: so it is destroyed.
    file::save(files, key, entropy, keys, true)
}

/// Which of two keys is the ring's, where both are there.
fn settle(master: &Path, files: &dyn Files) -> Result<(), RingError> {
    let next = next(master);
    if !next.exists() {
        return Ok(());
    }
    let opens = |path: &Path| -> Result<bool, RingError> {
        let key = match MasterKey::of_file(path) {
            // What is no key opens nothing, and the other one may.
            Err(MasterKeyError::Malformed { .. }) => return Ok(false),
            key => key?,
        };
        match file::load(files, &key) {
            Ok(keys) => Ok(keys.is_some()),
            Err(KeyRingError::Closed) => Ok(false),
            Err(error) => Err(error.into()),
        }
    };
    if master.exists() && opens(master)? {
        tracing::warn!(key = %next.display(), "a new master key was never used: it is thrown away");
        return Ok(MasterKey::remove(&next)?);
    }
    if opens(&next)? {
        tracing::warn!(key = %master.display(), "the change of the master key was interrupted: it is finished");
        return Ok(MasterKey::move_to(&next, master)?);
    }
    Err(KeyRingError::Closed.into())
}

pub(super) fn next(master: &Path) -> PathBuf {
    let mut name = OsString::from(master);
    name.push(".next");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemEntropy,
        storage::{Storage, simulated::SimulatedDisk},
    };
    use domain::{
        EventId, UserId,
        stored::{Field, Owner, Sealed, Vault},
    };
    use tempfile::TempDir;
    use uuid::Uuid;

    const USER: Owner = Owner::User(UserId(Uuid::from_u128(1)));
    const EVENT: EventId = EventId(Uuid::from_u128(2));

    struct World {
        folder: TempDir,
        files: Arc<dyn Files>,
        entropy: Arc<dyn Entropy>,
        sealed: Sealed,
    }

    impl World {
        /// A ring that has sealed something.
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = SimulatedDisk::new(1).open().unwrap().files();
            let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
            let ring = open(&folder.path().join("master.key"), &files, &entropy, true).unwrap();
            let sealed = ring.seal(USER, EVENT, Field::Login, b"ada").unwrap();
            ring.persist().unwrap();
            Self { folder, files, entropy, sealed }
        }

        fn key(&self) -> PathBuf {
            self.folder.path().join("master.key")
        }

        /// What the ring opens, as a start finds it.
        fn opens(&self) -> Result<Vec<u8>, RingError> {
            let ring = open(&self.key(), &self.files, &self.entropy, false)?;
            Ok(ring.open(USER, EVENT, Field::Login, &self.sealed).unwrap().clear().unwrap())
        }

        fn rotate(&self) {
            rotate(&self.key(), &self.files, &self.entropy).unwrap();
        }
    }

    #[test]
    fn what_was_sealed_opens_under_the_new_key_and_the_old_one_opens_nothing() {
        let world = World::new();
        let old = std::fs::read(world.key()).unwrap();
        world.rotate();
        assert_eq!(world.opens().unwrap(), b"ada");
        assert_ne!(std::fs::read(world.key()).unwrap(), old);
        assert!(!next(&world.key()).exists());
        std::fs::write(world.key(), old).unwrap();
        assert!(matches!(world.opens(), Err(RingError::Ring(KeyRingError::Closed))));
    }

    #[test]
    fn a_new_key_that_was_never_used_is_thrown_away() {
        let world = World::new();
        MasterKey::made(&next(&world.key()), &*world.entropy).unwrap();
        assert_eq!(world.opens().unwrap(), b"ada");
        assert!(!next(&world.key()).exists());
    }

    #[test]
    fn a_change_that_stopped_before_its_last_step_is_finished() {
        for old_is_gone in [false, true] {
            let world = World::new();
            let old = std::fs::read(world.key()).unwrap();
            world.rotate();
            std::fs::rename(world.key(), next(&world.key())).unwrap();
            if !old_is_gone {
                MasterKey::made(&world.key(), &*world.entropy).unwrap();
                std::fs::write(world.key(), &old).unwrap();
            }
            assert_eq!(world.opens().unwrap(), b"ada");
            assert!(!next(&world.key()).exists() && std::fs::read(world.key()).unwrap() != old);
        }
    }

    #[test]
    fn what_is_no_key_is_passed_over_where_the_other_one_opens_the_ring() {
        let world = World::new();
        let key = std::fs::read(world.key()).unwrap();
        let write = |path: &Path, bytes: &[u8]| {
            MasterKey::made(path, &*world.entropy).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        write(&next(&world.key()), b"half a k");
        assert_eq!(world.opens().unwrap(), b"ada");
        assert!(!next(&world.key()).exists());

        write(&next(&world.key()), &key);
        write(&world.key(), b"half a k");
        assert_eq!(world.opens().unwrap(), b"ada");
        assert_eq!((std::fs::read(world.key()).unwrap(), next(&world.key()).exists()), (key, false));

        write(&next(&world.key()), &[0xff; 64]);
        write(&world.key(), b"half a k");
        assert!(matches!(world.opens(), Err(RingError::Ring(KeyRingError::Closed))));
        assert!(world.key().exists() && next(&world.key()).exists());
    }

    #[test]
    fn two_keys_of_which_none_opens_the_ring_are_left_alone() {
        let world = World::new();
        std::fs::remove_file(world.key()).unwrap();
        for path in [world.key(), next(&world.key())] {
            MasterKey::made(&path, &*world.entropy).unwrap();
        }
        assert!(matches!(world.opens(), Err(RingError::Ring(KeyRingError::Closed))));
        assert!(world.key().exists() && next(&world.key()).exists());
    }
}
