//! The key ring's file: a header, then everything sealed under a key derived from the master key.
use super::{Key, Keys, Lost, MasterKey, UserKey, cipher, derived};
use crate::{
    clock::Entropy,
    storage::{Files, StorageError},
};
use chacha20poly1305::{XNonce, aead::Aead};
use domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use uuid::Uuid;
use zeroize::{Zeroize, Zeroizing};

pub(super) const NAME: &str = "keyring";
const MAGIC: &[u8; 8] = b"DKUBEKR1";
/// A ring some of whose earlier keys were lost: a release that does not know of that must not read it.
const MAGIC_LOST: &[u8; 8] = b"DKUBEKR2";
const NONCE: usize = 24;

/// The key ring can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// There is a log and no key ring.
    #[error("the key ring is missing, and the log's personal data is sealed under its keys: restore it from a backup")]
    Missing,
    /// It does not open.
    #[error(
        "the key ring does not open under this master key: it is damaged, or the key is another one; restore both from one backup"
    )]
    Closed,
    /// A later release wrote it.
    #[error("the key ring has a format that a newer release writes: upgrade this one")]
    Newer,
    /// The disk failed.
    #[error("cannot read or write the key ring")]
    Storage(#[from] StorageError),
}

#[derive(Serialize, Deserialize)]
struct RingV1 {
    cluster: [u8; 32],
    users: Vec<(Uuid, Option<[u8; 32]>)>,
}

impl Drop for RingV1 {
    fn drop(&mut self) {
        self.cluster.zeroize();
        self.users.iter_mut().for_each(|(_, key)| key.zeroize());
    }
}

/// What follows where keys were lost.
#[derive(Serialize, Deserialize)]
struct LostV1 {
    at: i64,
    users: Vec<Uuid>,
}

impl From<&Lost> for LostV1 {
    fn from(lost: &Lost) -> Self {
        Self { at: lost.at.micros(), users: lost.users.iter().map(|user| user.0).collect() }
    }
}

impl From<LostV1> for Lost {
    fn from(lost: LostV1) -> Self {
        Self { at: Timestamp::from_micros(lost.at), users: lost.users.into_iter().map(UserId).collect() }
    }
}

fn sealing_key(master: &MasterKey) -> Key {
    derived(&master.0, "key ring")
}

pub(super) fn load(files: &dyn Files, master: &MasterKey) -> Result<Option<Keys>, KeyRingError> {
    let Some(bytes) = files.read(NAME)? else { return Ok(None) };
    let rest = bytes.strip_prefix(&MAGIC[..7]).ok_or(KeyRingError::Closed)?;
    let (lost, rest) = match rest.split_first() {
        Some((version, rest)) if *version == MAGIC[7] => (false, rest),
        Some((version, rest)) if *version == MAGIC_LOST[7] => (true, rest),
        Some(_) => return Err(KeyRingError::Newer),
        None => return Err(KeyRingError::Closed),
    };
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(KeyRingError::Closed)?;
    let clear = cipher(&sealing_key(master)).decrypt(&XNonce::from(*nonce), sealed);
    let clear = Zeroizing::new(clear.map_err(|_| KeyRingError::Closed)?);
    let (ring, rest) = postcard::take_from_bytes::<RingV1>(&clear).map_err(|_| KeyRingError::Closed)?;
    let (lost, rest) = if lost {
        let (lost, rest) = postcard::take_from_bytes::<LostV1>(rest).map_err(|_| KeyRingError::Closed)?;
        (Some(lost.into()), rest)
    } else {
        (None, rest)
    };
    if !rest.is_empty() {
        return Err(KeyRingError::Closed);
    }
    let user = |(id, key): &(Uuid, Option<[u8; 32]>)| {
        (UserId(*id), key.map_or(UserKey::Erased, |key| UserKey::Held(Key::new(key))))
    };
    let users: HashMap<UserId, UserKey> = ring.users.iter().map(user).collect();
    Ok(Some(Keys { cluster: Key::new(ring.cluster), users, lost }))
}

pub(super) fn save(
    files: &dyn Files,
    master: &MasterKey,
    entropy: &dyn Entropy,
    keys: &Keys,
    destroying: bool,
) -> Result<(), KeyRingError> {
    let user = |(id, key): (&UserId, &UserKey)| match key {
        UserKey::Held(key) => (id.0, Some(**key)),
        UserKey::Erased => (id.0, None),
    };
    let ring = RingV1 { cluster: *keys.cluster, users: keys.users.iter().map(user).collect() };
    let clear = Zeroizing::new(postcard::to_allocvec(&ring).expect("plain data always serialises"));
    let lost = keys.lost.as_ref().map(|lost| postcard::to_allocvec(&LostV1::from(lost)));
    let lost = lost.transpose().expect("plain data always serialises");
    let magic = if lost.is_some() { MAGIC_LOST } else { MAGIC };
    let clear = Zeroizing::new([&clear[..], lost.as_deref().unwrap_or_default()].concat());
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    let sealed = cipher(&sealing_key(master)).encrypt(&XNonce::from(nonce), clear.as_slice());
    let bytes = [&magic[..], &nonce, &sealed.map_err(|_| KeyRingError::Closed)?].concat();
    if destroying {
        files.write_destroying(NAME, &bytes)?;
    } else {
        files.write(NAME, &bytes)?;
    }
    Ok(())
}
