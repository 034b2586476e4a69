//! Sign-ins that wait for the program that began them: what its browser brings is of use to nobody else.
use super::random_id;
use domain::{Position, Timestamp, UserId};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// For so many seconds one waits.
const LASTS: i64 = 60;

/// The most at a time.
const MAX: usize = 1000;

/// Somebody who has signed in, and whose session begins once it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proven {
    /// Who.
    pub(crate) user: UserId,
    /// The position of the state that their sign-in was checked against.
    pub(crate) since: Position,
    /// Where their browser is.
    pub(crate) address: Option<IpAddr>,
}

struct Kept {
    proven: Proven,
    challenge: [u8; 32],
    until: Timestamp,
}

/// Sign-ins that wait, by the code that the browser brings to the program.
#[derive(Default)]
pub(crate) struct Codes(Mutex<HashMap<Uuid, Kept>>);

impl Codes {
    /// Keeps one: the code for it. Past the most, the oldest goes.
    pub(crate) fn keep(&self, proven: Proven, challenge: [u8; 32], now: Timestamp) -> Uuid {
        let code = random_id();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, kept| now < kept.until);
        if kept.len() >= MAX
            && let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.until).map(|(code, _)| *code)
        {
            kept.remove(&oldest);
        }
        kept.insert(code, Kept { proven, challenge, until: now.plus_seconds(LASTS) });
        code
    }

    /// The sign-in of this code, for whoever shows what its challenge was made of (RFC 7636). It serves once: a wrong try ends it.
    pub(crate) fn take(&self, code: Uuid, verifier: &str, now: Timestamp) -> Option<Proven> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&code)?;
        let shown: [u8; 32] = Sha256::digest(verifier.as_bytes()).into();
        (now < kept.until && bool::from(shown.ct_eq(&kept.challenge))).then_some(kept.proven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    fn challenge(verifier: &str) -> [u8; 32] {
        Sha256::digest(verifier.as_bytes()).into()
    }

    fn proven() -> Proven {
        Proven { user: UserId(Uuid::nil()), since: Position(1), address: None }
    }

    #[test]
    fn a_code_serves_once_and_whoever_began_it_alone() {
        let codes = Codes::default();
        let keep = || codes.keep(proven(), challenge("mine"), at(0));
        let code = keep();
        assert_eq!(codes.take(code, "mine", at(59)), Some(proven()));
        assert_eq!(codes.take(code, "mine", at(59)), None);
        let code = keep();
        assert_eq!(codes.take(code, "guessed", at(1)), None);
        assert_eq!(codes.take(code, "mine", at(1)), None, "a wrong try ends it");
        assert_eq!(codes.take(keep(), "mine", at(60)), None);
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let codes = Codes::default();
        let keep = |second| codes.keep(proven(), challenge("mine"), at(second));
        let first = keep(0);
        for _ in 0..MAX {
            keep(1);
        }
        assert_eq!(codes.take(first, "mine", at(2)), None);
        assert_eq!(codes.0.lock().unwrap().len(), MAX);
    }
}
