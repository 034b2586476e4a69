//! How to reach a NATS server, and what is refused because it would be reached without protection.
use super::{identity::Identity, pem};
use async_nats::{ConnectOptions, ServerAddr, rustls::crypto};
use std::{
    error::Error,
    hash::{BuildHasher, Hasher, RandomState},
    io,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use zeroize::Zeroizing;

/// How to reach a NATS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsSettings {
    /// One or more addresses, joined by commas: `nats://host:4222`, or `tls://…` where TLS is a must. Without a name and
    /// password: those belong into a file.
    pub url: String,
    /// Who we are.
    pub credentials: Credentials,
    /// How the connection is protected.
    pub tls: Tls,
    /// Whether to talk to another machine without TLS or credentials: for networks that are protected otherwise.
    pub allow_insecure: bool,
    /// What the server shows this connection as.
    pub name: String,
    /// Where answers come to, for servers that allow each client its own prefix only; `_INBOX` if none.
    pub inbox_prefix: Option<String>,
}

/// Who we are, as the server knows it. Files are read when the connection is first made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// Nobody in particular, or who the client certificate says.
    #[default]
    None,
    /// A credentials file (`.creds`) with a JWT and its seed.
    File(PathBuf),
    /// A file with an nkey seed (`SU…`) on its first line.
    NkeySeedFile(PathBuf),
}

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Whether TLS is a must, as for addresses that begin with `tls://`.
    pub required: bool,
    /// Whether TLS comes before the server says anything (`handshake_first`).
    pub first: bool,
    /// A PEM file with the authorities to trust; those of the system, if none.
    pub authorities: Option<PathBuf>,
    /// PEM files with our certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// Settings that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is no address. Not repeated here: a password may be in it.
    #[error("a NATS address is nats://host:port or tls://host:port")]
    Address,
    /// A name or password in the address, which is shown and logged.
    #[error("a NATS address holds no name and password: put them into a credentials or nkey file")]
    Secret,
    /// Another machine, without TLS.
    #[error(
        "the NATS server {0} is on another machine and needs TLS: require it, or say that an insecure one is allowed"
    )]
    NeedsTls(String),
    /// Another machine, without credentials.
    #[error(
        "the NATS server {0} is on another machine and needs credentials: name a credentials file, an nkey file or a client certificate, or say that an insecure one is allowed"
    )]
    NeedsCredentials(String),
    /// A file can't be read.
    #[error("read {what} {}", path.display())]
    File {
        /// What it holds.
        what: &'static str,
        /// Where it is.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl NatsSettings {
    /// Settings with this address and name, and nothing else.
    pub fn new(url: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: Credentials::None,
            tls: Tls::default(),
            allow_insecure: false,
            name: name.into(),
            inbox_prefix: None,
        }
    }

    /// The addresses, checked: one that is not this machine's needs TLS and credentials, unless insecure ones are allowed.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn servers(&self) -> Result<Vec<ServerAddr>, SettingsError> {
        let servers = self.url.split(',').map(|address| self.server(address.trim()));
        servers.collect()
    }

    fn server(&self, address: &str) -> Result<ServerAddr, SettingsError> {
        let server: ServerAddr = address.parse().map_err(|_| SettingsError::Address)?;
        if server.host().is_empty() || !matches!(server.scheme(), "nats" | "tls") {
            return Err(SettingsError::Address);
        }
        if server.username().is_some() || server.password().is_some() {
            return Err(SettingsError::Secret);
        }
        if !self.allow_insecure && !is_loopback(server.host()) {
            let host = || server.host().to_owned();
            if !self.tls.required && !self.tls.first && !server.tls_required() {
                return Err(SettingsError::NeedsTls(host()));
            }
            if self.credentials == Credentials::None && self.tls.certificate.is_none() {
                return Err(SettingsError::NeedsCredentials(host()));
            }
        }
        Ok(server)
    }

    /// The servers, and the options that all connections to them share.
    pub(crate) async fn options(&self) -> Result<(Vec<ServerAddr>, ConnectOptions), SettingsError> {
        let servers = self.servers()?;
        let tls = self.tls.required || self.tls.first || servers.iter().all(ServerAddr::tls_required);
        choose_cryptography();
        let options = match self.credentials.read().await?.map(Arc::new) {
            None => ConnectOptions::new(),
            Some(identity) => ConnectOptions::with_auth_callback(move |challenge| {
                let identity = Arc::clone(&identity);
                async move { identity.answer(&challenge) }
            }),
        };
        let mut options = options
            .name(&self.name)
            .require_tls(tls)
            .ping_interval(Duration::from_secs(10))
            .reconnect_delay_callback(reconnect_delay);
        if self.tls.first {
            options = options.tls_first();
        }
        if !tls && !self.allow_insecure {
            // The cluster may name servers elsewhere, which were not checked.
            options = options.ignore_discovered_servers();
        }
        // The client reads these files at each connection, and would say what stands there.
        if let Some(authorities) = &self.tls.authorities {
            let what = "the authorities' certificates";
            parse(what, authorities, |text| pem::certificates(text).map(drop)).await?;
            options = options.add_root_certificates(authorities.clone());
        }
        if let Some((certificate, key)) = &self.tls.certificate {
            parse("the client certificate", certificate, |text| pem::certificates(text).map(drop)).await?;
            parse("the client certificate's key", key, |text| pem::private_key(text).map(drop)).await?;
            options = options.add_client_certificate(certificate.clone(), key.clone());
        }
        if let Some(prefix) = &self.inbox_prefix {
            options = options.custom_inbox_prefix(prefix);
        }
        Ok((servers, options))
    }
}

impl Credentials {
    /// What the file says; none if there is no file.
    async fn read(&self) -> Result<Option<Identity>, SettingsError> {
        Ok(match self {
            Self::None => None,
            Self::File(path) => Some(parse("the credentials", path, Identity::of_credentials).await?),
            Self::NkeySeedFile(path) => Some(parse("the nkey seed", path, Identity::of_seed).await?),
        })
    }
}

/// What is made of a file, which may be a secret: its text is wiped, and in no error.
async fn parse<T, E: Error + Send + Sync + 'static>(
    what: &'static str,
    path: &Path,
    read: fn(&[u8]) -> Result<T, E>,
) -> Result<T, SettingsError> {
    let failed = |source| SettingsError::File { what, path: path.to_owned(), source };
    let text = Zeroizing::new(tokio::fs::read(path).await.map_err(failed)?);
    read(&text).map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error)))
}

/// Chooses the cryptography of every TLS connection of this process, unless that was done before.
///
/// Two providers are linked in (another crate brings its own), so rustls can't choose by itself.
pub fn choose_cryptography() {
    // That one was installed before is as good.
    drop(crypto::ring::default_provider().install_default());
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// At once, then from 100 ms doubling to 5 s, each shortened by up to a half, so that a fleet does not come back as one.
fn reconnect_delay(attempts: usize) -> Duration {
    if attempts <= 1 {
        return Duration::ZERO;
    }
    let doublings = u32::try_from(attempts - 2).unwrap_or(u32::MAX).min(6);
    let longest = (100_u64 << doublings).min(5000);
    let random = RandomState::new().build_hasher().finish();
    Duration::from_millis(longest - random % (longest / 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{identity::IdentityError, pem::PemError};

    fn settings(url: &str) -> NatsSettings {
        NatsSettings::new(url, "test")
    }

    #[test]
    fn this_machine_needs_no_protection() {
        for url in ["nats://127.0.0.1:4222", "localhost", "nats://[::1]:4222", "127.0.0.1:1,127.0.0.1:2"] {
            assert!(settings(url).servers().is_ok(), "{url}");
        }
    }

    #[test]
    fn another_machine_needs_tls_and_credentials() {
        let creds = Credentials::File("x.creds".into());
        for url in ["nats://10.0.0.1:4222", "nats://nats.example", "127.0.0.1,nats.example", "0.0.0.0"] {
            assert!(matches!(settings(url).servers(), Err(SettingsError::NeedsTls(_))), "{url}");
        }
        let tls = settings("tls://nats.example");
        assert!(matches!(tls.servers(), Err(SettingsError::NeedsCredentials(_))));
        assert!(NatsSettings { credentials: creds.clone(), ..tls }.servers().is_ok());
        let plain = NatsSettings { credentials: creds, ..settings("nats://nats.example") };
        assert!(matches!(plain.servers(), Err(SettingsError::NeedsTls(_))));
        assert!(NatsSettings { allow_insecure: true, ..settings("nats://nats.example") }.servers().is_ok());
    }

    #[test]
    fn an_address_holds_no_secret_and_its_error_neither() {
        let error = settings("nats://ada:hunter2@127.0.0.1").servers().unwrap_err();
        assert!(matches!(error, SettingsError::Secret));
        for url in ["", "http://hunter2", "nats://", "ws://127.0.0.1", "nats://hunter2:x"] {
            let error = settings(url).servers().unwrap_err();
            assert!(matches!(error, SettingsError::Address) && !error.to_string().contains("hunter2"), "{url}");
        }
    }

    #[tokio::test]
    async fn a_broken_key_is_an_error_that_does_not_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("client.pem"), folder.path().join("client.key"));
        std::fs::write(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        std::fs::write(&key, "-----BEGIN PRIVATE KEY----- c2VjcmV0 -----END PRIVATE KEY-----").unwrap();
        let tls = Tls { certificate: Some((certificate, key.clone())), ..Tls::default() };
        let error = NatsSettings { tls, ..settings("tls://127.0.0.1") }.options().await.unwrap_err();
        let SettingsError::File { path, source, .. } = error else { panic!("{error}") };
        assert_eq!(path, key);
        assert_eq!(source.to_string(), PemError::Broken.to_string());
    }

    #[tokio::test]
    async fn a_broken_seed_is_an_error_that_does_not_hold_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent");
        for text in ["hunter2", "SUAhunter2", "-----BEGIN NATS USER JWT-----\nhunter2\n"] {
            std::fs::write(&path, text).unwrap();
            for (credentials, said) in [
                (Credentials::NkeySeedFile(path.clone()), IdentityError::Seed),
                (Credentials::File(path.clone()), IdentityError::Credentials),
            ] {
                let error = NatsSettings { credentials, ..settings("127.0.0.1") }.options().await.unwrap_err();
                assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
                assert_eq!(error.source().unwrap().to_string(), said.to_string());
                assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
            }
        }
    }

    #[test]
    fn waits_grow_and_stay_bounded() {
        assert_eq!(reconnect_delay(1), Duration::ZERO);
        for (attempts, least, most) in [(2, 50, 100), (3, 100, 200), (1000, 2500, 5000)] {
            let waits = reconnect_delay(attempts).as_millis();
            assert!((least..=most).contains(&waits), "{attempts}: {waits}");
        }
    }
}
