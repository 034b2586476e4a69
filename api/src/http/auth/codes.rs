//! Sessions that wait for the program that began them: what its browser brings is of use to nobody else.
use super::{SessionKey, SessionSecret, Sessions, random_id};
use domain::Timestamp;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// For so many seconds a session waits.
const LASTS: i64 = 60;

/// The most at a time.
const MAX: usize = 1000;

struct Kept {
    secret: SessionSecret,
    challenge: [u8; 32],
    until: Timestamp,
}

/// Sessions that wait, by the code that the browser brings to the program.
#[derive(Default)]
pub(crate) struct Codes(Mutex<HashMap<Uuid, Kept>>);

impl Codes {
    /// Keeps one: the code for it. Past the most, the oldest goes.
    pub(crate) fn keep(&self, secret: SessionSecret, challenge: [u8; 32], now: Timestamp) -> Uuid {
        let code = random_id();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| now < kept.until);
        if kept.len() >= MAX
            && let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.until).map(|(code, _)| *code)
        {
            kept.remove(&oldest);
        }
        kept.insert(code, Kept { secret, challenge, until: now.plus_seconds(LASTS) });
        code
    }

    /// The session of this code, for whoever shows what its challenge was made of (RFC 7636). It serves once: a wrong try ends it,
    /// and the session with it.
    pub(crate) fn take(
        &self,
        code: Uuid,
        verifier: &str,
        sessions: &Sessions,
        now: Timestamp,
    ) -> Option<SessionSecret> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&code)?;
        let shown: [u8; 32] = Sha256::digest(verifier.as_bytes()).into();
        if now < kept.until && bool::from(shown.ct_eq(&kept.challenge)) {
            return Some(kept.secret);
        }
        let key: SessionKey = kept.secret.key();
        sessions.end(&key);
        None
    }
}
