//! `GET /v1/events`: events as they happen, as server-sent events.
mod tail;

use super::{app::App, audit, auth::Asker, input::Query, problem::Problem};
use axum::{
    extract::State,
    http::{HeaderMap, HeaderName},
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use domain::Position;
use futures::stream;
use serde::Deserialize;
use std::convert::Infallible;
use tail::Tail;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The route of events.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(follow))
}

/// Which events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Those after this position, 0 for all; where it is left out, those that are still to come.
    after: Option<u64>,
    /// Only these: event types, joined by commas.
    #[param(example = "PoolCreated,PoolDeleted")]
    types: Option<String>,
}

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Follows the log: each event as `CloudEvents` 1.0 JSON, its `id:` the position. Resumes by `Last-Event-ID`.
///
/// People are named as everywhere in the API, by the login that they had at that position: in `subject`, in `dkubeactor`
/// (`user/ada`), and as `login` beside the id `user` in `data`. The same events on NATS carry ids only.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "follow_events",
    params(Filter, ("Last-Event-ID" = Option<u64>, Header, description = "The last position seen: goes before `after`")),
    responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn follow(
    State(app): State<App>,
    asker: Asker,
    Query(filter): Query<Filter>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let types = filter.types.as_deref().map(audit::types).transpose()?;
    let durable = app.durable();
    let cursor = resumed(&headers)?.or(filter.after.map(Position)).unwrap_or(durable);
    if cursor > durable {
        return Err(Problem::new(
            "as_of.future",
            format!("position {cursor} is not recorded: the log ends at {durable}"),
        ));
    }
    let place = app.stream(asker.user)?;
    let tail = Tail::new(app, asker, cursor, types, place);
    let events = stream::unfold(tail, |mut tail| async move {
        tail.next().await.map(|event| (Ok::<Event, Infallible>(event), tail))
    });
    // A proxy that buffers would hold events back.
    Ok(([(HeaderName::from_static("x-accel-buffering"), "no")], Sse::new(events)).into_response())
}

fn resumed(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let wrong = || Problem::new("request.header", "Last-Event-ID is a position: a number");
    let Some(value) = headers.get(&LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    value.to_str().ok().and_then(|text| text.parse().ok()).map(|at| Some(Position(at))).ok_or_else(wrong)
}
