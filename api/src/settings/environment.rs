//! The environment variables that are ours.
use super::{Key, SettingsError};
use std::{collections::BTreeMap, ffi::OsString};
use zeroize::Zeroizing;

/// What every variable of ours begins with.
pub(super) const PREFIX: &str = "DKUBE_";

/// Variables that are ours and no settings of the server: those of the command line, and of `dkube agent`.
const OTHERS: [&str; 14] = [
    "DKUBE_CONFIG",
    "DKUBE_SERVER",
    "DKUBE_TOKEN",
    "DKUBE_SERVER_CA",
    "DKUBE_ALLOW_HTTP",
    "DKUBE_NODE",
    "DKUBE_AGENT_CONFIG",
    "DKUBE_AGENT_POLICY",
    "DKUBE_AGENT_STATE",
    "DKUBE_HOST_ROOT",
    "DKUBE_KERNEL_LOG",
    "DKUBE_FRAME_EVERY",
    "DKUBE_LOOK_EVERY",
    "DKUBE_NVML_LIBRARY",
];

/// The process's environment as it was at the start.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, Zeroizing<String>>);

impl std::fmt::Debug for Environment {
    // Values may be secret, and names tell nothing that helps.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl Environment {
    /// What this process was started with.
    ///
    /// # Errors
    /// Where a variable of ours is not UTF-8.
    pub fn of_process() -> Result<Self, SettingsError> {
        std::env::vars_os()
            .filter_map(|(name, value)| readable(name, value).transpose())
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// An environment of these variables.
    pub fn of<const N: usize>(variables: [(&str, &str); N]) -> Self {
        Self(variables.map(|(name, value)| (name.to_owned(), value.to_owned().into())).into())
    }

    /// A variable's value; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Refuses variables that look like ours and are none.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let names = || Key::ALL.into_iter().map(Key::variable).chain(OTHERS.map(str::to_owned));
        for name in self.0.keys().filter(|name| name.starts_with(PREFIX)) {
            if !names().any(|known| known == *name) && !is_service_link(name) {
                return Err(SettingsError::UnknownVariable {
                    name: name.clone(),
                    hint: super::error::nearest(name, names()),
                });
            }
        }
        Ok(())
    }
}

/// Only names of ours must be UTF-8; what else the machine sets is none of our business.
fn readable(name: OsString, value: OsString) -> Result<Option<(String, Zeroizing<String>)>, SettingsError> {
    let Ok(name) = name.into_string() else { return Ok(None) };
    match value.into_string() {
        Ok(value) => Ok(Some((name, value.into()))),
        Err(_) if name.starts_with(PREFIX) => Err(SettingsError::NotText { name }),
        Err(_) => Ok(None),
    }
}

/// Kubernetes gives every pod variables about the services of its namespace (`DKUBE_SERVICE_HOST`, `DKUBE_PORT_80_TCP`, …
/// for a service named `dkube`). They are not ours, and must not keep the server from starting.
fn is_service_link(name: &str) -> bool {
    let port = |rest: &str| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
        let protocol = parts.next().is_some_and(|part| ["TCP", "UDP", "SCTP"].contains(&part));
        number && protocol && parts.next().is_none_or(|part| ["PROTO", "PORT", "ADDR"].contains(&part))
    };
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| port(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubernetes_sets_is_let_pass() {
        let names = [
            "DKUBE_SERVICE_HOST",
            "DKUBE_SERVICE_PORT",
            "DKUBE_SERVICE_PORT_HTTP",
            "DKUBE_PORT",
            "DKUBE_PORT_8080_TCP",
            "DKUBE_PORT_8080_TCP_ADDR",
            "DKUBE_NATS_SERVICE_HOST",
        ];
        assert!(names.into_iter().all(is_service_link));
        assert!(!["DKUBE_PORTS", "DKUBE_LISTN", "DKUBE_PORT_8080"].into_iter().any(is_service_link));
    }

    #[test]
    fn an_unknown_variable_is_refused_and_the_nearest_is_named() {
        let error = Environment::of([("DKUBE_LISTN", "x"), ("HOME", "/root")]).check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no setting DKUBE_LISTN (an environment variable): did you mean DKUBE_LISTEN?"
        );
        assert!(Environment::of([("DKUBE_SERVER", "x"), ("DKUBE_TOKEN", "y"), ("DKUBE_DATA", "z")]).check().is_ok());
    }
}
