use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::{Asker, InvitationSecret},
    input::{DryRun, Segment, Target, Wish},
    problem::Problem,
};
use axum::{extract::State, response::Response};
use domain::{Command, Event, Login, Timestamp, UserId, user};
use serde::Serialize;

/// What inviting people came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct InvitedAnswer {
    /// The command's answer.
    #[serde(flatten)]
    answer: CommandAnswer,
    /// How those who have no password yet come to one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invitations: Vec<Invitation>,
    /// Whether the codes are left out because this is a repeated answer: they were shown in the first one alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secret_withheld: bool,
}

/// What lets somebody choose a local password, once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Invitation {
    /// Whom.
    #[schema(value_type = String)]
    login: Login,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The code, in this one answer only: for `POST /v1/invitations/{code}`, or `dkube password --invitation`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

/// Invites a user to choose a local password: the first one, or another one that nobody else has seen. An earlier invitation ends.
#[utoipa::path(post, path = "/v1/users/{login}/invitation", tag = "users", operation_id = "invite_user",
    params(("login" = String, Path, description = "The user"), DryRun), responses((status = 200, body = InvitedAnswer)))]
pub(super) async fn invite(
    State(app): State<App>,
    asker: Asker,
    Segment(login): Segment<Login>,
    wish: Wish,
) -> Result<Response, Problem> {
    let code = InvitationSecret::generate();
    let command = Command::User(user::Command::Invite { login: login.clone(), hash: code.hash() });
    let errand = Errand::new(command).about(Target::Login(login.clone())).naming([login.clone()]);
    let accepted = carry_out(&app, &asker, &wish, errand).await?;
    Ok(answered(accepted, &[(login, code)]))
}

/// The answer with the invitations that it made, each under its login.
pub(super) fn answered(accepted: Accepted, codes: &[(Login, InvitationSecret)]) -> Response {
    let repeated = accepted.repeated;
    let named = |id: &UserId| {
        accepted.recorded.iter().find_map(|recorded| match &recorded.event {
            Event::User(user::Event::Onboarded { user, login, .. }) if user == id => Some(login.clone()),
            _ => None,
        })
    };
    let invitations: Vec<Invitation> = accepted
        .recorded
        .iter()
        .filter_map(|recorded| match &recorded.event {
            Event::User(user::Event::Invited { user, until, .. }) => Some((named(user), *until)),
            _ => None,
        })
        .filter_map(|(login, expires_at)| {
            let only = || codes.first().map(|(login, _)| login.clone());
            let login = login.or_else(only)?;
            let code = codes.iter().find(|(of, _)| *of == login).map(|(_, code)| code.reveal().to_owned());
            Some(Invitation { login, expires_at, code: code.filter(|_| !repeated) })
        })
        .collect();
    let secret_withheld = repeated && !invitations.is_empty();
    accepted.with_body(|answer| InvitedAnswer { answer, invitations, secret_withheld })
}
