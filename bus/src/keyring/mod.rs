//! The key ring: one key for the cluster and one for each user, sealed under the master key.
//!
//! A key is on the disk before the first event that needs it: the committer calls [`KeyRing::persist`] before it
//! appends. A key that is thrown away leaves a tombstone in the same atomic rewrite, so that a field that can't be
//! opened is told apart from one that must not be.
//!
//! An owner whose key was lost for good, and given up, has a new one, and what does not open under it is unreadable: nothing else
//! tells what was sealed before from what was sealed since.
mod abandon;
mod file;
mod known;
mod master;
mod rotate;

pub use abandon::{AbandonError, abandon, loss};
pub use file::KeyRingError;
pub use known::{Known, KnownError};
pub use master::{MasterKey, MasterKeyError};
pub use rotate::{RingError, open, rotate};

use crate::{clock::Entropy, storage::Files};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce, aead::Aead};
use domain::{
    EventId, Timestamp, UserId,
    stored::{Field, Opened, Owner, Sealed, Vault, VaultError},
};
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};
use zeroize::Zeroizing;

/// A key of 256 bits, wiped when it is dropped.
type Key = Zeroizing<[u8; 32]>;

/// What is known of a user's key.
#[derive(Clone)]
enum UserKey {
    Held(Key),
    Erased,
}

struct Keys {
    cluster: Key,
    users: HashMap<UserId, UserKey>,
    /// Whose earlier keys were lost, beside the cluster's own; none if no key ever was.
    lost: Option<Lost>,
}

/// Keys that were lost, and given up.
#[derive(Clone)]
struct Lost {
    at: Timestamp,
    users: HashSet<UserId>,
}

impl Keys {
    fn is_lost(&self, owner: Owner) -> bool {
        self.lost.as_ref().is_some_and(|lost| match owner {
            Owner::Cluster => true,
            Owner::User(user) => lost.users.contains(&user),
        })
    }
}

/// What there is to open an owner's fields with.
enum Keyed {
    With {
        key: Key,
        /// Whether they had another one, which was lost.
        lost: bool,
    },
    Erased,
    /// Nothing was sealed since the key was lost.
    Lost,
}

/// Seals and opens the personal and secret fields of events.
pub struct KeyRing {
    master: MasterKey,
    files: Arc<dyn Files>,
    entropy: Arc<dyn Entropy>,
    keys: RwLock<Keys>,
    /// Counts changes in memory, and up to which of them the file has it.
    changed: AtomicU64,
    saved: AtomicU64,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Opens the key ring, or makes one where `may_create` says that nothing was sealed yet.
    ///
    /// # Errors
    /// See [`KeyRingError`].
    pub fn open(
        master: MasterKey,
        files: Arc<dyn Files>,
        entropy: Arc<dyn Entropy>,
        may_create: bool,
    ) -> Result<Self, KeyRingError> {
        let keys = match file::load(&*files, &master)? {
            Some(keys) => Some(keys),
            None if may_create => None,
            None => return Err(KeyRingError::Missing),
        };
        let made = keys.is_none();
        let keys = keys.unwrap_or_else(|| Keys { cluster: fresh(&*entropy), users: HashMap::new(), lost: None });
        Ok(Self {
            master,
            files,
            entropy,
            keys: RwLock::new(keys),
            changed: AtomicU64::new(u64::from(made)),
            saved: AtomicU64::new(0),
        })
    }

    /// Makes every key that was made so far durable. Costs nothing where there is none.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn persist(&self) -> Result<(), KeyRingError> {
        let changed = self.changed.load(Ordering::Acquire);
        if self.saved.load(Ordering::Acquire) == changed {
            return Ok(());
        }
        self.save(changed, false)
    }

    /// Throws the keys of these users away, in memory and on the disk. Those without one leave a tombstone as well.
    ///
    /// # Errors
    /// The file can't be written: the keys may still be in it, and must be thrown away at the next start.
    pub fn erase(&self, users: &[UserId]) -> Result<(), KeyRingError> {
        {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            let held = |user: &&UserId| !matches!(keys.users.get(*user), Some(UserKey::Erased));
            let erased: Vec<UserId> = users.iter().filter(held).copied().collect();
            if erased.is_empty() {
                return Ok(());
            }
            for user in erased {
                keys.users.insert(user, UserKey::Erased);
            }
        }
        let changed = self.changed.fetch_add(1, Ordering::AcqRel) + 1;
        self.save(changed, true)
    }

    /// When lost keys were given up for the last time, and how many users' there were.
    pub fn given_up(&self) -> Option<(Timestamp, u32)> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        keys.lost.as_ref().map(|lost| (lost.at, u32::try_from(lost.users.len()).unwrap_or(u32::MAX)))
    }

    /// A key for another purpose: the same under every master key.
    pub fn derived(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derived(&self.keys.read().unwrap_or_else(PoisonError::into_inner).cluster, purpose)
    }

    fn save(&self, changed: u64, destroying: bool) -> Result<(), KeyRingError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        file::save(&*self.files, &self.master, &*self.entropy, &keys, destroying)?;
        self.saved.fetch_max(changed, Ordering::AcqRel);
        Ok(())
    }

    /// What there is to open the owner's fields with.
    fn key(&self, owner: Owner) -> Result<Keyed, VaultError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let lost = keys.is_lost(owner);
        match owner {
            Owner::Cluster => Ok(Keyed::With { key: keys.cluster.clone(), lost }),
            Owner::User(user) => match keys.users.get(&user) {
                Some(UserKey::Held(key)) => Ok(Keyed::With { key: key.clone(), lost }),
                Some(UserKey::Erased) => Ok(Keyed::Erased),
                None if lost => Ok(Keyed::Lost),
                None => Err(VaultError::KeyMissing(owner)),
            },
        }
    }

    /// The key to seal with: made at once with the look for it, so that nothing is sealed under one that another one replaces.
    fn key_or_new(&self, owner: Owner) -> Result<Key, VaultError> {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let user = match owner {
            Owner::Cluster => return Ok(keys.cluster.clone()),
            Owner::User(user) => user,
        };
        match keys.users.entry(user) {
            Entry::Occupied(entry) => match entry.get() {
                UserKey::Held(key) => Ok(key.clone()),
                UserKey::Erased => Err(VaultError::NoNewKey("the user is erased".to_owned())),
            },
            Entry::Vacant(entry) => {
                let key = fresh(&*self.entropy);
                entry.insert(UserKey::Held(key.clone()));
                self.changed.fetch_add(1, Ordering::AcqRel);
                Ok(key)
            }
        }
    }
}

fn fresh(entropy: &dyn Entropy) -> Key {
    let mut key = Key::default();
    entropy.fill(&mut *key);
    key
}

/// A key for one purpose; none can be told from another, nor this one from any of them.
fn derived(key: &Key, purpose: &str) -> Key {
    Zeroizing::new(blake3::derive_key(&format!("dkube 2026 {purpose}"), &**key))
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**key).into())
}

/// Unique under a key, because an event's id is, and a field occurs in it once.
fn nonce(event: EventId, field: Field) -> XNonce {
    let mut nonce = [0; 24];
    nonce[..16].copy_from_slice(event.0.as_bytes());
    nonce[16] = field as u8;
    nonce.into()
}

impl Vault for KeyRing {
    fn seal(&self, owner: Owner, event: EventId, field: Field, clear: &[u8]) -> Result<Sealed, VaultError> {
        let key = self.key_or_new(owner)?;
        let sealed = cipher(&key).encrypt(&nonce(event, field), clear);
        sealed.map(|bytes| Sealed(bytes.into())).map_err(|_| VaultError::NoNewKey("the field is too long".to_owned()))
    }

    fn open(&self, owner: Owner, event: EventId, field: Field, sealed: &Sealed) -> Result<Opened, VaultError> {
        let (key, lost) = match self.key(owner)? {
            Keyed::With { key, lost } => (key, lost),
            Keyed::Erased => return Ok(Opened::Erased),
            Keyed::Lost => return Ok(Opened::Unreadable),
        };
        match cipher(&key).decrypt(&nonce(event, field), &*sealed.0) {
            Ok(clear) => Ok(Opened::Clear(clear)),
            Err(_) if lost => Ok(Opened::Unreadable),
            Err(_) => Err(VaultError::Forged(owner)),
        }
    }
}
