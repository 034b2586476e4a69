//! What proves to a NATS server who we are: an nkey seed, and with it perhaps a JWT. Neither is shown, and both are wiped from
//! memory when they are dropped. (What the client makes of them while it connects is its own.)
use async_nats::{Auth, AuthError};
use nkeys::{KeyPair, KeyPairType};
use std::fmt;
use zeroize::Zeroizing;

/// Who we are, and the proof of it.
pub(super) struct Identity {
    jwt: Option<Zeroizing<String>>,
    seed: Zeroizing<String>,
}

/// The text can't be used. It is not repeated here: a secret may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdentityError {
    /// The seed is none, or not a user's.
    #[error("it holds no whole nkey seed of a user (SU…)")]
    Seed,
    /// It is no credentials file.
    #[error("it does not hold a JWT and an nkey seed, each between two lines of dashes as nsc writes them")]
    Credentials,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// By the seed on the first line.
    pub(super) fn of_seed(text: &[u8]) -> Result<Self, IdentityError> {
        let seed = str::from_utf8(text).unwrap_or_default().lines().next().unwrap_or_default().trim();
        let identity = Self { jwt: None, seed: Zeroizing::new(seed.to_owned()) };
        identity.pair()?;
        Ok(identity)
    }

    /// By a credentials file: the JWT first, then the seed.
    pub(super) fn of_credentials(text: &[u8]) -> Result<Self, IdentityError> {
        let mut found = enclosed(str::from_utf8(text).unwrap_or_default());
        let (Some(jwt), Some(seed)) = (found.next(), found.next()) else { return Err(IdentityError::Credentials) };
        Ok(Self { jwt: Some(Zeroizing::new(jwt.to_owned())), ..Self::of_seed(seed.as_bytes())? })
    }

    /// What to answer to a server that sends this challenge.
    pub(super) fn answer(&self, challenge: &[u8]) -> Result<Auth, AuthError> {
        let pair = self.pair().map_err(AuthError::new)?;
        let mut auth = Auth::new();
        auth.signature = Some(pair.sign(challenge).map_err(AuthError::new)?);
        match &self.jwt {
            Some(jwt) => auth.jwt = Some(jwt.to_string()),
            None => auth.nkey = Some(pair.public_key()),
        }
        Ok(auth)
    }

    fn pair(&self) -> Result<KeyPair, IdentityError> {
        let pair = KeyPair::from_seed(&self.seed).map_err(|_| IdentityError::Seed)?;
        if pair.key_pair_type() == KeyPairType::User { Ok(pair) } else { Err(IdentityError::Seed) }
    }
}

/// The lines that stand between a line of dashes with `BEGIN` and another line of dashes.
fn enclosed(text: &str) -> impl Iterator<Item = &str> {
    let line = |text: &str| text.starts_with("---") && text.ends_with("---");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let found = move |at: usize| match lines.get(at..at + 3) {
        Some([begin, inner, end]) if line(begin) && begin.contains("BEGIN") && line(end) => Some(*inner),
        _ => None,
    };
    (0..text.lines().count()).filter_map(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(pair: &KeyPair) -> String {
        pair.seed().unwrap()
    }

    fn credentials(jwt: &str, seed: &str) -> String {
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             ************************* IMPORTANT *************************\nKeep this to yourself.\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n\n"
        )
    }

    #[test]
    fn a_seed_answers_by_its_public_key_and_a_credentials_file_by_its_jwt() {
        let pair = KeyPair::new_user();
        let answer =
            Identity::of_seed(format!(" {} \nmore\n", seed(&pair)).as_bytes()).unwrap().answer(b"nonce").unwrap();
        assert_eq!((answer.nkey, answer.jwt), (Some(pair.public_key()), None));
        assert!(pair.verify(b"nonce", &answer.signature.unwrap()).is_ok());
        for text in [credentials("a.b.c", &seed(&pair)), credentials("a.b.c", &seed(&pair)).replace('\n', "\r\n")] {
            let answer = Identity::of_credentials(text.as_bytes()).unwrap().answer(b"nonce").unwrap();
            assert_eq!((answer.nkey, answer.jwt.as_deref()), (None, Some("a.b.c")));
            assert!(pair.verify(b"nonce", &answer.signature.unwrap()).is_ok());
        }
    }

    #[test]
    fn what_can_not_be_used_is_not_repeated() {
        let whole = seed(&KeyPair::new_user());
        let damaged = whole.replace(|c: char| c.is_ascii_digit(), "A") + "A";
        for text in ["", "hunter2", &damaged, &whole[1..], &seed(&KeyPair::new_account()), &"ä".repeat(29)] {
            assert_eq!(Identity::of_seed(text.as_bytes()).unwrap_err(), IdentityError::Seed, "{text}");
            let file = Identity::of_credentials(credentials("a.b.c", text).as_bytes());
            assert_eq!(file.unwrap_err(), IdentityError::Seed, "{text}");
        }
        for text in ["", "hunter2", &*whole, &credentials("a.b.c", &whole).replace("BEGIN USER", "USER")] {
            assert_eq!(Identity::of_credentials(text.as_bytes()).unwrap_err(), IdentityError::Credentials, "{text}");
        }
    }

    #[test]
    fn it_is_not_shown() {
        let identity = Identity::of_credentials(credentials("a.b.c", &seed(&KeyPair::new_user())).as_bytes()).unwrap();
        assert_eq!(format!("{identity:?}"), "Identity(…)");
        let _: (Option<Zeroizing<String>>, Zeroizing<String>) = (identity.jwt, identity.seed);
    }
}
