//! Which server to speak to, and how.
use super::{
    client::{Client, Patience},
    error::CliError,
};
use crate::settings::{Environment, is_loopback};
use reqwest::{Certificate, Url};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

const SERVER: &str = "http://127.0.0.1:8080";
const HEADING: &str = "Connection";

/// Where the server is, and how long to wait for it.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Connection {
    /// The server's address [env: DKUBE_SERVER] [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", global = true, help_heading = HEADING)]
    server: Option<String>,
    /// Trust these PEM certificates, and no others [env: DKUBE_SERVER_CA]
    #[arg(long, value_name = "FILE", global = true, help_heading = HEADING)]
    server_ca: Option<PathBuf>,
    /// Send the sign-in in clear to a server that is not on this machine [env: DKUBE_ALLOW_HTTP=true]
    #[arg(long, global = true, help_heading = HEADING)]
    allow_http: bool,
    /// How many seconds one attempt may take
    #[arg(long, value_name = "SECONDS", global = true, help_heading = HEADING, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// How often to try again when the server is away or asks for it
    #[arg(long, value_name = "NUMBER", global = true, help_heading = HEADING, default_value_t = 3, value_parser = clap::value_parser!(u32).range(0..=10))]
    retries: u32,
    #[arg(skip = Patience::default().pause)]
    pause: Duration,
}

impl Connection {
    /// A client for that server, as nobody.
    pub(super) fn client(&self, environment: &Environment) -> Result<Client, CliError> {
        let server = self.server(environment)?;
        let path = self.server_ca.clone().or_else(|| environment.get("DKUBE_SERVER_CA").map(PathBuf::from));
        let ca = path.as_deref().map(certificates).transpose()?;
        let patience =
            Patience { timeout: Duration::from_secs(self.timeout), retries: self.retries, pause: self.pause };
        Client::new(server, ca, patience)
    }

    fn server(&self, environment: &Environment) -> Result<Url, CliError> {
        let text = self.server.as_deref().or_else(|| environment.get("DKUBE_SERVER")).unwrap_or(SERVER);
        let rule = "the server's address is http:// or https://, a host and perhaps a path, and no more";
        let url: Url = text.parse().map_err(|_| CliError::Usage(rule.to_owned()))?;
        let plain =
            url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
        if !plain || !matches!(url.scheme(), "http" | "https") {
            return Err(CliError::Usage(rule.to_owned()));
        }
        let allowed = self.allow_http || environment.get("DKUBE_ALLOW_HTTP") == Some("true");
        if url.scheme() == "http" && !is_loopback(&url) && !allowed {
            return Err(CliError::Usage(format!(
                "{url} is not on this machine, and http sends passwords and tokens in clear: use https, or, where the \
                 network itself is trusted, --allow-http"
            )));
        }
        Ok(url)
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, CliError> {
    let failed = |error: std::io::Error| CliError::Usage(format!("cannot read {}: {error}", path.display()));
    let pem = std::fs::read(path).map_err(failed)?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(CliError::Usage(format!("{} holds no PEM certificates", path.display()))),
    }
}

#[cfg(test)]
impl Connection {
    /// Pauses shorter, for tests.
    pub(super) const fn hurry(&mut self) {
        self.pause = Duration::from_millis(1);
    }
}
