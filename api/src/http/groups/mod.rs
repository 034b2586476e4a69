//! `/v1/groups`.
mod create;
mod delete;
mod edit;
mod list;
mod show;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of groups.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list, create::create)).routes(routes!(
        show::show,
        edit::edit,
        delete::delete
    ))
}
