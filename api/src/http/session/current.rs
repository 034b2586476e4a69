use super::begin::SessionView;
use crate::http::{
    answer::{Revealed, SecretJson},
    app::App,
    auth::{Asker, Credential, by_token, presented_secret},
    input::{Nothing, Query},
    problem::{Problem, denied},
};
use axum::{extract::State, http::HeaderMap};
use domain::{Action, Allowed, Cluster, Denied, Principal, Role, Timestamp, TokenId, TokenName, authorize};
use projections::view::Scope;
use serde::Serialize;
use std::collections::BTreeMap;

/// Who is signed in, and by what.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct CurrentSession {
    /// The sign-in; its role is the lesser of the user's and the token's.
    #[serde(flatten)]
    session: SessionView,
    /// The user's role.
    #[schema(value_type = String, example = "operator")]
    user_role: Role,
    /// The token that was shown; null for a session.
    token: Option<CurrentToken>,
    /// The actions that this sign-in may take, by the names that `x-dkube-action` has here: what is not named is refused.
    #[schema(value_type = BTreeMap<String, Extent>, example = json!({"ReadPools": "own", "RunJobs": "own"}))]
    may: BTreeMap<&'static str, Extent>,
}

/// How far an action may be taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Extent {
    /// On what is one's own.
    Own,
    /// On everything.
    All,
}

/// The token that was shown.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct CurrentToken {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    id: TokenId,
    /// What the owner calls it.
    #[schema(value_type = String)]
    name: TokenName,
    /// What it may be used for.
    scope: Scope,
    /// The role that it was made under: the most that it may ever do.
    #[schema(value_type = String)]
    role: Role,
}

/// Who is signed in: by session or token.
#[utoipa::path(get, path = "/v1/session", tag = "session", operation_id = "show_session",
    responses((status = 200, body = CurrentSession)))]
pub(super) async fn current(
    State(app): State<App>,
    asker: Asker,
    Query(Nothing {}): Query<Nothing>,
    headers: HeaderMap,
) -> Result<SecretJson<CurrentSession>, Problem> {
    let (csrf_token, expires_at, token) = match asker.credential {
        Credential::Session(_, session) => {
            let secret = presented_secret(app.settings(), &headers);
            (secret.map(|secret| Revealed::new(&secret.csrf())), session.expires_at, None)
        }
        Credential::Token(hash) => {
            let token = app.present(|state| state.cluster().token_by_hash(&hash).cloned());
            let token = token.ok_or_else(|| denied(Denied::Unknown))?;
            let shown = CurrentToken { id: token.id, name: token.name, scope: token.scope.into(), role: token.role };
            (None, token.expires_at, Some(shown))
        }
    };
    let user_role = app.present(|state| state.cluster().user(asker.user).map(|user| user.role));
    let user_role = user_role.ok_or_else(|| denied(Denied::Unknown))?;
    let may = app.present(|state| may(state.cluster(), &asker.principal, app.now()));
    let session = SessionView { login: asker.login, role: asker.role, csrf_token, expires_at };
    Ok(SecretJson(CurrentSession { session, user_role, token, may }))
}

/// What they may, by the table that every request is judged by.
fn may(cluster: &Cluster, who: &Principal, now: Timestamp) -> BTreeMap<&'static str, Extent> {
    let extent = |action: &Action| match authorize(cluster, who, *action, now) {
        Ok(Allowed::All) => Some((action.as_str(), Extent::All)),
        Ok(Allowed::Own) => Some((action.as_str(), Extent::Own)),
        Ok(Allowed::No) | Err(_) => None,
    };
    let here = |action: &&Action| who.token().is_none() || by_token(**action);
    Action::ALL.iter().filter(here).filter_map(extent).collect()
}
