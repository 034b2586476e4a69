//! `/v1/devices`.
mod change;
mod list;
mod measured;
mod show;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of devices.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list)).routes(routes!(show::show, change::change))
}
