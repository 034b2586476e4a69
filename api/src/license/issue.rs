//! The vendor's side: key pairs, and tokens signed with them.
use super::{
    claims::Claims,
    key::{KeyError, read},
};
use domain::license::License;
use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};
use zeroize::Zeroizing;

/// A token can't be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IssueError {
    /// A key's file fails.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system gives no random numbers.
    #[error("there are no random numbers: {0}")]
    Entropy(#[from] getrandom::Error),
    /// The token or a key can't be written as text.
    #[error("it can't be written as text")]
    Unwritable,
}

/// A vendor's private key.
pub(crate) struct SigningKey(EncodingKey);

impl SigningKey {
    /// The key in this file.
    ///
    /// # Errors
    /// It can't be read, or is none.
    pub(crate) fn in_file(path: &Path) -> Result<Self, KeyError> {
        let pem = Zeroizing::new(read(path)?);
        let form = |_| KeyError::Form { path: path.to_owned(), kind: "private" };
        EncodingKey::from_ed_pem(&pem).map(Self).map_err(form)
    }

    /// A token that grants this.
    ///
    /// # Errors
    /// The key can't sign.
    pub(crate) fn issue(&self, license: License) -> Result<String, IssueError> {
        encode(&Header::new(Algorithm::EdDSA), &Claims::from(license), &self.0).map_err(|_| IssueError::Unwritable)
    }
}

/// Makes a key pair: the private key in a new file that only its owner may read, the public one in another.
///
/// # Errors
/// A file is there already, or can't be written.
pub(crate) fn new_keys(private: &Path, public: &Path) -> Result<(), IssueError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed)?;
    let key = ed25519_dalek::SigningKey::from_bytes(&seed);
    let secret = key.to_pkcs8_pem(LineEnding::LF).map_err(|_| IssueError::Unwritable)?;
    let open = key.verifying_key().to_public_key_pem(LineEnding::LF).map_err(|_| IssueError::Unwritable)?;
    write_new(private, 0o600, secret.as_bytes())?;
    if let Err(error) = write_new(public, 0o644, open.as_bytes()) {
        // Nobody has used it yet, and left behind it would be in the way of the next attempt.
        let _ = fs::remove_file(private);
        return Err(error.into());
    }
    Ok(())
}

/// A file that is there may be the only copy of a key: it is never written over.
fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), KeyError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| KeyError::File { path: path.to_owned(), error })
}
