//! The port to where snapshots are kept.
use std::io;

/// Named pieces of bytes, kept between starts. Calls may block.
pub trait Store: Send + Sync {
    /// The names of all pieces, in any order.
    ///
    /// # Errors
    /// They can't be listed.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The bytes under a name.
    ///
    /// # Errors
    /// There are none, or they can't be read.
    fn load(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Keeps bytes under a name, durably and as a whole or not at all; what was under it is replaced. A name is at most
    /// 64 lower-case letters, digits, hyphens and dots.
    ///
    /// # Errors
    /// They can't be kept.
    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()>;

    /// Throws away what is under a name, if anything is.
    ///
    /// # Errors
    /// It can't be thrown away.
    fn remove(&self, name: &str) -> io::Result<()>;
}
