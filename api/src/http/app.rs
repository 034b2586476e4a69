//! What every handler can reach.
use super::{
    auth::{AuditReaders, Codes, LastUsed, Passwords, Sessions, Slowdown},
    backend::{Consents, Flows},
    directory::{Directory, Fetches},
    layer::{Share, Shares},
    metrics::Metrics,
    port::{Clock, Commands, EventLog, SharedVault, Vitals},
    problem::Problem,
    seldom::Seldom,
    tls::Certificate,
};
use crate::{license::VendorKey, provider::Outside};
use domain::{ClusterId, Position, Timestamp, UserId};
use ipnet::IpNet;
use projections::{Live, Past, Phase, State, Telemetry, mirror::Mirrors};
use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The most requests that wait for a sign-in provider at a time.
const ASKING_MAX: usize = 64;

/// The most of them from one network.
const ASKING_PER_NETWORK_MAX: usize = 16;

/// Bounds and choices of the HTTP server.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// The address that browsers use: when it is https, the session cookie travels over TLS only.
    pub public_url: Option<String>,
    /// What TLS is spoken with; none: connections are in clear.
    pub certificate: Option<Arc<Certificate>>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where the break-glass operator may come from; anywhere, if it is empty.
    pub break_glass_from: Vec<IpNet>,
    /// Whether `/metrics` answers without a sign-in.
    pub open_metrics: bool,
    /// The most GPUs on the page `/metrics`.
    pub metrics_gpus_max: usize,
    /// The largest body, in bytes.
    pub body_bytes_max: usize,
    /// How long a client may take to send a request's head, and again its body.
    pub read_timeout: Duration,
    /// How long a handler may take.
    pub handler_timeout: Duration,
    /// How long `Dkube-Min-Position` waits.
    pub position_timeout: Duration,
    /// How long the read models may be behind the log before nobody's sign-in is judged by them any more.
    pub behind_max: Duration,
    /// How long `as_of` waits for the past to be rebuilt.
    pub past_timeout: Duration,
    /// The most requests at a time, streams aside.
    pub requests_max: usize,
    /// The most of one address (IPv6: of one /64) among them. All who come through a proxy that is not trusted are one.
    pub requests_per_address_max: usize,
    /// The most connections at a time.
    pub connections_max: usize,
    /// The most of these from one address, a trusted proxy's aside; an IPv6 /64 is one.
    pub connections_per_address_max: usize,
    /// The most event streams and exports of the audit trail at a time.
    pub streams_max: usize,
    /// The most of these of one user.
    pub streams_per_user_max: usize,
    /// How often a stream that has nothing to tell shows that it lives.
    pub heartbeat: Duration,
    /// How long requests in flight may go on once the server stops.
    pub shutdown_timeout: Duration,
    /// The most sessions at a time.
    pub sessions_max: usize,
    /// How long a session lasts unused.
    pub session_idle: Duration,
    /// How long a session lasts.
    pub session_life: Duration,
    /// What a password hash costs.
    pub password_cost: PasswordCost,
    /// The vendor's key, where growth needs a license.
    pub vendor_key: Option<VendorKey>,
}

/// What a password hash costs whoever computes it (argon2id, RFC 9106).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for PasswordCost {
    /// OWASP's first choice for argon2id.
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl HttpSettings {
    /// Whether the break-glass operator may come from there.
    pub(crate) fn may_break_glass(&self, address: Option<IpAddr>) -> bool {
        let within = |address: IpAddr| self.break_glass_from.iter().any(|net| net.contains(&address.to_canonical()));
        self.break_glass_from.is_empty() || address.is_some_and(within)
    }

    /// Whether browsers reach the server over TLS alone.
    pub(crate) fn over_tls(&self) -> bool {
        let https = |url: &String| url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        self.certificate.is_some() || self.public_url.as_ref().is_some_and(https)
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        const HOUR: u64 = 3600;
        Self {
            public_url: None,
            certificate: None,
            trusted_proxies: vec![],
            break_glass_from: vec![],
            open_metrics: false,
            metrics_gpus_max: 4096,
            body_bytes_max: 1 << 20,
            read_timeout: Duration::from_secs(15),
            handler_timeout: Duration::from_secs(30),
            position_timeout: Duration::from_secs(5),
            behind_max: Duration::from_secs(5),
            past_timeout: Duration::from_secs(20),
            requests_max: 1024,
            requests_per_address_max: 128,
            connections_max: 4096,
            connections_per_address_max: 2048,
            streams_max: 256,
            streams_per_user_max: 32,
            heartbeat: Duration::from_secs(15),
            shutdown_timeout: Duration::from_secs(10),
            sessions_max: 10_000,
            session_idle: Duration::from_secs(8 * HOUR),
            session_life: Duration::from_secs(24 * HOUR),
            password_cost: PasswordCost::default(),
            vendor_key: None,
        }
    }
}

/// What the HTTP server is made of.
pub struct Parts {
    /// Which cluster this is.
    pub cluster: ClusterId,
    /// Where commands go.
    pub commands: Arc<dyn Commands>,
    /// The committed events.
    pub log: Arc<dyn EventLog>,
    /// The read models as they stand.
    pub live: Live,
    /// The read models as they stood.
    pub past: Past,
    /// What is mirrored of Kubernetes clusters.
    pub mirrors: Mirrors,
    /// What is measured.
    pub telemetry: Telemetry,
    /// Opens what is sealed in events.
    pub vault: SharedVault,
    /// The server's time.
    pub clock: Clock,
    /// How the rest is.
    pub vitals: Arc<dyn Vitals>,
    /// What speaks with sign-in providers.
    pub outside: Outside,
    /// Bounds and choices.
    pub settings: HttpSettings,
    /// Becomes true when the server begins to stop: streams end.
    pub stopping: watch::Receiver<bool>,
}

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What stands behind an [`App`].
pub struct Shared {
    pub(crate) parts: Parts,
    pub(crate) started_at: Timestamp,
    pub(crate) started: Instant,
    pub(crate) sessions: Sessions,
    pub(crate) last_used: LastUsed,
    pub(crate) audit_readers: AuditReaders,
    pub(crate) slowdown: Slowdown,
    pub(crate) flows: Flows,
    pub(crate) codes: Codes,
    pub(crate) directory: Directory,
    /// What the read models did not show when somebody asked, and since when.
    behind: Mutex<Option<(Position, Instant)>>,
    /// Places for requests that wait for a sign-in provider.
    pub(crate) asking: Semaphore,
    /// How many of them each network has.
    pub(crate) asking_shares: Arc<Shares<Option<IpAddr>>>,
    /// When the log was told last that a provider did not sign somebody in.
    pub(crate) provider_told: Seldom,
    /// Sign-ins for a program that wait for a yes in the browser.
    pub(crate) consents: Consents,
    /// The last fetch of the directory.
    pub(crate) fetches: Fetches,
    pub(crate) passwords: Passwords,
    pub(crate) metrics: Metrics,
    pub(crate) requests: Arc<Semaphore>,
    pub(crate) shares: Arc<Shares<IpAddr>>,
    pub(crate) streams: Arc<Semaphore>,
    stream_shares: Arc<Shares<UserId>>,
}

/// A stream's place, until it is dropped.
pub(crate) struct StreamPlace {
    _share: Share<UserId>,
    _permit: OwnedSemaphorePermit,
}

impl std::ops::Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("cluster", &self.parts.cluster).finish_non_exhaustive()
    }
}

impl App {
    /// An app of these parts, with no sessions.
    pub fn new(parts: Parts) -> Self {
        let settings = &parts.settings;
        let started_at = (parts.clock)();
        Self(Arc::new(Shared {
            started_at,
            started: Instant::now(),
            sessions: Sessions::new(settings),
            last_used: LastUsed::new(started_at),
            audit_readers: AuditReaders::default(),
            slowdown: Slowdown::default(),
            flows: Flows::default(),
            codes: Codes::default(),
            directory: Directory::default(),
            behind: Mutex::default(),
            asking: Semaphore::new(ASKING_MAX),
            asking_shares: Shares::new(ASKING_PER_NETWORK_MAX),
            provider_told: Seldom::default(),
            consents: Consents::default(),
            fetches: Fetches::default(),
            passwords: Passwords::new(settings.password_cost),
            metrics: Metrics::default(),
            requests: Arc::new(Semaphore::new(settings.requests_max)),
            shares: Shares::new(settings.requests_per_address_max),
            streams: Arc::new(Semaphore::new(settings.streams_max)),
            stream_shares: Shares::new(settings.streams_per_user_max),
            parts,
        }))
    }

    /// Bounds and choices.
    pub(crate) fn settings(&self) -> &HttpSettings {
        &self.parts.settings
    }

    /// The server's time.
    pub(crate) fn now(&self) -> Timestamp {
        (self.parts.clock)()
    }

    /// The time that it was so long ago.
    pub(crate) fn ago(&self, span: Duration) -> Timestamp {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_micros(self.now().micros().saturating_sub(micros))
    }

    /// Reads from the present. What reads must not read again inside: a writer that waits would part the two for ever.
    pub(crate) fn present<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(self.parts.live.read().state())
    }

    /// A place for a stream of that user.
    ///
    /// # Errors
    /// They have as many as one may, or all are taken.
    pub(crate) fn stream(&self, user: UserId) -> Result<StreamPlace, Problem> {
        let full =
            |whose| Problem::new("events.too_many_streams", format!("too many streams {whose} open")).retry_after(5);
        let share = self.stream_shares.take(user).ok_or_else(|| full("of yours are"))?;
        let permit = Arc::clone(&self.streams).try_acquire_owned().map_err(|_| full("are"))?;
        Ok(StreamPlace { _share: share, _permit: permit })
    }

    /// The last durable position.
    pub(crate) fn durable(&self) -> Position {
        *self.parts.commands.watermark().borrow()
    }

    /// Whether the read models reached that position within this time.
    pub(crate) async fn reached(&self, position: Position, within: Duration) -> bool {
        self.parts.live.wait_for(position, within).await.is_ok()
    }

    /// Whether the read models come to show that position before they are too far behind to judge anybody by them. Models that
    /// stand still are not waited for.
    pub(crate) async fn may_judge(&self, position: Position) -> bool {
        let stands_still = || {
            let phase = self.parts.live.status().phase;
            matches!(phase, Phase::Stalled { .. } | Phase::Stopped | Phase::Failed)
        };
        if self.parts.live.position() >= position {
            return true;
        }
        let within = self.settings().behind_max.saturating_sub(self.behind_for(position));
        !stands_still() && !within.is_zero() && self.reached(position, within).await
    }

    /// For how long the read models have not shown what was durable when somebody asked first: all wait for the same, and whoever
    /// comes late has waited already.
    fn behind_for(&self, position: Position) -> Duration {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = self.parts.live.position();
        let (missed, since) = behind.filter(|(missed, _)| shown < *missed).unwrap_or((position, Instant::now()));
        *behind = Some((missed, since));
        since.elapsed()
    }

    /// Waits a moment for the read models to show what is durable already.
    pub(crate) async fn catch_up(&self) {
        self.reached(self.durable(), Duration::from_secs(1)).await;
    }
}
