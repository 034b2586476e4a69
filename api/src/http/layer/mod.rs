//! What every request passes on its way in and every answer on its way out.
//!
//! ```text
//! identify ─► harden ─► unheard ─► tidy ─► caught ─► limit ─► gate (per route) ─► handler
//! ```
//! All but the gate are one layer, [`around`]: each layer of its own costs every request a copy of all that is below it.
mod harden;
mod identify;
mod limit;
mod share;
mod tidy;
mod unheard;

pub(super) use share::{Share, Shares};
pub(super) use unheard::tells_unheard;

use super::app::App;
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures::FutureExt as _;
use harden::Policy;
use identify::Identity;
use std::panic::AssertUnwindSafe;
use unheard::Present;

/// Takes a request to its handler and the answer back, whatever becomes of it there.
pub(super) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let (identity, policy, present) = (Identity::of(&request), Policy::of(&app, &request), Present::of(&request));
    // Nothing that a handler leaves half done is looked at again: what they share is behind locks of its own.
    let answered = AssertUnwindSafe(limit::limit(&app, request, next)).catch_unwind().await;
    let mut response = tidy::tidy(answered.unwrap_or_else(|cause| tidy::panicked(&*cause)));
    present.tell(&app, &mut response);
    policy.harden(&mut response);
    identity.tell(&app, &mut response);
    response
}
