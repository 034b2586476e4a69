//! `/livez`, `/readyz` and `/metrics`: how the server is, for those who watch it.
mod live;
mod metrics;
mod node_metrics;
mod ready;
mod targets;

pub(super) use metrics::log_size;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of health.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(live::live))
        .routes(routes!(ready::ready))
        .routes(routes!(metrics::metrics))
        .routes(routes!(node_metrics::node_metrics))
        .routes(routes!(targets::targets))
}
