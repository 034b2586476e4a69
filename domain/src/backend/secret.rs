use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// What proves this server to a provider: sealed in the log, never published, never printed, wiped from memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// The most bytes of one.
    const MAX: usize = 512;

    /// This text, if it can be one: 1 to 512 visible ASCII characters.
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(Arc::new(text)))
    }

    /// The text, for the provider and for sealing.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
