//! `/v1/nodes`.
mod change;
mod list;
mod mirrored;
mod show;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of nodes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list)).routes(routes!(show::show, change::change))
}
