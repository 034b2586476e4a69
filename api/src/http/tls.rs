//! TLS: the server's certificate, from files that may be renewed while it runs.
use bus::bus::pem;
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};
use tokio::sync::watch;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs},
};
use zeroize::Zeroizing;

/// How often to look whether the files were renewed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate and its key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read, or holds no such thing in PEM.
    #[error("{} holds no {what} in PEM: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why it does not. Says nothing of what stands there.
        error: String,
    },
    /// They do not belong together, or TLS can't be spoken with them.
    #[error("the certificate in {} and the key in {} can't be used: {error}", certificate.display(), key.display())]
    Unfit {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        error: tokio_rustls::rustls::Error,
    },
}

/// A certificate that is read again when its files change. Connections that are open keep what they began with.
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.chain).finish()
    }
}

impl Certificate {
    /// The certificate, with those that lead to its authority, and the key in these PEM files.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn of_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let current = RwLock::new(read(certificate, key)?);
        Ok(Self { chain: certificate.to_owned(), key: key.to_owned(), current })
    }

    /// Takes connections with the certificate as it is now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Reads the files again whenever they have changed, until `stop` says so. Files that can't be used, as while one of the
    /// two is written, leave things as they are.
    pub async fn renew(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut known = self.state();
        let mut failed = None;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => {}
            }
            let state = self.state();
            if state == known || failed.as_ref() == Some(&state) {
                continue;
            }
            match read(&self.chain, &self.key) {
                Ok(config) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
                    tracing::info!(certificate = %self.chain.display(), "the certificate was renewed");
                    known = state;
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "the renewed certificate can't be used: the old one is kept");
                    failed = Some(state);
                }
            }
        }
    }

    /// What changes when a file is written or put in another's place.
    fn state(&self) -> [Option<(SystemTime, u64)>; 2] {
        let of = |path: &Path| {
            let about = fs::metadata(path).ok()?;
            Some((about.modified().ok()?, about.len()))
        };
        [of(&self.chain), of(&self.key)]
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let wrong = |path: &Path, what, error: String| TlsError::File { path: path.to_owned(), what, error };
    let text = |path, what| fs::read(path).map_err(|error| wrong(path, what, error.to_string()));
    let chain = pem::certificates(&text(certificate, "certificate")?);
    let chain = chain.map_err(|error| wrong(certificate, "certificate", error.to_string()))?;
    let private = pem::private_key(&Zeroizing::new(text(key, "private key")?));
    let private = private.map_err(|error| wrong(key, "private key", error.to_string()))?;
    let unfit = |error| TlsError::Unfit { certificate: certificate.to_owned(), key: key.to_owned(), error };
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, private).map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The error of a handshake that took too long.
pub(super) fn slow(_: tokio::time::error::Elapsed) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")
}
