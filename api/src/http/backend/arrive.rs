//! Somebody whom the active provider knows comes in.
use crate::http::{
    app::App,
    auth::{Proven, sign_in_failed},
    directory::Place,
    problem::{Problem, denied},
};
use bus::engine::Request;
use domain::{Command, Denied, Login, Principal, UserId, backend::Identity, user};
use std::net::IpAddr;

/// Who it is, if they may come in.
///
/// # Errors
/// They are not on-boarded, or may not come in.
pub(super) async fn recognised(
    app: &App,
    place: &Place,
    identity: &Identity,
    called: &Login,
    address: Option<IpAddr>,
) -> Result<Proven, Problem> {
    let (found, holder, since) = app.present(|state| {
        let cluster = state.cluster();
        let holder = cluster.user_by_login(called).map(|user| user.id);
        (cluster.user_by_identity(identity).cloned(), holder, cluster.at().position)
    });
    let Some(user) = found else {
        app.directory.turned_away(place, identity, called, app.now());
        return Err(stranger(app, holder, address).await);
    };
    app.directory.came_in(place, identity);
    if user.suspended {
        app.metrics.sign_in("failed");
        sign_in_failed(app, Some(user.id), Denied::Suspended.code(), address).await;
        return Err(denied(Denied::Suspended));
    }
    if user.login != *called {
        rename(app, user.id, called.clone()).await;
    }
    Ok(Proven { user: user.id, since, address })
}

/// The answer to somebody whom the provider knows and nobody on-boarded.
async fn stranger(app: &App, holder: Option<UserId>, address: Option<IpAddr>) -> Problem {
    let problem = match holder {
        // What they are called there was somebody else's: whoever has a login now is not whoever had it.
        Some(_) => {
            Problem::new("user.identity_changed", "this login is that of another user, known by another identity")
        }
        None => Problem::new("user.not_onboarded", "the sign-in backend knows you, and nobody has on-boarded you"),
    };
    app.metrics.sign_in("failed");
    // Whoever has the login here it was not: what is recorded of it is not theirs.
    sign_in_failed(app, None, problem.code(), address).await;
    problem
}

/// They are called otherwise there by now. If that is another user's login here, they keep their old one.
async fn rename(app: &App, user: UserId, login: Login) {
    let command = Command::User(user::Command::Rename { user, login });
    let renamed = app.parts.commands.submit(Request::new(Principal::SYSTEM, command)).await;
    if let Err(failure) = renamed {
        tracing::warn!(user = %user, reason = %failure, "a user keeps the login that they had at the sign-in backend");
    }
}
