//! `/v1/health/…`: what is made of GPUs' conditions, and the breakers that bound quarantine.
mod reset_breaker;
mod set;
mod show;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of the health policy.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(show::show, set::set)).routes(routes!(reset_breaker::reset))
}
