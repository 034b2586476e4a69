use crate::http::{
    answer::Names,
    app::App,
    auth::{Address, InvitationSecret, NewPassword},
    input::{Body, Nothing, Query, Segment},
    problem::{Problem, failed},
};
use axum::{Json, extract::State};
use bus::engine::{Failure, Request};
use domain::{Actor, Command, Login, Principal, Via, user};
use serde::{Deserialize, Serialize};

/// The password that somebody chooses.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AcceptInvitation {
    /// 12 to 128 characters.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    password: NewPassword,
}

/// Whose password it is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Accepted {
    /// What they sign in with.
    #[schema(value_type = String, example = "ada")]
    login: Login,
}

/// Chooses a local password by an invitation. It serves once.
#[utoipa::path(post, path = "/v1/invitations/{code}", tag = "session", operation_id = "accept_invitation",
    params(("code" = String, Path, description = "The invitation's code")), request_body = AcceptInvitation,
    responses((status = 200, body = Accepted)), security(()))]
pub(super) async fn accept(
    State(app): State<App>,
    Address(address): Address,
    Segment(code): Segment<String>,
    Query(Nothing {}): Query<Nothing>,
    body: Body<AcceptInvitation>,
) -> Result<Json<Accepted>, Problem> {
    // Nobody guesses a code; but whoever tries takes no core for hashing.
    let code = InvitationSecret::presented(&code).hash();
    let attempt = app.slowdown.begin_with(code.0, address, app.now()).map_err(|seconds| {
        Problem::new("auth.slow_down", "too many invitations were wrong: wait a little").retry_after(seconds)
    })?;
    app.catch_up().await;
    let invited =
        app.present(|state| state.cluster().invited(&code, app.now()).map(|user| (user.id, user.login.clone())));
    let none = || Problem::new("invitation.not_found", "this invitation is not valid any more: ask for another one");
    let (user, login) = invited.ok_or_else(none)?;
    let hash = app.passwords.hash(body.value.password).await?;
    let command = Command::User(user::Command::AcceptInvitation { code, hash });
    // Theirs, as is what is recorded of it: it goes with them when they are erased.
    let guest = Principal { actor: Actor::User(user), via: Via::Invitation, address };
    let recorded = app.parts.commands.submit(Request::new(guest, command)).await;
    recorded.map_err(|failure| match failure {
        Failure::Denied(_) => none(),
        failure => failed(failure, &Names::at(&app, app.durable())),
    })?;
    app.slowdown.succeeded(&attempt, app.now());
    Ok(Json(Accepted { login }))
}
