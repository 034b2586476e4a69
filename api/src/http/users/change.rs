use super::onboard::known_there;
use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    directory::Place,
    input::{Body, Change, DryRun, Segment, Target, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, GroupName, Login, Role, user};
use serde::Deserialize;

/// A change of a user: what is left out stays.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeUser {
    /// What they shall be allowed to do.
    #[schema(value_type = Option<String>, example = "operator")]
    role: Option<Role>,
    /// The group that they shall move to, in one step; null: into none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    group: Change<GroupName>,
    /// Whether they shall be shut out.
    suspended: Option<bool>,
    /// What they are called at the active sign-in backend, for a user of an earlier one: they are the same person. Alone in its call.
    #[schema(value_type = Option<String>)]
    link: Option<Login>,
    /// With `link`: the sign-in backend's own word for them, where it knows several who are called so.
    subject: Option<String>,
    /// What they are called from now on, for a user whose own login can't be read since the key that it is sealed under was lost.
    /// Alone in its call.
    #[schema(value_type = Option<String>)]
    login: Option<Login>,
}

/// Changes a user's role or group, shuts them out, links them to the active sign-in backend, or gives them a login where theirs can't be read.
#[utoipa::path(patch, path = "/v1/users/{login}", tag = "users", operation_id = "change_user",
    params(("login" = String, Path, description = "The user"), DryRun), request_body = ChangeUser,
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn change(
    State(app): State<App>,
    asker: Asker,
    Segment(login): Segment<Login>,
    wish: Wish,
    body: Body<ChangeUser>,
) -> Result<Accepted, Problem> {
    let ChangeUser { role, group, suspended, link, subject, login: to } = body.value;
    let (target, named) = (Target::Login(login.clone()), login.clone());
    let others = role.is_some() || suspended.is_some() || group != Change::Stay;
    if to.is_some() && (others || link.is_some()) {
        return Err(Problem::new("request.body", "login: it stands alone in its call"));
    }
    let command = match link {
        None if subject.is_some() => return Err(Problem::new("request.body", "subject: it goes with link")),
        None => match to {
            Some(to) => user::Command::SetLogin { login, to },
            None => user::Command::Change { login, role, group: group.wanted(), suspended },
        },
        Some(_) if others => {
            return Err(Problem::new("request.body", "link: it stands alone in its call"));
        }
        Some(called) => {
            let place = app.present(|state| state.cluster().sign_in().provider.as_ref().map(Place::of));
            let here = || Problem::new("directory.none", "people are known here: there is nothing to be linked to");
            let place = place.ok_or_else(here)?;
            let people = app.directory.people(&place);
            let identity = known_there(&app, (&place, &people), &called, subject.as_deref())?;
            user::Command::Link { login, identity, called }
        }
    };
    let command = Command::User(command);
    carry_out(&app, &asker, &wish, Errand::new(command).about(target).naming([named]).with(&body.raw)).await
}
