use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::{Address, Asker, NewPassword, Password, refused},
    input::{Body, DryRun, Target, Wish},
    problem::{Problem, Refused, denied},
};
use axum::extract::State;
use domain::{Command, Denied, Event, Login, user};
use serde::Deserialize;

/// A new local password.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetPassword {
    /// Whose; one's own where it is left out. Only operators may set somebody else's.
    #[schema(value_type = Option<String>)]
    login: Option<Login>,
    /// The present one: needed for one's own.
    #[schema(value_type = Option<String>, format = Password)]
    current: Option<Password>,
    /// The new one: 12 to 128 characters.
    #[schema(value_type = String, format = Password, min_length = 12, max_length = 128)]
    password: NewPassword,
}

/// Sets a local password. Needs a signed-in session. The user's other sessions end.
#[utoipa::path(post, path = "/v1/password", tag = "session", operation_id = "set_password", params(DryRun),
    request_body = SetPassword, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn password(
    State(app): State<App>,
    asker: Asker,
    Address(address): Address,
    wish: Wish,
    body: Body<SetPassword>,
) -> Result<Accepted, Problem> {
    let (key, _) = asker.session().ok_or_else(|| denied(Denied::SessionNeeded))?;
    let SetPassword { login, current, password } = body.value;
    let login = login.unwrap_or_else(|| asker.login.clone());
    if login != asker.login && !asker.sees_all() {
        return Err(Asker::not_own());
    }
    if login == asker.login {
        // Whoever finds an open session must not be able to keep it for good.
        let current = current.ok_or_else(|| Problem::new("request.body", "current: the present password is needed"))?;
        let slow = |seconds| Problem::new("auth.slow_down", "too many passwords were wrong").retry_after(seconds);
        let kept = app.present(|state| state.cluster().user(asker.user).and_then(|user| user.password.clone()));
        if kept.is_none() {
            let detail = "you sign in through the sign-in backend, and have no password here";
            return Err(Problem::new("auth.no_password", detail));
        }
        let attempt = app.slowdown.begin(&login, address, app.now()).map_err(slow)?;
        if !app.passwords.fits(&current, kept).await? {
            let code = "auth.failed".to_owned();
            refused(&app, asker.principal.clone(), "POST /v1/password", Refused { code }).await;
            return Err(Problem::new("auth.failed", "the present password is wrong"));
        }
        app.slowdown.succeeded(&attempt, app.now());
    }
    let hash = app.passwords.hash(password).await?;
    let command = Command::User(user::Command::SetPassword { login: login.clone(), hash });
    let errand = Errand::new(command).about(Target::Login(login.clone())).naming([login]).with(&body.raw);
    let accepted = carry_out(&app, &asker, &wish, errand).await?;
    // The new password has ended all sessions of its user. Should this be broken off, this one is over as well.
    for recorded in &accepted.recorded {
        if matches!(&recorded.event, Event::User(user::Event::PasswordSet { user, .. }) if *user == asker.user) {
            app.sessions.renew(&key, recorded.position);
        }
    }
    Ok(accepted)
}
