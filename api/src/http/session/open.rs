//! Whoever has shown who they are gets a session: by password, or from a sign-in provider.
use super::begin::SessionView;
use crate::http::{
    answer::{Names, Revealed, SecretJson},
    app::App,
    auth::{Proven, SessionSecret, session_cookie, sign_in_failed, signed_in},
    problem::{Problem, denied, failed},
};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use bus::engine::Failure;
use domain::{Actor, Denied, Principal};

/// A session that was begun.
pub(in crate::http) struct Opened {
    /// Its secret.
    pub(in crate::http) secret: SessionSecret,
    view: SessionView,
}

/// Begins a session. What concerns the sign-in and was recorded since it was checked ends it.
///
/// # Errors
/// They may not come in any more, too many are in, or it can't be recorded.
pub(in crate::http) async fn open(app: &App, proven: Proven) -> Result<Opened, Problem> {
    let Proven { user: id, since, address } = proven;
    let Some(user) = app.present(|state| state.cluster().user(id).cloned()) else {
        app.metrics.sign_in("failed");
        sign_in_failed(app, Some(id), Denied::Unknown.code(), address).await;
        return Err(denied(Denied::Unknown));
    };
    let full = || Problem::new("server.overloaded", "too many people are signed in").retry_after(60);
    let (secret, session) = app.sessions.begin(&user, since, address, app.now()).ok_or_else(full)?;
    let who = Principal { actor: Actor::User(user.id), via: session.via(), address };
    if let Err(failure) = signed_in(app, who).await {
        app.sessions.end(&secret.key());
        app.metrics.sign_in("failed");
        if let Failure::Denied(reason) = &failure {
            sign_in_failed(app, Some(user.id), reason.code(), address).await;
        }
        return Err(failed(failure, &Names::at(app, since)));
    }
    app.metrics.sign_in("succeeded");
    let (csrf_token, expires_at) = (Some(Revealed::new(&secret.csrf())), session.expires_at);
    Ok(Opened { secret, view: SessionView { login: user.login, role: user.role, csrf_token, expires_at } })
}

impl Opened {
    /// The answer to whoever keeps the cookie by themselves.
    pub(super) fn answer(self, app: &App) -> Response {
        let cookie = session_cookie(app.settings(), &self.secret);
        ([(header::SET_COOKIE, cookie)], SecretJson(self.view)).into_response()
    }
}
