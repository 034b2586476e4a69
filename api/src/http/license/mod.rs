//! `/v1/license`: who may run this, for how much, until when.
mod install;
mod show;

pub(super) use show::{alerts, required};

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of the license.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(show::show, install::install))
}
