//! Sign-ins that wait for the program that began them: what its browser brings is of use to nobody else.
use super::{Shelf, random_id};
use domain::{Position, Timestamp, UserId};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

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

/// What a program proves by that it began a sign-in: the SHA-256 of what it will show (RFC 7636).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Challenge(pub(crate) [u8; 32]);

impl Challenge {
    /// That of what is shown.
    pub(crate) fn of(verifier: &str) -> Self {
        Self(Sha256::digest(verifier.as_bytes()).into())
    }

    /// Eight digits, by which a person sees that browser and program mean the same.
    pub(crate) fn check(&self) -> String {
        let digits: Vec<String> = self.0[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        digits.concat()
    }
}

/// Sign-ins that wait, by the code that the browser brings to the program.
pub(crate) struct Codes(Shelf<Uuid, (Proven, Challenge)>);

impl Default for Codes {
    /// Each waits for a minute, and a thousand at a time.
    fn default() -> Self {
        Self(Shelf::new(60, 1000))
    }
}

impl Codes {
    /// Keeps one: the code for it.
    pub(crate) fn keep(&self, proven: Proven, challenge: Challenge, now: Timestamp) -> Uuid {
        let code = random_id();
        self.0.keep(code, (proven, challenge), now);
        code
    }

    /// The sign-in of this code, for whoever shows what its challenge was made of. A wrong try ends it.
    pub(crate) fn take(&self, code: Uuid, verifier: &str, now: Timestamp) -> Option<Proven> {
        let (proven, challenge) = self.0.take(code, now)?;
        bool::from(Challenge::of(verifier).0.ct_eq(&challenge.0)).then_some(proven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_serves_whoever_began_it_alone() {
        let (codes, now) = (Codes::default(), Timestamp::from_micros(0));
        let proven = Proven { user: UserId(Uuid::nil()), since: Position(1), address: None };
        let keep = || codes.keep(proven.clone(), Challenge::of("mine"), now);
        assert_eq!(codes.take(keep(), "mine", now), Some(proven.clone()));
        let code = keep();
        assert_eq!(codes.take(code, "guessed", now), None);
        assert_eq!(codes.take(code, "mine", now), None, "a wrong try ends it");
    }
}
