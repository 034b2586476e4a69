//! `/v1/tokens`.
mod issue;
mod list;
mod revoke;
mod view;

pub(super) use list::Filter;
pub(super) use view::TokenWithUse;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of tokens.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list, issue::issue)).routes(routes!(revoke::revoke))
}
