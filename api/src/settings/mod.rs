//! What the server is told before it starts: defaults, then a TOML file, then `DKUBE_*` variables, then flags.
//!
//! Every setting has one name: `nats_ca` in the file, `DKUBE_NATS_CA` as a variable, `--nats-ca` as a flag. All values are
//! parsed here, once; what is unknown, malformed or unsafe is refused, with the setting and the place where it was set.

mod environment;
mod error;
mod file;
mod flags;
mod key;
mod kubernetes;
mod layers;
mod nats;
mod secret;
#[cfg(test)]
mod tests;
mod value;

pub use environment::Environment;
pub use error::SettingsError;
pub use flags::Flags;
pub use key::Key;
pub use kubernetes::{Access, Kubernetes};
pub use layers::Source;
pub use nats::{Identity, Nats, Tls};
pub use secret::Secret;
pub use value::{ByteSize, Fleet, LogFormat, LogLevel, ValueError};

use crate::{egress::Policy, http::Certificate, license::VendorKey};
use domain::Login;
use ipnet::IpNet;
use layers::Layer;
use reqwest::Url;
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Everything that the server is told before it starts.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Settings {
    /// The folder of the log and of all else that is kept.
    pub data: PathBuf,
    master_key: Option<PathBuf>,
    /// The address to listen on: loopback, unless `insecure_listen` is set.
    pub listen: SocketAddr,
    /// What TLS is spoken with; none: connections are in clear.
    pub certificate: Option<Arc<Certificate>>,
    /// Whether an operator says that listening in clear is fine.
    pub insecure_listen: bool,
    /// The address that people reach the server at.
    pub public_url: Option<Url>,
    /// The NATS server; none: the bus is in this process.
    pub nats: Option<Nats>,
    /// The simulated fleet; none: the devices are real.
    pub simulate: Option<Fleet>,
    /// The seed of the simulated fleet and its faults.
    pub simulate_seed: u64,
    /// The login of the first operator.
    pub operator_login: Login,
    /// Their first password; none: one is made.
    pub operator_password: Option<Secret>,
    /// After how many events the read models are saved.
    pub snapshot_every: u64,
    /// Whether devices that are seen for the first time start cordoned.
    pub cordon_new_devices: bool,
    /// How long a node may be silent before it is lost.
    pub node_lease: Duration,
    /// How much memory the past of what is measured may take.
    pub telemetry_memory: ByteSize,
    /// The Kubernetes cluster to watch; none: there is none, or its agent runs elsewhere.
    pub kubernetes: Option<Kubernetes>,
    /// How long a pod with GPUs runs before it is recorded as a job.
    pub kube_job_after: Duration,
    /// Whether processes on GPUs are recorded as jobs.
    pub observe_processes: bool,
    /// The vendor's key, by which licenses are known; none: everything works without limits.
    pub license_key: Option<VendorKey>,
    /// The proxies whose word on where a request came from is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// The most requests of one address at a time.
    pub requests_per_address: usize,
    /// Whether `/metrics` is open to all.
    pub metrics_open: bool,
    /// Where the break-glass operator may come from; anywhere, if it is empty.
    pub break_glass_from: Vec<IpNet>,
    /// Where sign-in providers and the like may be.
    pub egress: Policy,
    /// Below so much free space, the server takes no commands.
    pub free_space_floor: ByteSize,
    /// The form of log lines.
    pub log_format: LogFormat,
    /// Which log lines are written.
    pub log_level: LogLevel,
    layers: Layer,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.shown().into_iter().map(|shown| (shown.name, shown.value))).finish()
    }
}

/// A setting as `config show` shows it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// Its value as it was written; of a secret, only whether it is set.
    pub value: Option<String>,
    /// Where it was set.
    pub source: String,
}

impl Settings {
    /// The settings that these flags, this environment and the file that they name make together.
    ///
    /// # Errors
    /// Where a setting is unknown, malformed, unsafe, or does not go with another.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, SettingsError> {
        let mut layers = Layer::defaults();
        let file = flags.config.clone().or_else(|| environment.get("DKUBE_CONFIG").map(PathBuf::from));
        if let Some(path) = file {
            layers.over(file::read(&path)?);
        }
        layers.over(Layer::variables(environment)?);
        layers.over(flags.layer.clone());
        Self::of(layers)
    }

    fn of(layers: Layer) -> Result<Self, SettingsError> {
        let data: PathBuf = layers.required(Key::Data)?;
        if data.as_os_str().is_empty() {
            return Err(layers.unfit(Key::Data, "a folder has a name"));
        }
        Ok(Self {
            data,
            master_key: layers.optional(Key::MasterKey)?,
            listen: listen(&layers)?,
            certificate: certificate(&layers)?,
            insecure_listen: layers.required(Key::InsecureListen)?,
            public_url: public_url(&layers)?,
            nats: nats::read(&layers)?,
            simulate: layers.optional(Key::Simulate)?,
            simulate_seed: layers.required(Key::SimulateSeed)?,
            operator_login: layers.required(Key::OperatorLogin)?,
            operator_password: operator_password(&layers)?,
            snapshot_every: layers.required::<value::EventCount>(Key::SnapshotEvery)?.0,
            cordon_new_devices: layers.required(Key::CordonNewDevices)?,
            node_lease: node_lease(&layers)?,
            telemetry_memory: layers.required(Key::TelemetryMemory)?,
            kubernetes: kubernetes::read(&layers)?,
            kube_job_after: layers.required::<value::Period>(Key::KubeJobAfter)?.0,
            observe_processes: layers.required(Key::ObserveProcesses)?,
            license_key: license_key(&layers)?,
            trusted_proxies: layers.optional::<value::Addresses>(Key::TrustedProxies)?.unwrap_or_default().0,
            requests_per_address: layers.required::<value::RequestCount>(Key::RequestsPerAddress)?.0,
            metrics_open: layers.required(Key::MetricsOpen)?,
            break_glass_from: layers.optional::<value::Networks>(Key::BreakGlassFrom)?.unwrap_or_default().0,
            egress: egress(&layers)?,
            free_space_floor: layers.required(Key::FreeSpaceFloor)?,
            log_format: layers.required(Key::LogFormat)?,
            log_level: layers.required(Key::LogLevel)?,
            layers,
        })
    }

    /// The file with the master key.
    pub fn master_key(&self) -> PathBuf {
        self.master_key.clone().unwrap_or_else(|| self.data.join("master.key"))
    }

    /// Every setting with its value and its source; of secrets, only whether they are set.
    pub fn shown(&self) -> Vec<Shown> {
        let shown = |key: Key| {
            let value = self.layers.get(key).map(|value| match key.description().shape {
                key::Shape::Secret => "set".to_owned(),
                key::Shape::Text | key::Shape::Switch | key::Shape::Number => value.to_owned(),
            });
            Shown { name: key.name(), value, source: self.layers.source(key).to_string() }
        };
        Key::ALL.into_iter().map(shown).collect()
    }
}

fn listen(layers: &Layer) -> Result<SocketAddr, SettingsError> {
    let listen: SocketAddr = layers.required(Key::Listen)?;
    let insecure: bool = layers.required(Key::InsecureListen)?;
    if listen.ip().is_loopback() || insecure || layers.get(Key::TlsCert).is_some() {
        return Ok(listen);
    }
    let rule = format!(
        "{listen} is not loopback, and without TLS passwords and tokens would travel in clear. Set tls_cert and tls_key, \
         listen on 127.0.0.1 behind a proxy that ends TLS, or, where the network itself is trusted, set insecure_listen"
    );
    Err(layers.unfit(Key::Listen, rule))
}

fn certificate(layers: &Layer) -> Result<Option<Arc<Certificate>>, SettingsError> {
    let (certificate, key) = match (nats::file(layers, Key::TlsCert)?, nats::file(layers, Key::TlsKey)?) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => return Err(layers.unfit(Key::TlsCert, "tls_key is missing: they go together")),
        (None, Some(_)) => return Err(layers.unfit(Key::TlsKey, "tls_cert is missing: they go together")),
        (None, None) => return Ok(None),
    };
    let loaded = Certificate::of_files(&certificate, &key);
    loaded.map(|loaded| Some(Arc::new(loaded))).map_err(|error| layers.unfit(Key::TlsCert, error.to_string()))
}

fn license_key(layers: &Layer) -> Result<Option<VendorKey>, SettingsError> {
    let read =
        |path: PathBuf| VendorKey::in_file(&path).map_err(|error| layers.unfit(Key::LicenseKey, error.to_string()));
    nats::file(layers, Key::LicenseKey)?.map(read).transpose()
}

fn node_lease(layers: &Layer) -> Result<Duration, SettingsError> {
    let value::Period(lease) = layers.required(Key::NodeLease)?;
    // A client may need 5 seconds to find a NATS server that is back.
    let short = lease < Duration::from_secs(6);
    if short { Err(layers.unfit(Key::NodeLease, "a lease is at least 6s")) } else { Ok(lease) }
}

fn public_url(layers: &Layer) -> Result<Option<Url>, SettingsError> {
    let url: Option<Url> = layers.optional(Key::PublicUrl)?;
    let sound = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match url {
        Some(url) if url.scheme() == "http" && layers.get(Key::TlsCert).is_some() => {
            Err(layers.unfit(Key::PublicUrl, "tls_cert is set, and so the server is reached at https:// alone"))
        }
        Some(url) if !sound(&url) => {
            Err(layers
                .unfit(Key::PublicUrl, "an address is http:// or https://, a host and perhaps a path, and no more"))
        }
        url => Ok(url),
    }
}

fn egress(layers: &Layer) -> Result<Policy, SettingsError> {
    let allow = layers.optional::<value::PrivateNetworks>(Key::EgressAllow)?.unwrap_or_default().0;
    Ok(Policy { allow, insecure: layers.required(Key::InsecureEgress)? })
}

fn operator_password(layers: &Layer) -> Result<Option<Secret>, SettingsError> {
    let given = layers.get(Key::OperatorPassword).map(|text| Secret::new(text.to_owned()));
    let (key, password) = match (given, nats::file(layers, Key::OperatorPasswordFile)?) {
        (Some(_), Some(_)) => {
            return Err(
                layers.unfit(Key::OperatorPasswordFile, "DKUBE_OPERATOR_PASSWORD is set as well: use one of them")
            );
        }
        (Some(password), None) => (Key::OperatorPassword, password),
        (None, Some(path)) => (Key::OperatorPasswordFile, read_password(&path)?),
        (None, None) => return Ok(None),
    };
    // As for every password that is set, and none that is typed holds a control character.
    let sound =
        (12..=128).contains(&password.reveal().chars().count()) && !password.reveal().contains(char::is_control);
    if !sound {
        let rule = "a password has 12 to 128 characters on one line";
        return Err(SettingsError::WrongSecret { name: key.name(), source_name: layers.source(key), rule });
    }
    Ok(Some(password))
}

/// The first line of a password file, its line end left out.
pub(crate) fn read_password(path: &Path) -> Result<Secret, SettingsError> {
    let text = read_secret(path)?;
    Ok(Secret::new(text.reveal().lines().next().unwrap_or_default().to_owned()))
}

/// The whole text of a password file.
pub(crate) fn read_secret(path: &Path) -> Result<Secret, SettingsError> {
    file::read_text("the password file", path, 64 * 1024).map(Secret::from)
}

/// Whether an address stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}
