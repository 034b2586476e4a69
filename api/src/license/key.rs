use jsonwebtoken::DecodingKey;
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// A vendor's public key, by which licenses are known.
#[derive(Clone)]
pub struct VendorKey(pub(super) DecodingKey);

/// A key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file can't be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It holds no such key.
    #[error("{} is no Ed25519 {kind} key in PEM (RFC 8410)", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// `public` or `private`.
        kind: &'static str,
    },
}

impl VendorKey {
    /// The key in this file.
    ///
    /// # Errors
    /// It can't be read, or is none.
    pub fn in_file(path: &Path) -> Result<Self, KeyError> {
        let pem = read(path)?;
        let form = |_| KeyError::Form { path: path.to_owned(), kind: "public" };
        DecodingKey::from_ed_pem(&pem).map(Self).map_err(form)
    }
}

impl fmt::Debug for VendorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VendorKey")
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, KeyError> {
    fs::read(path).map_err(|error| KeyError::File { path: path.to_owned(), error })
}
