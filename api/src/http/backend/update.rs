use super::propose::secret;
use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::{Asker, Password},
    input::{Body, Change, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{
    Command, ProviderWord, Subject,
    backend::{self, Credentials},
};
use serde::Deserialize;

/// Other credentials for the active backend: what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateCredentials {
    /// The client's id at the provider.
    #[schema(value_type = Option<String>)]
    client_id: Option<ProviderWord>,
    /// The client's secret at the provider.
    #[schema(value_type = Option<String>, format = Password)]
    client_secret: Option<Password>,
    /// `github`: a token that may list the organization's private members; null: none any more.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = Password)]
    directory_token: Change<Password>,
}

/// Replaces credentials of the active backend. Nobody has to sign in anew. Where it points to is changed by proposing it anew.
#[utoipa::path(patch, path = "/v1/auth/backend", tag = "sign-in backend", operation_id = "update_credentials",
    params(DryRun), request_body = UpdateCredentials, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn update(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<UpdateCredentials>,
) -> Result<Accepted, Problem> {
    let UpdateCredentials { client_id, client_secret, directory_token } = body.value;
    let command = Command::Backend(backend::Command::UpdateCredentials(Credentials {
        client_id,
        client_secret: client_secret.map(|text| secret("client_secret", &text)).transpose()?,
        directory_token: match directory_token {
            Change::Stay => None,
            Change::Clear => Some(None),
            Change::Set(text) => Some(Some(secret("directory_token", &text)?)),
        },
    }));
    carry_out(&app, &asker, &wish, Errand::new(command).on(Subject::Backend).with(&body.raw)).await
}
