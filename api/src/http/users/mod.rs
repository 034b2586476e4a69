//! `/v1/users`.
mod change;
mod delete;
mod delete_many;
mod erase;
mod invite;
mod list;
mod onboard;
mod revoke_tokens;
mod show;
mod tokens;

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of users.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list::list, onboard::onboard))
        .routes(routes!(delete_many::delete_many))
        .routes(routes!(show::show, change::change, delete::delete))
        .routes(routes!(erase::erase))
        .routes(routes!(invite::invite))
        .routes(routes!(tokens::tokens, revoke_tokens::revoke_tokens))
}
