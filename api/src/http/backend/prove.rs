use super::{
    flow::{Aim, Flow, LASTS},
    provider::{self, callback_address, unavailable},
};
use crate::http::{
    app::App,
    auth::{Address, Asker},
    input::Wish,
    problem::Problem,
};
use axum::{Json, extract::State};
use domain::Timestamp;
use serde::Serialize;

/// Where the operator of the proposal signs in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Proof {
    /// The provider's address: to be opened in the browser of the operator whom the proposal names.
    url: String,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// Begins the proof of the proposed backend: its operator opens the address in the answer and signs in there. The backend takes
/// effect as soon as they come back.
#[utoipa::path(post, path = "/v1/auth/backend/prove", tag = "sign-in backend", operation_id = "prove_backend",
    responses((status = 200, body = Proof)))]
pub(super) async fn prove(
    State(app): State<App>,
    asker: Asker,
    Address(address): Address,
    wish: Wish,
) -> Result<Json<Proof>, Problem> {
    app.catch_up().await;
    if wish.dry_run {
        return Err(Problem::new("request.query", "dry_run: a proof records nothing before somebody has signed in"));
    }
    let none = || Problem::new("auth.no_proposal", "no backend is proposed");
    let proposal = app.present(|state| state.cluster().sign_in().proposal.clone()).ok_or_else(none)?;
    let kind = proposal.provider.kind();
    let callback = callback_address(&app, kind)?;
    let provider = provider::of(&proposal.provider)?;
    let (to, pending) =
        provider.begin(&app.parts.outside, &callback).await.map_err(|error| unavailable(&app, &error))?;
    let aim = Aim::Proof { proposal: proposal.revision, asker: Box::new(asker), reason: wish.reason.clone() };
    let now = app.now();
    app.flows.keep(Flow { kind, pending, aim }, address, now);
    Ok(Json(Proof { url: to.into(), expires_at: now.plus_seconds(LASTS) }))
}
