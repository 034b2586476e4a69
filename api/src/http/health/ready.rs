use crate::http::{app::App, port::Health};
use axum::{Json, extract::State, http::StatusCode};
use projections::Phase;
use serde::Serialize;

/// Whether the server can do its work, and if not, which part can't.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Readiness {
    /// Whether all parts work.
    ready: bool,
    /// The parts.
    parts: Vec<PartView>,
}

/// A part of the server.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct PartView {
    /// Its name.
    part: &'static str,
    /// Whether it works.
    ok: bool,
}

/// How far the read models may be behind before the server is not ready.
const LAG_MAX: u64 = 100_000;

/// Whether the server can do its work.
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "ready", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn ready(State(app): State<App>) -> (StatusCode, Json<Readiness>) {
    let (durable, shown) = (app.durable(), app.parts.live.position());
    let stopping = app.parts.stopping.borrow().then(|| "stopping".to_owned());
    let behind = (durable.0.saturating_sub(shown.0) > LAG_MAX).then(|| "catching up".to_owned());
    let stalled = match app.parts.live.status().phase {
        Phase::Stalled { error, .. } => Some(error),
        Phase::Failed | Phase::Stopped => Some("not fed any more".to_owned()),
        Phase::Restoring => Some("restoring".to_owned()),
        Phase::CatchingUp | Phase::Live => None,
    };
    let own = [("server", stopping), ("read_models", stalled.or(behind))];
    let others = app.parts.vitals.health().into_iter().map(|Health { part, trouble, .. }| (part, trouble));
    // What is wrong is for the log: anybody may ask here.
    let parts: Vec<PartView> =
        own.into_iter().chain(others).map(|(part, trouble)| PartView { part, ok: trouble.is_none() }).collect();
    let ready = parts.iter().all(|part| part.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready, parts }))
}
