//! `/v1/directory`: whom the sign-in backend knows, so that they can be on-boarded.
//!
//! A GitHub organization lists its members. An OpenID provider lists nobody: then it is those who signed in there, and were turned
//! away because nobody has on-boarded them. All of it is kept in memory, and fetched anew after a restart.
mod fetch;
mod keep;
mod known;
mod left;
mod list;
mod people;
mod refresh;
#[cfg(test)]
mod tests;

pub(super) use fetch::Fetches;
pub(crate) use keep::keep_fresh;
pub(super) use known::{Directory, Place};
pub(super) use left::alerts;
pub(super) use people::{NotFound, People};

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of the directory.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list)).routes(routes!(refresh::refresh))
}
