//! Keys and certificates in PEM (RFC 7468). An error repeats nothing of what stands there: it may be a key.
use async_nats::rustls::pki_types::{
    CertificateDer, PrivateKeyDer,
    pem::{self, PemObject},
};

/// The text can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// It holds none.
    #[error("there is none")]
    Missing,
    /// It begins as one does, and does not go on so.
    #[error("it is not whole: its first and its last line are to be lines of their own, and between them is base64")]
    Broken,
}

impl From<pem::Error> for PemError {
    fn from(error: pem::Error) -> Self {
        match error {
            pem::Error::NoItemsFound => Self::Missing,
            _ => Self::Broken,
        }
    }
}

/// The first private key.
///
/// # Errors
/// [`PemError`].
pub fn private_key(text: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    Ok(PrivateKeyDer::from_pem_slice(text)?)
}

/// Every certificate, of which there is one at least.
///
/// # Errors
/// [`PemError`].
pub fn certificates(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let all: Vec<_> = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>()?;
    if all.is_empty() { Err(PemError::Missing) } else { Ok(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_is_not_repeated() {
        let whole = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n";
        assert!(private_key(whole.as_bytes()).is_ok());
        for broken in [whole.replace('\n', "\\n"), whole.replace('\n', " "), whole.replace("-----END", "")] {
            assert_eq!(private_key(broken.as_bytes()).unwrap_err(), PemError::Broken, "{broken}");
            assert_eq!(certificates(broken.as_bytes()).unwrap_err(), PemError::Broken, "{broken}");
        }
        assert_eq!(private_key(b"nonsense").unwrap_err(), PemError::Missing);
        assert_eq!(certificates(whole.as_bytes()).unwrap_err(), PemError::Missing);
    }
}
