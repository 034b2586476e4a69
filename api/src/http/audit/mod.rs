//! `/v1/audit`: what happened, who did it, and why.
mod csv;
mod ever;
mod export;
mod filter;
mod list;
mod search;
mod show;
mod view;

pub(super) use ever::{is_so, known, known_model};
pub(super) use filter::types;
pub(super) use search::{events, page};
pub(super) use view::AuditEvent;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of the audit trail.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list)).routes(routes!(show::show))
}
