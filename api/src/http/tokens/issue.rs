use crate::http::{
    answer::{CommandAnswer, Errand, Revealed, carry_out},
    app::App,
    auth::{Asker, TokenSecret},
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use domain::{
    Command, Event, Timestamp, TokenId, TokenName,
    token::{self, Scope},
};
use serde::{Deserialize, Serialize};

/// A token to be made, for oneself.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IssueToken {
    /// What to call it: unique among one's own.
    #[schema(value_type = String, example = "ci")]
    name: TokenName,
    /// What it may be used for: `read`, `full` or `metrics`.
    #[schema(value_type = String, example = "read")]
    scope: Scope,
    /// How long it lasts: 1 to 366 days.
    #[schema(example = 90)]
    expires_in_days: u32,
}

/// What making a token came to.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TokenAnswer {
    /// The command's answer.
    #[serde(flatten)]
    answer: CommandAnswer,
    /// The token; left out in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<NewToken>,
    /// Whether the secret is left out because this is a repeated answer: it was shown in the first one alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    secret_withheld: bool,
}

/// A token that was made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct NewToken {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: TokenId,
    /// What its owner calls it.
    #[schema(value_type = String)]
    name: TokenName,
    /// What it may be used for.
    #[schema(value_type = String)]
    scope: Scope,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The secret, in this one answer only: `dkube_` and 48 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    secret: Option<Revealed>,
}

/// Makes a token for oneself. Needs a signed-in session. The secret is shown in this answer only.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", operation_id = "issue_token", params(DryRun),
    request_body = IssueToken, responses((status = 200, body = TokenAnswer), (status = 201, body = TokenAnswer)))]
pub(super) async fn issue(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<IssueToken>,
) -> Result<Response, Problem> {
    let IssueToken { name, scope, expires_in_days: days } = body.value;
    let secret = TokenSecret::generate();
    let command = Command::Token(token::Command::Issue { name, scope, days, hash: secret.hash() });
    let accepted = carry_out(&app, &asker, &wish, Errand::new(command).with(&body.raw)).await?;
    let made = accepted.recorded.iter().find_map(|recorded| match &recorded.event {
        Event::Token(token::Event::Issued { token, name, scope, expires_at, .. }) => Some(NewToken {
            id: *token,
            name: name.clone(),
            scope: *scope,
            expires_at: *expires_at,
            secret: (!accepted.repeated).then(|| Revealed::new(secret.reveal())),
        }),
        _ => None,
    });
    let Some(made) = made else { return Ok(accepted.into_response()) };
    let secret_withheld = accepted.repeated;
    let accepted = accepted.made(format!("/v1/tokens/{}", made.id));
    Ok(accepted.with_body(|answer| TokenAnswer { answer, token: Some(made), secret_withheld }))
}
