use super::open::open;
use crate::http::{
    answer::Revealed,
    app::App,
    auth::{Address, Password, Proven, Slowdown, clear_presented, sign_in_failed, slow_down},
    input::{Body, Nothing, Query},
    problem::{Problem, denied},
};
use axum::{extract::State, http::HeaderMap, response::Response};
use domain::{Denied, Login, Role, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A sign-in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// The login.
    #[schema(value_type = String, example = "operator")]
    login: Password,
    /// The password.
    #[schema(value_type = String, format = Password)]
    password: Password,
}

/// A session.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    /// Who is signed in.
    #[schema(value_type = String, example = "operator")]
    pub(super) login: Login,
    /// What they may do.
    #[schema(value_type = String, example = "operator")]
    pub(super) role: Role,
    /// What every write with the session cookie carries as `X-CSRF-Token`; null for a token, which needs none.
    #[schema(value_type = Option<String>)]
    pub(super) csrf_token: Option<Revealed>,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    pub(super) expires_at: Timestamp,
}

const FAILED: &str = "auth.failed";

/// Signs in with login and password: sets the session cookie.
#[utoipa::path(post, path = "/v1/session", tag = "session", operation_id = "sign_in", request_body = SignIn,
    responses((status = 200, body = SessionView)), security(()))]
pub(super) async fn begin(
    State(app): State<App>,
    Address(address): Address,
    Query(Nothing {}): Query<Nothing>,
    headers: HeaderMap,
    body: Body<SignIn>,
) -> Result<Response, Problem> {
    let wrong = || Problem::new(FAILED, "login or password is wrong");
    // What is no login at all is nobody's, and goes the same way: that tells nothing of who there is.
    let login = body.value.login.reveal().parse::<Login>().unwrap_or_else(|_| Login::erased(UserId(Uuid::nil())));
    let elsewhere = !app.settings().may_break_glass(address)
        && app.present(|state| state.cluster().user_by_login(&login).is_some_and(|user| user.break_glass));
    let begin = if elsewhere { Slowdown::begin_barred } else { Slowdown::begin };
    let attempt =
        begin(&app.slowdown, &login, address, app.now()).map_err(|seconds| slow_down(&app.metrics, seconds))?;
    app.catch_up().await;
    // Whatever is recorded after this ends the session, should it concern the sign-in: also while the password is checked.
    let (found, since, knows) = app.present(|state| {
        let cluster = state.cluster();
        let found = cluster.user_by_login(&login).cloned();
        let knows = found.as_ref().is_some_and(|user| cluster.sign_in().knows(user));
        (found, cluster.at().position, knows)
    });
    let from_here = found.as_ref().is_none_or(|user| !user.break_glass || app.settings().may_break_glass(address));
    let kept = found.as_ref().filter(|_| knows && from_here).and_then(|user| user.password.clone());
    if !app.passwords.fits(&body.value.password, kept).await? {
        app.metrics.sign_in("failed");
        // Whoever asks is told nothing of it; the record tells whoever has set the networks.
        let code = if from_here { FAILED } else { "auth.not_from_here" };
        sign_in_failed(&app, found.map(|user| user.id), code, address).await;
        return Err(wrong());
    }
    app.slowdown.succeeded(&attempt, app.now());
    let user = found.ok_or_else(wrong)?;
    if user.suspended {
        app.metrics.sign_in("failed");
        sign_in_failed(&app, Some(user.id), Denied::Suspended.code(), address).await;
        return Err(denied(Denied::Suspended));
    }
    clear_presented(&app, &headers);
    Ok(open(&app, Proven { user: user.id, since, address }).await?.answer(&app))
}
