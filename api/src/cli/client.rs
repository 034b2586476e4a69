//! Speaking to the server: sign-in, time limits, bounded answers, and bounded retries where asking twice is harmless.
use super::{call::Call, chance, error::CliError, problem::Problem};
use crate::settings::Secret;
use reqwest::{
    Response, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use serde_json::Value;
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

/// The largest answer that is read whole, in bytes.
const ANSWER_MAX: usize = 64 << 20;
/// The longest pause between attempts: where the server asks for a longer one, its answer is told instead.
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How patient the client is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long one attempt may take, its answer included.
    pub(crate) timeout: Duration,
    /// How often a request is tried again.
    pub(crate) retries: u32,
    /// How long the first pause between attempts is; each next one is twice as long.
    pub(crate) pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), retries: 3, pause: Duration::from_millis(200) }
    }
}

/// How the server knows who asks.
#[derive(Debug, Clone)]
pub(crate) enum Identity {
    /// It does not.
    Nobody,
    /// Nobody has signed in to it, and this is not for whoever has not.
    Missing,
    /// By a token.
    Token(Secret),
    /// By a session's cookie and its CSRF token.
    Session {
        /// `name=value`.
        cookie: Secret,
        /// What proves that it is no foreign page that asks.
        csrf: Secret,
    },
}

/// A server to speak to, as somebody.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    server: Url,
    identity: Identity,
    patience: Patience,
    /// Since when the server hears no agent, as one of its answers said. All clients that come of one share it.
    unheard_since: Arc<OnceLock<String>>,
}

/// An answer that is no failure.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// Its JSON; null, if it has no body.
    pub(super) body: Value,
}

impl Client {
    /// A client for that server.
    ///
    /// # Errors
    /// Where TLS can't be set up.
    pub(super) fn new(
        server: Url,
        ca: Option<Vec<reqwest::Certificate>>,
        patience: Patience,
    ) -> Result<Self, CliError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("dkube/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would carry the command, and perhaps the token, to who knows where.
            .redirect(reqwest::redirect::Policy::none());
        if crate::settings::is_loopback(&server) {
            builder = builder.no_proxy();
        }
        if let Some(certificates) = ca {
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(|error| CliError::failed("set up the HTTP client", error))?;
        Ok(Self { http, server, identity: Identity::Nobody, patience, unheard_since: Arc::default() })
    }

    /// The same server, as somebody else.
    pub(super) fn acting_as(&self, identity: Identity) -> Self {
        Self { identity, ..self.clone() }
    }

    /// The server's address.
    pub(super) const fn server(&self) -> &Url {
        &self.server
    }

    /// Since when the server hears no agent, if an answer said so.
    pub(super) fn unheard_since(&self) -> Option<&str> {
        self.unheard_since.get().map(String::as_str)
    }

    /// How patient it is.
    pub(super) const fn patience(&self) -> Patience {
        self.patience
    }

    /// Asks, and again where that is harmless, and gives the answer.
    ///
    /// # Errors
    /// With the server's problem, or why there is none. A command that may have happened is an error that names its key.
    pub(super) async fn send(&self, call: &Call) -> Result<Reply, CliError> {
        let (mut attempt, mut unsettled) = (0, false);
        loop {
            let failure = match self.attempt(call).await {
                Ok(reply) => return Ok(reply),
                Err(failure) => failure,
            };
            unsettled |= failure.leaves_open();
            let soon = failure.after.is_none_or(|after| after <= PAUSE_MAX);
            let again = failure.may_help && soon && (call.repeatable || failure.unsent);
            if !again || attempt >= self.patience.retries {
                return Err(match call.key.clone().filter(|_| unsettled && !failure.settles()) {
                    Some(key) => CliError::Unsettled { cause: Box::new(failure.error), key },
                    None => failure.error,
                });
            }
            tokio::time::sleep(self.pause(attempt, failure.after)).await;
            attempt += 1;
        }
    }

    /// Asks once for an answer that is read bit by bit; each bit has the time limit.
    pub(super) async fn open(&self, call: &Call, idle: Duration) -> Result<Streamed, CliError> {
        let sent = tokio::time::timeout(self.patience.timeout, self.request(call)?.send()).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.broken(error).error),
            Err(_) => return Err(self.late()),
        };
        if response.status().is_success() {
            return Ok(Streamed { response, idle, server: self.server.clone() });
        }
        match tokio::time::timeout(self.patience.timeout, self.failure(response)).await {
            Ok(failure) => Err(failure.error),
            Err(_) => Err(self.late()),
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Reply, Failure> {
        let asked = async {
            let request = self.request(call).map_err(Failure::last)?;
            let response = request.send().await.map_err(|error| self.broken(error))?;
            if !response.status().is_success() {
                return Err(self.failure(response).await);
            }
            let headers = response.headers().clone();
            if let Some(since) = headers.get("dkube-unheard-since").and_then(|since| since.to_str().ok()) {
                // The first one tells.
                self.unheard_since.get_or_init(|| since.to_owned());
            }
            let body = self.whole(response).await?;
            Ok(Reply { headers, body: self.json(&body)? })
        };
        match tokio::time::timeout(self.patience.timeout, asked).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure { error: self.late(), may_help: true, unsent: false, after: None }),
        }
    }

    fn request(&self, call: &Call) -> Result<reqwest::RequestBuilder, CliError> {
        let request = self.http.request(call.method.clone(), call.url(&self.server)).headers(call.headers.clone());
        let request = match &self.identity {
            Identity::Nobody => request,
            Identity::Missing => return Err(CliError::NotSignedIn(format!("not signed in to {}", self.server))),
            Identity::Token(token) => {
                request.header(AUTHORIZATION, secret_header(&format!("Bearer {}", token.reveal())))
            }
            Identity::Session { cookie, csrf } => request
                .header(COOKIE, secret_header(cookie.reveal()))
                .header(HeaderName::from_static("x-csrf-token"), secret_header(csrf.reveal())),
        };
        Ok(match &call.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.to_json().into_shared()),
            None => request,
        })
    }

    /// The whole body, if it is not too large.
    async fn whole(&self, mut response: Response) -> Result<Vec<u8>, Failure> {
        let mut body = vec![];
        while let Some(chunk) = response.chunk().await.map_err(|error| self.broken(error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                let error = anyhow::anyhow!("the answer of {} is larger than {ANSWER_MAX} bytes", self.server);
                return Err(Failure::last(error.into()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn json(&self, body: &[u8]) -> Result<Value, Failure> {
        if body.is_empty() {
            return Ok(Value::Null);
        }
        let failed = |_| {
            Failure::last(
                anyhow::anyhow!("{} answered something that is not JSON: is it a DKube server?", self.server).into(),
            )
        };
        serde_json::from_slice(body).map_err(failed)
    }

    /// What an answer that is no success says.
    async fn failure(&self, response: Response) -> Failure {
        let status = response.status();
        let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let may_help = matches!(status.as_u16(), 429 | 502..=504);
        let body = match self.whole(response).await {
            Ok(body) => body,
            Err(failure) => return failure,
        };
        let error = match Problem::read(status.as_u16(), &body) {
            Some(problem) => CliError::from(problem),
            None => self.foreign(status),
        };
        Failure {
            error,
            may_help,
            unsent: status == StatusCode::TOO_MANY_REQUESTS,
            after: after.map(Duration::from_secs),
        }
    }

    /// An answer that no DKube server gives: a proxy's, say.
    fn foreign(&self, status: StatusCode) -> CliError {
        let what = format!("{} answered {status}, and not as a DKube server does", self.server);
        if status.is_server_error() {
            CliError::Unavailable { what, source: None }
        } else if status.is_redirection() {
            anyhow::anyhow!("{what}: give the address that it redirects to").into()
        } else {
            anyhow::anyhow!(what).into()
        }
    }

    fn broken(&self, error: reqwest::Error) -> Failure {
        let unsent = error.is_connect();
        let what = if unsent { "reach the server at" } else { "get an answer of the server at" };
        // The address is said once, and never with what an error may repeat of it.
        let error = error.without_url();
        let error =
            CliError::Unavailable { what: format!("cannot {what} {}", self.server), source: Some(Box::new(error)) };
        Failure { error, may_help: true, unsent, after: None }
    }

    fn late(&self) -> CliError {
        let what = format!("the server at {} did not answer within {} s", self.server, self.patience.timeout.as_secs());
        CliError::Unavailable { what, source: None }
    }

    /// Twice as long each time, spread so that many clients do not come back at once, and as long as the server asks for.
    pub(super) fn pause(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let grown = self.patience.pause.saturating_mul(1 << attempt.min(10)).min(PAUSE_MAX);
        let spread = Duration::from_micros(chance::below(u64::try_from(grown.as_micros()).unwrap_or(u64::MAX) / 4));
        asked.unwrap_or_default().max(grown) + spread
    }
}

/// An attempt that failed.
struct Failure {
    error: CliError,
    /// Whether another attempt may do better.
    may_help: bool,
    /// Whether the server certainly did nothing.
    unsent: bool,
    /// When the server wishes to be asked again.
    after: Option<Duration>,
}

impl Failure {
    /// One that no other attempt mends.
    const fn last(error: CliError) -> Self {
        Self { error, may_help: false, unsent: false, after: None }
    }

    /// Whether the command may have happened in this attempt.
    fn leaves_open(&self) -> bool {
        match &self.error {
            CliError::Problem(problem) => matches!(problem.code.as_str(), "outcome.unknown" | "server.timeout"),
            CliError::Unavailable { .. } => !self.unsent,
            _ => false,
        }
    }

    /// Whether it tells what became of the command under its key, in this attempt or an earlier one. Who may not ask is
    /// told nothing of that, nor is anybody while the server takes nothing.
    fn settles(&self) -> bool {
        matches!(&self.error, CliError::Problem(problem) if !matches!(problem.status, 401 | 403 | 408 | 429 | 500..))
    }
}

/// An answer that is read bit by bit.
#[derive(Debug)]
pub(crate) struct Streamed {
    response: Response,
    idle: Duration,
    server: Url,
}

impl Streamed {
    /// The next bit; none at the end.
    ///
    /// # Errors
    /// Where the connection breaks, or is silent for too long.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, CliError> {
        let broke = |what: &str, source| CliError::Unavailable { what: format!("{what} {}", self.server), source };
        match tokio::time::timeout(self.idle, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk.map(|chunk| chunk.to_vec())),
            Ok(Err(error)) => Err(broke("the connection broke to", Some(Box::new(error.without_url()) as _))),
            Err(_) => Err(broke("nothing more came from", None)),
        }
    }

    /// Whether it is of that media type.
    pub(super) fn is(&self, media_type: &str) -> bool {
        let given = self.response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        given.is_some_and(|given| given.split(';').next().is_some_and(|given| given.trim() == media_type))
    }
}

/// Whether a secret can stand in a header: visible ASCII and spaces.
pub(super) fn fits_header(secret: &Secret) -> bool {
    !secret.reveal().is_empty() && secret.reveal().bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

fn secret_header(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).expect("checked by fits_header when it was read");
    value.set_sensitive(true);
    value
}
