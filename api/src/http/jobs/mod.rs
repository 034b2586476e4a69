//! `/v1/jobs`.
mod finish;
mod list;
mod past;
mod show;
mod start;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of jobs.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list, start::start)).routes(routes!(show::show, finish::finish))
}
