use crate::http::{app::App, input::Target};
use domain::{Login, Subject};

/// The user that a path names, for `If-Match`: revisions are of ids, and paths have logins.
pub(super) async fn target(app: &App, login: &Login) -> Target {
    let find = || app.present(|state| state.cluster().user_by_login(login).map(|user| user.id));
    let mut found = find();
    if found.is_none() {
        app.catch_up().await;
        found = find();
    }
    found.map_or(Target::Gone, |id| Target::One(Subject::User(id)))
}
