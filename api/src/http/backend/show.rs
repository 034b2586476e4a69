use super::provider::callback_address;
use crate::http::{
    answer::Shown,
    app::App,
    input::{AsOf, Look},
};
use domain::backend::BackendKind;
use projections::view::SignInView;
use serde::Serialize;

/// The sign-in backend.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Backend {
    /// As it was recorded.
    #[serde(flatten)]
    recorded: SignInView,
    /// Where GitHub lets browsers come back to: to be written into the OAuth app's settings. Null without `public_url`.
    github_callback: Option<String>,
    /// Where an OpenID provider lets browsers come back to: to be written into the client's settings. Null without `public_url`.
    oidc_callback: Option<String>,
}

/// Where people sign in. Never a secret, only whether one is set and when.
#[utoipa::path(get, path = "/v1/auth/backend", tag = "sign-in backend", operation_id = "backend", params(AsOf),
    responses((status = 200, body = Backend)))]
pub(super) async fn show(look: Look) -> Shown<Backend> {
    let (recorded, position) = look.view(|view| (view.sign_in(), view.position()));
    let callback = |kind| callback_of(look.app(), kind);
    let (github_callback, oidc_callback) = (callback(BackendKind::GitHub), callback(BackendKind::Oidc));
    Shown::one(position, recorded.revision, Backend { recorded, github_callback, oidc_callback })
}

fn callback_of(app: &App, kind: BackendKind) -> Option<String> {
    callback_address(app, kind).ok().map(String::from)
}
