//! `/v1/session`, `/v1/sessions` and `/v1/password`: signing in and out.
mod accept;
mod begin;
mod code;
mod current;
mod end;
mod end_other;
mod list;
mod open;
mod password;

pub(super) use open::open;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of sessions.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(begin::begin, current::current, end::end))
        .routes(routes!(code::code))
        .routes(routes!(accept::accept))
        .routes(routes!(list::list))
        .routes(routes!(end_other::end_other))
        .routes(routes!(password::password))
}
