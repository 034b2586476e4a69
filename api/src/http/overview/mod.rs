//! `GET /v1/overview`: the counts of the dashboard.
use super::{
    answer::Shown,
    app::App,
    input::{AsOf, Look},
};
use domain::Timestamp;
use projections::{Phase, mirror::PodTotals, view::Overview};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The route of the overview.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(overview))
}

/// Counts of everything, and how far they are behind.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OverviewWithLag {
    /// The counts.
    #[serde(flatten)]
    overview: Overview,
    /// Left out of a look at the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag: Option<Lag>,
    /// Pods of the Kubernetes clusters that are mirrored; left out of a look at the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<PodTotals>,
}

/// How far what is shown is behind what is durable.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Lag {
    /// So many events.
    events: u64,
    /// Whether the read models stand still, because an event can't be read or folded in.
    stalled: bool,
    /// Since when no agent can be heard, if that is so for longer than a node may be silent: nodes and devices are shown as
    /// they were then. Null while agents can be heard.
    #[schema(value_type = Option<String>, format = DateTime)]
    unheard_since: Option<Timestamp>,
}

/// Counts of everything.
#[utoipa::path(get, path = "/v1/overview", tag = "overview", operation_id = "overview", params(AsOf),
    responses((status = 200, body = OverviewWithLag)))]
async fn overview(look: Look) -> Shown<OverviewWithLag> {
    let overview = look.view(|view| view.overview());
    let lag = look.is_present().then(|| Lag {
        events: look.app().durable().0.saturating_sub(overview.position.0),
        stalled: matches!(look.app().parts.live.status().phase, Phase::Stalled { .. } | Phase::Failed),
        unheard_since: look.app().parts.vitals.unheard_since(),
    });
    let pods = look.is_present().then(|| look.app().parts.mirrors.totals());
    Shown::at(overview.position, OverviewWithLag { overview, lag, pods })
}
