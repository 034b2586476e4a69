use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, Revealed, carry_out},
    app::App,
    auth::{Asker, InvitationSecret},
    input::{DryRun, Segment, Target, Wish},
    problem::Problem,
};
use axum::{extract::State, response::Response};
use domain::{Command, Event, Login, Timestamp, user};
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
    #[schema(value_type = Option<String>)]
    code: Option<Revealed>,
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

/// The answer with the invitations that it made: as many as there are codes, in their order, or none.
pub(super) fn answered(accepted: Accepted, codes: &[(Login, InvitationSecret)]) -> Response {
    let repeated = accepted.repeated;
    let invited = accepted.recorded.iter().filter_map(|recorded| match &recorded.event {
        Event::User(user::Event::Invited { until, .. }) => Some(*until),
        _ => None,
    });
    let invitations: Vec<Invitation> = invited
        .zip(codes)
        .map(|(expires_at, (login, code))| Invitation {
            login: login.clone(),
            expires_at,
            code: (!repeated).then(|| Revealed::new(code.reveal())),
        })
        .collect();
    let secret_withheld = repeated && !invitations.is_empty();
    accepted.with_body(|answer| InvitedAnswer { answer, invitations, secret_withheld })
}
