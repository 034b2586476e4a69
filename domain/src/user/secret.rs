use std::{fmt, sync::Arc};

/// A password's hash in PHC string form (argon2id). It can be guessed at offline, so it is sealed in the log, never
/// published and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Arc<str>);

impl PasswordHash {
    /// The hash that a password hasher made.
    pub fn new(phc: &str) -> Self {
        Self(phc.into())
    }

    /// The PHC string, for checking a password and for sealing.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}
