use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, PoolName, policy};
use serde::Deserialize;

/// Which breakers to reset.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetBreaker {
    /// That of this pool; left out: every one that has tripped.
    #[schema(value_type = Option<String>)]
    pool: Option<PoolName>,
}

/// Resets breakers that have tripped, and quarantines what they held back.
#[utoipa::path(post, path = "/v1/health/breaker/reset", tag = "health policy", operation_id = "reset_breaker",
    params(DryRun), request_body = ResetBreaker, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn reset(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<ResetBreaker>,
) -> Result<Accepted, Problem> {
    let command = Command::Policy(policy::Command::ResetBreaker { pool: body.value.pool });
    carry_out(&app, &asker, &wish, Errand::new(command).with(&body.raw)).await
}
