use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// A password's hash in PHC string form (argon2id). It can be guessed at offline, so it is sealed in the log, never
/// published, never printed, and wiped from memory.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<Zeroizing<String>>);

impl PasswordHash {
    /// The hash that a password hasher made.
    pub fn new(phc: &str) -> Self {
        Self::from(phc.to_owned())
    }

    /// The PHC string, for checking a password and for sealing.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for PasswordHash {
    fn from(phc: String) -> Self {
        Self(Arc::new(phc.into()))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
