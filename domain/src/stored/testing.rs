//! A vault for tests: the same everywhere, and no secret from anybody.
use super::{Field, Opened, Owner, Sealed, Vault, VaultError};
use crate::{EventId, UserId};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Seals without secrecy, the same bytes in every process; forgets erased users; and refuses, as a real key would
/// suffer, a second text under the same owner, id and field.
#[derive(Debug, Default)]
pub struct TestVault {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    erased: BTreeSet<UserId>,
    lost: Vec<Owner>,
    /// Who has another key than they had, and how often that is so.
    given_up: HashMap<Owner, u8>,
    sealed: HashMap<(Owner, EventId, Field), Vec<u8>>,
}

impl TestVault {
    /// One that has every key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Throws away the key of a user who was erased.
    pub fn erase(&self, user: UserId) {
        self.inner().erased.insert(user);
    }

    /// Loses a key without an erasure.
    pub fn lose(&self, owner: Owner) {
        self.inner().lost.push(owner);
    }

    /// Gives up a lost key: what was sealed is unreadable, and what is sealed from now on is not.
    pub fn give_up(&self, owner: Owner) {
        let mut inner = self.inner();
        *inner.given_up.entry(owner).or_default() += 1;
        inner.sealed.retain(|(sealed, ..), _| *sealed != owner);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for TestVault {
    fn seal(&self, owner: Owner, event: EventId, field: Field, clear: &[u8]) -> Result<Sealed, VaultError> {
        let mut inner = self.inner();
        if matches!(owner, Owner::User(user) if inner.erased.contains(&user)) {
            return Err(VaultError::NoNewKey("the user is erased".to_owned()));
        }
        let before = inner.sealed.entry((owner, event, field)).or_insert_with(|| clear.to_vec());
        if before != clear {
            return Err(VaultError::NoNewKey("two texts under one nonce".to_owned()));
        }
        let seed = inner.seed(owner, event, field);
        let tag = fnv(seed, clear).to_le_bytes();
        Ok(Sealed(clear.iter().zip(stream(seed)).map(|(byte, mask)| byte ^ mask).chain(tag).collect()))
    }

    fn open(&self, owner: Owner, event: EventId, field: Field, sealed: &Sealed) -> Result<Opened, VaultError> {
        let inner = self.inner();
        if inner.lost.contains(&owner) {
            return Err(VaultError::KeyMissing(owner));
        }
        if matches!(owner, Owner::User(user) if inner.erased.contains(&user)) {
            return Ok(Opened::Erased);
        }
        let seed = inner.seed(owner, event, field);
        let (text, tag) = sealed.0.split_last_chunk::<8>().ok_or(VaultError::Forged(owner))?;
        let clear: Vec<u8> = text.iter().zip(stream(seed)).map(|(byte, mask)| byte ^ mask).collect();
        match fnv(seed, &clear).to_le_bytes() == *tag {
            true => Ok(Opened::Clear(clear)),
            false if inner.given_up.contains_key(&owner) => Ok(Opened::Unreadable),
            false => Err(VaultError::Forged(owner)),
        }
    }
}

impl Inner {
    fn seed(&self, owner: Owner, event: EventId, field: Field) -> u64 {
        let uuid = match owner {
            Owner::Cluster => uuid::Uuid::nil(),
            Owner::User(user) => user.0,
        };
        let seed = fnv(fnv(0xcbf2_9ce4_8422_2325, uuid.as_bytes()), event.0.as_bytes());
        let seed = fnv(seed, &[field as u8]);
        self.given_up.get(&owner).map_or(seed, |times| fnv(seed, &[*times]))
    }
}

/// FNV-1a, going on from a hash.
fn fnv(from: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(from, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The bytes of a xorshift generator.
fn stream(seed: u64) -> impl Iterator<Item = u8> {
    std::iter::successors(Some(seed | 1), |x| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 7);
        Some(x ^ (x << 17))
    })
    .map(|x| x.to_le_bytes()[3])
}
