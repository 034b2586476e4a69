//! TLS: the server's certificate, from files that may be renewed while it runs.
mod news;
mod validity;

pub(super) use validity::Validity;

use bus::{bus::pem, clock::Clock};
use domain::Timestamp;
use news::{News, Watch};
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
    /// The files as they were when they were first read.
    known: FilesState,
    current: RwLock<Loaded>,
}

/// What was read of the files.
#[derive(Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    validity: Validity,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate").field(&self.chain).finish()
    }
}

impl Certificate {
    /// The certificate, with those that lead to its authority, and the key in these PEM files. Whether it holds at this time
    /// is not asked: who has no other would be left without a server, and without what agents tell meanwhile.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn of_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        // Before they are read: what is written meanwhile is a change.
        let known = state(certificate, key);
        let current = RwLock::new(read(certificate, key)?);
        Ok(Self { chain: certificate.to_owned(), key: key.to_owned(), known, current })
    }

    /// Takes connections with the certificate as it is now.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current().config)
    }

    /// For how long the certificate holds that is shown now.
    pub(super) fn validity(&self) -> Validity {
        self.current().validity
    }

    fn current(&self) -> Loaded {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again whenever they have changed, until `stop` says so. Files that can't be used, as while one of the
    /// two is written, leave things as they are. So does a certificate that does not hold at this time, for as long as that is
    /// so and the one before it does.
    pub async fn renew(self: Arc<Self>, clock: Arc<dyn Clock>, mut stop: watch::Receiver<bool>) {
        let mut known = self.known;
        let mut watch = Watch::default();
        let mut waiting = None;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => {}
            }
            let found = state(&self.chain, &self.key);
            let changed = found != known;
            if changed {
                known = found;
                waiting = match read(&self.chain, &self.key) {
                    Ok(renewed) => Some(renewed),
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, "the renewed certificate can't be used: the old one is kept");
                        None
                    }
                };
            }
            waiting = waiting.and_then(|renewed| self.take(renewed, clock.now(), changed));
            if let Some(news) = watch.look(self.validity(), clock.now()) {
                self.tell(&news);
            }
        }
    }

    /// What time alone brought about.
    fn tell(&self, news: &News) {
        let certificate = self.chain.display();
        match news {
            News::Faulty(fault) => {
                tracing::error!(%certificate, fault, "the certificate does not hold: clients refuse it");
            }
            News::Holds(until) => tracing::info!(%certificate, %until, "the certificate holds from now on"),
            News::Due(until) => tracing::warn!(%certificate, %until, "the certificate ends soon: renew it"),
        }
    }

    /// Shows this certificate from now on, unless the one before it is better. Then it is given back.
    fn take(&self, renewed: Loaded, now: Timestamp, first: bool) -> Option<Loaded> {
        let certificate = self.chain.display();
        let fault = renewed.validity.fault(now);
        if let Some(fault) = fault.as_ref().filter(|_| self.validity().contains(now)) {
            if first {
                tracing::error!(%certificate, fault, "the renewed certificate does not hold: the old one is kept");
            }
            return Some(renewed);
        }
        let until = renewed.validity.until;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        match fault {
            None => tracing::info!(%certificate, %until, "the certificate was renewed"),
            Some(fault) => {
                tracing::error!(%certificate, fault, "neither the old certificate holds nor the renewed one, which is shown now");
            }
        }
        None
    }
}

/// What changes when one of two files is written or put in another's place.
type FilesState = [Option<(SystemTime, u64)>; 2];

fn state(certificate: &Path, key: &Path) -> FilesState {
    let of = |path: &Path| {
        let about = fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len()))
    };
    [of(certificate), of(key)]
}

fn read(certificate: &Path, key: &Path) -> Result<Loaded, TlsError> {
    let wrong = |path: &Path, what, error: String| TlsError::File { path: path.to_owned(), what, error };
    let text = |path, what| fs::read(path).map_err(|error| wrong(path, what, error.to_string()));
    let chain = pem::certificates(&text(certificate, "certificate")?);
    let chain = chain.map_err(|error| wrong(certificate, "certificate", error.to_string()))?;
    let no_leaf = || wrong(certificate, "certificate", "there is none".to_owned());
    let validity = Validity::of(chain.first().ok_or_else(no_leaf)?);
    let validity = validity.map_err(|error| wrong(certificate, "certificate", error.to_string()))?;
    let private = pem::private_key(&Zeroizing::new(text(key, "private key")?));
    let private = private.map_err(|error| wrong(key, "private key", error.to_string()))?;
    let unfit = |error| TlsError::Unfit { certificate: certificate.to_owned(), key: key.to_owned(), error };
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, private).map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), validity })
}

/// The error of a handshake that took too long.
pub(super) fn slow(_: tokio::time::error::Elapsed) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")
}
