//! What is measured: a device's past, sums over nodes, pools and groups, and devices that are held and do nothing.
mod device;
mod idle;
mod sums;

use super::{app::App, problem::Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of telemetry.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(device::series))
        .routes(routes!(sums::node))
        .routes(routes!(sums::pool))
        .routes(routes!(sums::group))
        .routes(routes!(idle::list))
}

/// What is measured is kept in memory, and has no recorded past.
///
/// # Errors
/// A past is asked for.
fn present_only<Q>(look: &super::input::Look<Q>) -> Result<(), Problem> {
    let past =
        || Problem::new("as_of.unsupported", "telemetry is measured, not recorded: ask with from and to instead");
    look.is_present().then_some(()).ok_or_else(past)
}
