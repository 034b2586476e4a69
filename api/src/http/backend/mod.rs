//! `/v1/auth` and `/auth`: where people sign in, and signing in there.
//!
//! A sign-in through a provider has two halves: [`start`] sends the browser there, and [`callback`] is where it comes back. What
//! is kept between the two is a [`flow`]. A proposed backend is proven by the same way.
mod arrive;
mod callback;
mod consent;
mod flow;
mod page;
mod propose;
mod prove;
mod provider;
mod show;
mod start;
mod update;
mod ways;

pub(super) use consent::Consents;
pub(super) use flow::Flows;
pub(super) use provider::{active, lost, worded};

use super::app::App;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of where people sign in.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(ways::ways))
        .routes(routes!(show::show, propose::propose, update::update))
        .routes(routes!(prove::prove))
        .routes(routes!(start::start))
        .routes(routes!(callback::callback))
        .routes(routes!(consent::agree))
}
