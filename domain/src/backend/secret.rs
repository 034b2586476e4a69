use std::{fmt, sync::Arc};
use zeroize::Zeroizing;

/// What proves this server to a provider: sealed in the log, never published, never printed, wiped from memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Option<Arc<Zeroizing<String>>>);

impl Secret {
    /// The most bytes of one.
    const MAX: usize = 512;

    /// One that is sealed under a key that was lost: there is one, and nobody can use it.
    pub const UNREADABLE: Self = Self(None);

    /// This text, if it can be one: 1 to 512 visible ASCII characters.
    pub fn new(text: Zeroizing<String>) -> Option<Self> {
        let fits = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        fits.then(|| Self(Some(Arc::new(text))))
    }

    /// The text, for the provider and for sealing; none where it can't be read.
    pub fn reveal(&self) -> Option<&str> {
        self.0.as_ref().map(|text| text.as_str())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Secret(…)" } else { "Secret(unreadable)" })
    }
}
