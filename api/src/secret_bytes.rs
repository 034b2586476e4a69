//! Bytes among which there may be a secret: a body that comes in or goes out.
use bytes::Bytes;
use std::{fmt, io, ops::Deref};
use zeroize::Zeroizing;

/// Bytes that can't be printed, and are wiped from memory when they are dropped and where they grow.
#[derive(Clone, Default)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    const LEAST: usize = 128;

    /// None yet, with room for so many.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    /// Adds these. A vector that grows by itself frees what it grows out of as it is.
    pub fn extend(&mut self, more: &[u8]) {
        let needed = self.0.len() + more.len();
        if needed > self.0.capacity() {
            let mut wider = Self::with_capacity(needed.max(2 * self.0.capacity()).max(Self::LEAST));
            wider.0.extend_from_slice(&self.0);
            *self = wider;
        }
        self.0.extend_from_slice(more);
    }

    /// The same, to be sent: wiped when the last of those who share them lets go.
    pub fn into_shared(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl From<String> for SecretBytes {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text.into_bytes()))
    }
}

impl Deref for SecretBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for SecretBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl io::Write for SecretBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Planted;

    #[test]
    fn they_are_wiped_where_they_grow_when_they_are_dropped_and_after_they_are_sent() {
        let planted = Planted::new();
        let mut bytes = SecretBytes::default();
        for part in planted.text().as_bytes().chunks(100) {
            bytes.extend(part);
        }
        assert_eq!(&*bytes, planted.text().as_bytes());
        assert_eq!(format!("{bytes:?}"), format!("SecretBytes({} bytes)", planted.text().len()));
        // What they grew out of was freed: only they hold it.
        let shared = bytes.into_shared();
        let other = shared.clone();
        drop(shared);
        assert!(planted.is_there());
        drop(other);
        planted.is_gone();
    }
}
