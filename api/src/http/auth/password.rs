//! Passwords: argon2id, computed off the async threads, a few at a time.
use crate::http::{app::PasswordCost, problem::Problem};
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc},
};
use domain::user::PasswordHash;
use serde::Deserialize;
use std::{fmt, sync::Arc};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// How many are computed at a time: each takes a core and much memory.
const AT_A_TIME: usize = 2;

/// A password as it was typed: wiped from memory, never printed.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Password(Zeroizing<String>);

impl Password {
    /// The longest that is looked at, in bytes: what is longer is wrong.
    const BYTES_MAX: usize = 4 * 128;

    /// What was typed. A login may be a password in the wrong field, and so is read as one.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password that may be set: long enough to be worth something. No other rule makes one better.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct NewPassword(Password);

impl TryFrom<String> for NewPassword {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let password = Password::from(text);
        if (12..=128).contains(&password.0.chars().count()) {
            Ok(Self(password))
        } else {
            Err("a password has 12 to 128 characters")
        }
    }
}

/// Makes and checks password hashes.
pub(crate) struct Passwords {
    hasher: Argon2<'static>,
    permits: Arc<Semaphore>,
    decoy: PasswordHash,
}

impl Passwords {
    /// Hashes at this cost.
    ///
    /// # Panics
    /// The cost is outside what argon2 takes.
    pub(crate) fn new(cost: PasswordCost) -> Self {
        let hasher = hasher(cost);
        let decoy = hash(&hasher, b"nobody's").expect("argon2 hashes any short password");
        Self { hasher, permits: Arc::new(Semaphore::new(AT_A_TIME)), decoy }
    }

    /// The hash of a new password.
    pub(crate) async fn hash(&self, password: NewPassword) -> Result<PasswordHash, Problem> {
        let hasher = self.hasher.clone();
        let made = self.off_thread(move || hash(&hasher, password.0.0.as_bytes())).await?;
        made.map_err(|error| Problem::fault("a password can't be hashed", &error))
    }

    /// Whether this is the password of that hash. Where there is none, the same work is done for nothing, so that
    /// nobody can tell.
    pub(crate) async fn fits(&self, password: &Password, kept: Option<PasswordHash>) -> Result<bool, Problem> {
        let known = kept.is_some();
        let (hasher, kept, password) =
            (self.hasher.clone(), kept.unwrap_or_else(|| self.decoy.clone()), password.clone());
        let fits = self
            .off_thread(move || {
                let sane = password.0.len() <= Password::BYTES_MAX;
                let typed = if sane { password.0.as_bytes() } else { b"" };
                verify(&hasher, typed, &kept) && sane
            })
            .await?;
        Ok(fits && known)
    }

    /// Runs it on a blocking thread. The permit stays with the work: a caller who goes away frees nothing early.
    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let permits = Arc::clone(&self.permits);
        let permit =
            permits.acquire_owned().await.map_err(|error| Problem::fault("passwords are not checked", &error))?;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        done.await.map_err(|error| Problem::fault("a password can't be checked", &error))
    }
}

/// The hash of a password outside the server: the founder's. Blocks for as long as it costs.
///
/// # Errors
/// The password is longer than argon2 takes.
///
/// # Panics
/// The cost is outside what argon2 takes.
pub fn hash_password(password: &str, cost: PasswordCost) -> Result<PasswordHash, argon2::password_hash::Error> {
    hash(&hasher(cost), password.as_bytes())
}

/// Whether this is the password of that hash, outside the server's own checks. Blocks for as long as the hash costs.
pub fn password_fits(password: &str, kept: &PasswordHash) -> bool {
    verify(&hasher(PasswordCost::default()), password.as_bytes(), kept)
}

fn verify(hasher: &Argon2<'_>, typed: &[u8], kept: &PasswordHash) -> bool {
    let parsed = phc::PasswordHash::new(kept.reveal());
    // What it cost is in the hash.
    parsed.is_ok_and(|parsed| hasher.verify_password(typed, &parsed).is_ok())
}

fn hasher(cost: PasswordCost) -> Argon2<'static> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.expect("the cost is within argon2's bounds"))
}

fn hash(hasher: &Argon2<'_>, password: &[u8]) -> Result<PasswordHash, argon2::password_hash::Error> {
    let hash: phc::PasswordHash = hasher.hash_password(password)?;
    Ok(PasswordHash::from(hash.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{http::testing::CHEAP, memory::Planted};
    use bus::engine::Idempotency;

    #[test]
    fn a_hash_and_a_request_that_are_over_are_not_left_in_memory() {
        let planted = Planted::new();
        {
            let hash = PasswordHash::new(&planted.text());
            drop(hash.clone());
            assert_eq!(format!("{hash:?}"), "PasswordHash(…)");
            let request = planted.text().as_bytes().to_vec().into();
            let keyed = Idempotency { key: "key".to_owned(), request };
            assert_eq!(format!("{keyed:?}"), "Idempotency { key: \"key\", .. }");
        }
        planted.is_gone();
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::new(CHEAP);
        let new: NewPassword = serde_json::from_str("\"correct horse battery\"").unwrap();
        let hash = passwords.hash(new).await.unwrap();
        assert!(hash.reveal().starts_with("$argon2id$v=19$"));
        let typed = |text: &str| Password::from(text.to_owned());
        assert!(passwords.fits(&typed("correct horse battery"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.fits(&typed("correct horse batterx"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.fits(&typed(&"x".repeat(100_000)), Some(hash)).await.unwrap());
        assert!(!passwords.fits(&typed("nobody's"), None).await.unwrap());
    }

    #[test]
    fn a_new_password_is_12_to_128_characters_and_is_never_printed() {
        let parse = |text: &str| NewPassword::try_from(text.to_owned());
        assert!(parse("elevenchars").is_err() && parse(&"x".repeat(129)).is_err());
        assert!(parse("twelve chars").is_ok() && parse(&"ä".repeat(128)).is_ok());
        assert!(!format!("{:?}", parse("twelve chars")).contains("twelve"));
    }
}
