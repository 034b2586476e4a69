//! `GET /v1/about`: which server this is, and how its parts are.
use super::{
    answer::Shown,
    app::App,
    auth::Asker,
    health::log_size,
    input::{Nothing, Query},
    license,
    port::Relaying,
    problem::Problem,
};
use axum::extract::State;
use domain::{ClusterId, ClusterName, Position, Timestamp};
use projections::view::{BackendKind, LicenseState, Sight};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The route of what is said of the server.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(about))
}

/// Which server this is, and how its parts are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct About {
    /// The release.
    version: &'static str,
    /// The commit that it was built from; null where that was not known.
    commit: Option<&'static str>,
    /// When it was started.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// How long ago that was, in seconds.
    uptime_seconds: u64,
    /// Which cluster it serves.
    #[schema(value_type = String, format = Uuid)]
    cluster: ClusterId,
    /// Whether its devices are simulated.
    demonstration: bool,
    /// The sort of sign-in backend.
    sign_in: BackendKind,
    /// Whether growth needs a license.
    license_required: bool,
    /// Where the license is in its time, or that there is more than it grants.
    license: LicenseState,
    /// How its parts are. Left out for eyes that may not see everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    parts: Option<PartsAbout>,
}

/// How the server's parts are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PartsAbout {
    /// The log.
    log: LogAbout,
    /// Where events are sent to.
    nats: Option<NatsAbout>,
    /// The Kubernetes clusters that are mirrored.
    kubernetes: Vec<KubernetesAbout>,
}

/// The log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct LogAbout {
    /// Its last durable position, and so how many events it holds.
    #[schema(value_type = u64)]
    position: Position,
    /// Its bytes on the disk.
    bytes: u64,
    /// The bytes free on that disk.
    free_bytes: u64,
}

/// The NATS server; null where the bus is in this process.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NatsAbout {
    /// Whether it is reached.
    connected: bool,
    /// Whether events are being sent.
    relaying: bool,
    /// The last event that was sent.
    #[schema(value_type = u64)]
    relayed: Position,
}

/// A Kubernetes cluster.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct KubernetesAbout {
    /// What it is called here.
    #[schema(value_type = String)]
    cluster: ClusterName,
    /// Whether what is shown of it is how it is.
    connected: bool,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Which server this is, and how its parts are.
#[utoipa::path(get, path = "/v1/about", tag = "overview", operation_id = "about",
    responses((status = 200, body = About)))]
async fn about(
    State(app): State<App>,
    asker: Asker,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Shown<About>, Problem> {
    let required = license::required(&app);
    let (license, demonstration, sign_in, position) = app.present(|state| {
        let demonstration = state.cluster().founded().is_some_and(|founded| founded.demonstration);
        let sign_in = state.cluster().sign_in().kind().into();
        (state.look(Sight::All, app.now()).license(required).state, demonstration, sign_in, state.position())
    });
    let about = About {
        version: env!("CARGO_PKG_VERSION"),
        commit: option_env!("BUILT_FROM_COMMIT"),
        started_at: app.started_at,
        uptime_seconds: app.started.elapsed().as_secs(),
        cluster: app.parts.cluster,
        demonstration,
        sign_in,
        license_required: required,
        license,
        parts: if asker.sees_all() { Some(parts(&app).await?) } else { None },
    };
    Ok(Shown::at(position, about))
}

async fn parts(app: &App) -> Result<PartsAbout, Problem> {
    let size = log_size(app).await?;
    let nats = app.parts.vitals.relaying().map(|Relaying { connected, relaying, relayed }| NatsAbout {
        connected,
        relaying,
        relayed,
    });
    let kubernetes = app.parts.mirrors.known().into_iter().map(|mirror| KubernetesAbout {
        cluster: mirror.cluster,
        connected: mirror.connected,
        since: mirror.since,
    });
    let log = LogAbout { position: app.durable(), bytes: size.bytes, free_bytes: size.free_bytes };
    Ok(PartsAbout { log, nats, kubernetes: kubernetes.collect() })
}
