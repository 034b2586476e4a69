//! `/v1/pools`.
mod change_devices;
mod create;
mod delete;
mod list;
mod set_devices;
mod show;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of pools.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list::list, create::create))
        .routes(routes!(show::show, delete::delete))
        .routes(routes!(set_devices::set_devices, change_devices::change_devices))
}
