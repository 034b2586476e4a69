//! How to reach the NATS server, and on which terms.
use super::{Key, SettingsError, layers::Layer};
use reqwest::Url;
use std::path::{Path, PathBuf};

/// A NATS server outside this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nats {
    /// Where: `nats://` or `tls://`, a host, perhaps a port; never with a user or a password.
    pub url: Url,
    /// How the server knows us.
    pub identity: Option<Identity>,
    /// What TLS is made of; the connection is encrypted where this is set.
    pub tls: Option<Tls>,
    /// Whether the operator says that the lack of TLS or of credentials is fine.
    pub insecure: bool,
}

/// By what the NATS server knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// A credentials file.
    Credentials(PathBuf),
    /// A file with an nkey seed.
    Nkey(PathBuf),
}

/// Files of a TLS connection. All left out: the system's roots, and no certificate of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The certificates that the server's one must descend from.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub own: Option<(PathBuf, PathBuf)>,
}

const DEPENDENT: [Key; 6] =
    [Key::NatsCredentials, Key::NatsNkey, Key::NatsCa, Key::NatsCert, Key::NatsKey, Key::NatsInsecure];

pub(super) fn read(layers: &Layer) -> Result<Option<Nats>, SettingsError> {
    let insecure = layers.required(Key::NatsInsecure)?;
    let Some(text) = layers.get(Key::Nats) else {
        return match DEPENDENT.into_iter().find(|key| layers.source(*key) != super::Source::Default) {
            Some(key) => Err(layers.unfit(key, "nats is not set, and without it the bus is in this process")),
            None => Ok(None),
        };
    };
    let url = address(layers, text)?;
    let identity = identity(layers)?;
    let tls = tls(layers, &url)?;
    let nats = Nats { url, identity, tls, insecure };
    if !nats.insecure && !super::is_loopback(&nats.url) && (nats.tls.is_none() || nats.identity.is_none()) {
        let rule = "a NATS server that is not on this machine needs TLS (tls://…, or nats_ca) and credentials \
                    (nats_credentials or nats_nkey, or nats_cert and nats_key); where the network itself is trusted, set nats_insecure";
        if nats.tls.as_ref().is_none_or(|tls| tls.own.is_none()) {
            return Err(layers.unfit(Key::Nats, rule));
        }
    }
    Ok(Some(nats))
}

fn address(layers: &Layer, text: &str) -> Result<Url, SettingsError> {
    let wrong = || layers.unfit(Key::Nats, "an address is nats://host:4222 or tls://host:4222");
    let url: Url = text.parse().map_err(|_| wrong())?;
    // Checked before anything that would repeat the address in a message.
    if !url.username().is_empty() || url.password().is_some() {
        let rule = "an address holds no user and no password: use nats_credentials or nats_nkey";
        return Err(layers.unfit(Key::Nats, rule));
    }
    let plain = matches!(url.scheme(), "nats" | "tls") && url.host_str().is_some_and(|host| !host.is_empty());
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if plain && bare { Ok(url) } else { Err(wrong()) }
}

fn identity(layers: &Layer) -> Result<Option<Identity>, SettingsError> {
    match (file(layers, Key::NatsCredentials)?, file(layers, Key::NatsNkey)?) {
        (Some(_), Some(_)) => Err(layers.unfit(Key::NatsNkey, "nats_credentials is set as well: use one of them")),
        (Some(path), None) => Ok(Some(Identity::Credentials(path))),
        (None, Some(path)) => Ok(Some(Identity::Nkey(path))),
        (None, None) => Ok(None),
    }
}

fn tls(layers: &Layer, url: &Url) -> Result<Option<Tls>, SettingsError> {
    let ca = file(layers, Key::NatsCa)?;
    let own = match (file(layers, Key::NatsCert)?, file(layers, Key::NatsKey)?) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (Some(_), None) => return Err(layers.unfit(Key::NatsCert, "nats_key is missing: they go together")),
        (None, Some(_)) => return Err(layers.unfit(Key::NatsKey, "nats_cert is missing: they go together")),
        (None, None) => None,
    };
    let wanted = url.scheme() == "tls" || ca.is_some() || own.is_some();
    Ok(wanted.then_some(Tls { ca, own }))
}

/// The path of a file that has to be there.
pub(super) fn file(layers: &Layer, key: Key) -> Result<Option<PathBuf>, SettingsError> {
    let Some(path) = layers.get(key).map(Path::new) else { return Ok(None) };
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(path.to_owned())),
        Ok(_) => Err(layers.unfit(key, format!("{} is not a file", path.display()))),
        Err(error) => Err(layers.unfit(key, format!("cannot read {}: {error}", path.display()))),
    }
}
