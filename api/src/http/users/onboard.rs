use super::invite::{InvitedAnswer, answered};
use crate::http::{
    answer::{Errand, carry_out},
    app::App,
    auth::{Asker, InvitationSecret, NewPassword},
    directory::{NotFound, People, Place},
    input::{Body, Change, DryRun, Wish},
    problem::Problem,
};
use axum::{extract::State, response::Response};
use domain::{
    Command, GroupName, Login, Role,
    backend::Identity,
    user::{self, Entry, Newcomer},
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The most people in one call. Each takes two events at least, and one command records 16,384 at most.
const LOGINS_MAX: usize = 8192;

/// The most passwords in one call: each takes a while to hash.
const PASSWORDS_MAX: usize = 50;

/// People to be on-boarded, all or none.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OnboardUsers {
    /// Their logins.
    #[schema(value_type = Vec<String>, example = json!(["ada", "bob"]))]
    logins: Vec<Login>,
    /// The group that all of them join: `default` where it is left out, none where it is null.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    group: Change<GroupName>,
    /// What all of them may do: `data-scientist` where it is left out.
    #[schema(value_type = Option<String>, example = "data-scientist")]
    role: Option<Role>,
    /// First local passwords, by login: 12 to 128 characters each, at most 50 in one call. Whoever has none in it is invited to
    /// choose one. Only where people are known here.
    #[serde(default)]
    #[schema(value_type = Object)]
    passwords: BTreeMap<Login, NewPassword>,
    /// By login, the sign-in backend's own word for whoever is meant, where it knows several who are called so: as the directory
    /// shows it.
    #[serde(default)]
    #[schema(value_type = Object)]
    subjects: BTreeMap<Login, String>,
}

/// On-boards users.
#[utoipa::path(post, path = "/v1/users", tag = "users", operation_id = "onboard_users", params(DryRun),
    request_body = OnboardUsers, responses((status = 200, body = InvitedAnswer), (status = 201, body = InvitedAnswer)))]
pub(super) async fn onboard(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<OnboardUsers>,
) -> Result<Response, Problem> {
    let OnboardUsers { logins, group, role, mut passwords, subjects } = body.value;
    if logins.len() > LOGINS_MAX {
        let detail = format!("one call takes at most {LOGINS_MAX} logins");
        return Err(Problem::new("request.too_large", detail));
    }
    if passwords.len() > PASSWORDS_MAX {
        let detail = format!("one call takes at most {PASSWORDS_MAX} passwords");
        return Err(Problem::new("request.too_large", detail));
    }
    let named: BTreeSet<&Login> = logins.iter().collect();
    if passwords.keys().chain(subjects.keys()).any(|login| !named.contains(login)) {
        return Err(Problem::new("request.body", "passwords, subjects: every login in them is also in logins"));
    }
    let place = app.present(|state| state.cluster().sign_in().provider.as_ref().map(Place::of));
    if place.is_none() && !subjects.is_empty() {
        return Err(Problem::new("request.body", "subjects: there are none where people are known here"));
    }
    let people = place.as_ref().map(|place| app.directory.people(place)).unwrap_or_default();
    let (mut newcomers, mut codes) = (Vec::with_capacity(logins.len()), vec![]);
    for login in &logins {
        newcomers.push(match (&place, passwords.remove(login)) {
            (_, Some(password)) => Newcomer::with_password(login.clone(), app.passwords.hash(password).await?),
            (None, None) => {
                let code = InvitationSecret::generate();
                let entry = Some(Entry::Invitation(code.hash()));
                codes.push((login.clone(), code));
                Newcomer { entry, ..Newcomer::new(login.clone()) }
            }
            (Some(place), None) => {
                let subject = subjects.get(login).map(String::as_str);
                Newcomer::of(login.clone(), known_there(&app, (place, &people), login, subject)?)
            }
        });
    }
    let location = if let [only] = &logins[..] { format!("/v1/users/{only}") } else { "/v1/users".to_owned() };
    let group = match group {
        Change::Stay => Some(GroupName::default_group()),
        Change::Clear => None,
        Change::Set(group) => Some(group),
    };
    let role = role.unwrap_or(Role::DataScientist);
    let arrivals: Vec<Identity> = newcomers.iter().filter_map(|newcomer| newcomer.identity.clone()).collect();
    let command = Command::User(user::Command::Onboard { newcomers, group, role });
    let accepted = carry_out(&app, &asker, &wish, Errand::new(command).naming(logins).with(&body.raw)).await?;
    if let (Some(place), false) = (&place, accepted.recorded.is_empty()) {
        for identity in &arrivals {
            app.directory.came_in(place, identity);
        }
    }
    Ok(answered(accepted.made(location), &codes))
}

/// Who has this login at the active backend. Whoever is on-boarded already is for the rules to refuse, and a repeated call for its first
/// answer: so a user who has it here is meant where the backend does not say who is.
///
/// # Errors
/// Nobody is known who is called so, or several.
pub(super) fn known_there(
    app: &App,
    (place, people): (&Place, &People),
    login: &Login,
    subject: Option<&str>,
) -> Result<Identity, Problem> {
    let not_found = match people.look_up(login, subject) {
        Ok(identity) => return Ok(identity),
        Err(not_found) => not_found,
    };
    let here = || on_boarded(app, place, login, subject).filter(|_| matches!(not_found, NotFound::Nobody));
    here().ok_or_else(|| {
        let (code, detail) = match not_found {
            NotFound::Nobody => ("directory.unknown", format!("the sign-in backend does not know {login}")),
            NotFound::Many(many) => (
                "directory.ambiguous",
                format!("the sign-in backend knows {many} who are called {login}: say which one"),
            ),
        };
        Problem::new(code, detail).refs(vec![format!("user/{login}")])
    })
}

/// The identity of the user who has this login here.
fn on_boarded(app: &App, place: &Place, login: &Login, subject: Option<&str>) -> Option<Identity> {
    let identity = app.present(|state| state.cluster().user_by_login(login)?.identity.clone());
    identity.filter(|known| place.knows(known) && subject.is_none_or(|subject| subject == known.subject()))
}
