//! A key ring that nothing opens any more, or that is gone, and new keys in its place.
//!
//! Whatever was sealed before is unreadable from then on, and whatever is sealed later is not: each owner whose key was lost has a
//! new one, and what does not open under that is taken for lost. What was there is kept: a key that is found later
//! may open it.
//!
//! The ring is copied and the keys' files are moved aside before anything takes their place. Then it goes as with a
//! [`rotate`](super::rotate): a new key beside the old one's place, the ring under it, the key in its place. Whatever that is
//! interrupted by, either nothing opens the ring still, and it is begun anew, or the new key does, and the next start finishes it.
use super::{
    KeyRing, KeyRingError, Keys, Known, Lost, MasterKey, MasterKeyError, RingError, UserKey, file, fresh,
    rotate::{self, next},
};
use crate::{
    clock::Entropy,
    storage::{Files, StorageError},
};
use domain::Timestamp;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Nothing is given up.
#[derive(Debug, thiserror::Error)]
pub enum AbandonError {
    /// The master key opens the ring.
    #[error("nothing is lost: the master key opens the key ring")]
    NothingLost,
    /// Neither is to be had, for a reason that is no loss.
    #[error(transparent)]
    Ring(#[from] RingError),
}

impl From<MasterKeyError> for AbandonError {
    fn from(error: MasterKeyError) -> Self {
        Self::Ring(error.into())
    }
}

impl From<StorageError> for AbandonError {
    fn from(error: StorageError) -> Self {
        Self::Ring(KeyRingError::from(error).into())
    }
}

/// What is lost, if something is: the master key or the ring is gone, or the one does not open the other. Finishes what was
/// interrupted.
///
/// # Errors
/// There is another reason why they can't be had.
pub fn loss(master: &Path, files: &Arc<dyn Files>, entropy: &Arc<dyn Entropy>) -> Result<Option<RingError>, RingError> {
    match rotate::open(master, files, entropy, false) {
        Ok(KeyRing { .. }) => Ok(None),
        Err(error) if error.is_loss() => Ok(Some(error)),
        Err(error) => Err(error),
    }
}

/// Gives up the keys of everybody who is `known`, and the cluster's, and makes new ones under a new master key. Answers where what
/// was there is kept: the ring by its name beside the log, the keys by their paths.
///
/// # Errors
/// See [`AbandonError`].
pub fn abandon(
    master: &Path,
    files: &Arc<dyn Files>,
    entropy: &Arc<dyn Entropy>,
    known: &Known,
    at: Timestamp,
) -> Result<Vec<PathBuf>, AbandonError> {
    if loss(master, files, entropy)?.is_none() {
        return Err(AbandonError::NothingLost);
    }
    let mark = format!("lost-{}", at.micros());
    let mut kept: Vec<PathBuf> = keep_ring(&**files, &mark)?.into_iter().map(PathBuf::from).collect();
    for path in [master.to_owned(), next(master)] {
        if path.exists() {
            let aside = beside(&path, &mark);
            MasterKey::move_to(&path, &aside)?;
            kept.push(aside);
        }
    }
    let erased = known.erased.iter().map(|user| (*user, UserKey::Erased));
    let lost = Lost { at, users: known.users.iter().copied().collect() };
    let keys = Keys { cluster: fresh(&**entropy), users: erased.collect(), lost: Some(lost) };
    let key = MasterKey::made(&next(master), &**entropy)?;
    file::save(&**files, &key, &**entropy, &keys, false).map_err(RingError::from)?;
    MasterKey::move_to(&next(master), master)?;
    Ok(kept)
}

/// A copy of the ring, which is not made twice of the same.
fn keep_ring(files: &dyn Files, mark: &str) -> Result<Option<String>, StorageError> {
    let Some(ring) = files.read(file::NAME)? else { return Ok(None) };
    for name in files.names()? {
        if name.starts_with(&format!("{}.lost-", file::NAME)) && files.read(&name)?.as_ref() == Some(&ring) {
            return Ok(Some(name));
        }
    }
    let name = format!("{}.{mark}", file::NAME);
    files.write(&name, &ring)?;
    Ok(Some(name))
}

fn beside(path: &Path, mark: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(mark);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::SystemEntropy,
        keyring::{open, rotate},
        storage::{Storage, simulated::SimulatedDisk},
    };
    use domain::{
        EventId, UserId,
        stored::{Field, Opened, Owner, Sealed, Vault, VaultError},
    };
    use std::{fs, os::unix::fs::PermissionsExt as _};
    use tempfile::TempDir;
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));
    const GONE: UserId = UserId(Uuid::from_u128(3));
    const BEFORE: EventId = EventId(Uuid::from_u128(10));
    const AFTER: EventId = EventId(Uuid::from_u128(11));
    const AT: Timestamp = Timestamp::from_micros(1_772_366_400_000_000);

    struct World {
        folder: TempDir,
        files: Arc<dyn Files>,
        entropy: Arc<dyn Entropy>,
        /// Ada's, Bob's and the cluster's.
        sealed: [(Owner, Sealed); 3],
    }

    fn known() -> Known {
        Known { users: [ADA, BOB].into(), erased: [GONE].into() }
    }

    impl World {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let files = SimulatedDisk::new(1).open().unwrap().files();
            let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
            let ring = open(&folder.path().join("master.key"), &files, &entropy, true).unwrap();
            let seal = |owner| (owner, ring.seal(owner, BEFORE, Field::Login, b"before").unwrap());
            let sealed = [Owner::User(ADA), Owner::User(BOB), Owner::Cluster].map(seal);
            ring.seal(Owner::User(GONE), BEFORE, Field::Login, b"gone").unwrap();
            ring.erase(&[GONE]).unwrap();
            ring.persist().unwrap();
            Self { folder, files, entropy, sealed }
        }

        fn key(&self) -> PathBuf {
            self.folder.path().join("master.key")
        }

        fn abandon(&self) -> Result<Vec<PathBuf>, AbandonError> {
            abandon(&self.key(), &self.files, &self.entropy, &known(), AT)
        }

        fn ring(&self) -> Result<KeyRing, RingError> {
            open(&self.key(), &self.files, &self.entropy, false)
        }

        /// What was sealed is unreadable, also after another start and under another master key; what is sealed now is not.
        fn goes_on(&self) {
            let ring = self.ring().unwrap();
            assert_eq!(ring.given_up(), Some((AT, 2)));
            let mut later = vec![];
            for (owner, sealed) in &self.sealed {
                assert_eq!(ring.open(*owner, BEFORE, Field::Login, sealed), Ok(Opened::Unreadable));
                later.push((*owner, ring.seal(*owner, AFTER, Field::Login, b"after").unwrap()));
            }
            let new = Owner::User(UserId(Uuid::from_u128(4)));
            let theirs = ring.seal(new, AFTER, Field::Login, b"new").unwrap();
            ring.erase(&[BOB]).unwrap();
            ring.persist().unwrap();
            rotate(&self.key(), &self.files, &self.entropy).unwrap();
            let ring = self.ring().unwrap();
            assert_eq!(ring.given_up(), Some((AT, 2)));
            for ((owner, before), (_, after)) in self.sealed.iter().zip(&later) {
                let (old, new) = match owner {
                    Owner::User(BOB) => (Opened::Erased, Opened::Erased),
                    _ => (Opened::Unreadable, Opened::Clear(b"after".to_vec())),
                };
                assert_eq!(ring.open(*owner, BEFORE, Field::Login, before), Ok(old));
                assert_eq!(ring.open(*owner, AFTER, Field::Login, after), Ok(new));
            }
            assert_eq!(ring.open(Owner::User(GONE), BEFORE, Field::Login, &self.sealed[0].1), Ok(Opened::Erased));
            // Whoever came later has lost nothing: what does not open is forged, or their key is missing.
            assert_eq!(ring.open(new, AFTER, Field::Login, &theirs), Ok(Opened::Clear(b"new".to_vec())));
            assert_eq!(ring.open(new, BEFORE, Field::Login, &theirs), Err(VaultError::Forged(new)));
            let stranger = Owner::User(UserId(Uuid::from_u128(5)));
            assert_eq!(ring.open(stranger, AFTER, Field::Login, &theirs), Err(VaultError::KeyMissing(stranger)));
        }
    }

    #[test]
    fn nothing_is_given_up_that_is_not_lost() {
        let world = World::new();
        assert!(matches!(world.abandon(), Err(AbandonError::NothingLost)));
        let rest: Vec<_> = fs::read_dir(world.folder.path()).unwrap().collect();
        assert_eq!((rest.len(), world.files.names().unwrap()), (1, vec!["keyring".to_owned()]));
        assert_eq!(world.ring().unwrap().given_up(), None);
        // A file that only has to be made private is not lost either.
        fs::set_permissions(world.key(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(world.abandon(), Err(AbandonError::Ring(RingError::Key(MasterKeyError::Exposed { .. })))));
    }

    #[test]
    fn a_lost_master_key_is_given_up_and_one_that_is_found_opens_the_ring_that_is_kept() {
        let world = World::new();
        let found = fs::read(world.key()).unwrap();
        let ring = world.files.read("keyring").unwrap().unwrap();
        fs::remove_file(world.key()).unwrap();
        assert!(world.ring().err().unwrap().is_loss());
        let kept = world.abandon().unwrap();
        let [copy] = &kept[..] else { panic!("{kept:?}") };
        assert_eq!(world.files.read(copy.to_str().unwrap()).unwrap(), Some(ring.clone()));
        world.goes_on();
        world.files.write("keyring", &ring).unwrap();
        fs::write(world.key(), found).unwrap();
        assert!(world.ring().unwrap().open(Owner::User(ADA), BEFORE, Field::Login, &world.sealed[0].1).is_ok());
    }

    #[test]
    fn a_lost_ring_a_wrong_key_and_no_key_are_losses_and_their_files_are_kept() {
        let lose: [fn(&World); 3] = [
            |world| world.files.destroy("keyring").unwrap(),
            |world| fs::write(world.key(), "5".repeat(64)).unwrap(),
            |world| fs::write(world.key(), "this is no key").unwrap(),
        ];
        for lose in lose {
            let world = World::new();
            lose(&world);
            let old = fs::read(world.key()).unwrap();
            let kept = world.abandon().unwrap();
            assert_eq!(fs::read(kept.last().unwrap()).unwrap(), old);
            world.goes_on();
        }
    }

    #[test]
    fn it_goes_on_wherever_it_was_interrupted() {
        // A key that was made, and a ring that is not under it yet, or is.
        for ring_is_sealed in [false, true] {
            let world = World::new();
            fs::remove_file(world.key()).unwrap();
            if ring_is_sealed {
                world.abandon().unwrap();
                fs::rename(world.key(), next(&world.key())).unwrap();
                assert!(matches!(world.abandon(), Err(AbandonError::NothingLost)), "it is finished");
            } else {
                keep_ring(&*world.files, "lost-1").unwrap();
                MasterKey::made(&next(&world.key()), &*world.entropy).unwrap();
                assert!(world.ring().err().unwrap().is_loss());
                let kept = world.abandon().unwrap();
                assert_eq!(kept[0], Path::new("keyring.lost-1"), "one copy is enough");
            }
            assert!(!next(&world.key()).exists());
            world.goes_on();
        }
    }

    #[test]
    fn keys_are_lost_again_and_given_up_again() {
        let world = World::new();
        for at in [AT, AT.plus_seconds(1)] {
            fs::remove_file(world.key()).unwrap();
            abandon(&world.key(), &world.files, &world.entropy, &known(), at).unwrap();
            assert_eq!(world.ring().unwrap().given_up(), Some((at, 2)));
        }
        let (owner, sealed) = &world.sealed[0];
        assert_eq!(world.ring().unwrap().open(*owner, BEFORE, Field::Login, sealed), Ok(Opened::Unreadable));
    }
}
