use super::invite::{InvitedAnswer, answered};
use crate::http::{
    answer::{Errand, carry_out},
    app::App,
    auth::{Asker, InvitationSecret, NewPassword},
    input::{Body, Change, DryRun, Wish},
    problem::Problem,
};
use axum::{extract::State, response::Response};
use domain::{
    Command, GroupName, Login, Role,
    backend::{self, Identity, Realm},
    user::{self, Entry, Newcomer},
};
use serde::Deserialize;
use std::collections::BTreeMap;

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
    let OnboardUsers { logins, group, role, mut passwords } = body.value;
    if passwords.len() > PASSWORDS_MAX {
        let detail = format!("one call takes at most {PASSWORDS_MAX} passwords");
        return Err(Problem::new("request.too_large", detail));
    }
    if passwords.keys().any(|login| !logins.contains(login)) {
        return Err(Problem::new("request.body", "passwords: every login in it is also in logins"));
    }
    let (mut newcomers, mut codes) = (Vec::with_capacity(logins.len()), vec![]);
    let realm = app.present(|state| state.cluster().sign_in().provider.as_ref().map(backend::Provider::realm));
    for login in &logins {
        newcomers.push(match (&realm, passwords.remove(login)) {
            (_, Some(password)) => Newcomer::with_password(login.clone(), app.passwords.hash(password).await?),
            (None, None) => {
                let code = InvitationSecret::generate();
                let entry = Some(Entry::Invitation(code.hash()));
                codes.push((login.clone(), code));
                Newcomer { entry, ..Newcomer::new(login.clone()) }
            }
            (Some(realm), None) => Newcomer::of(login.clone(), known_there(&app, realm, login)?),
        });
    }
    let location = if let [only] = &logins[..] { format!("/v1/users/{only}") } else { "/v1/users".to_owned() };
    let group = match group {
        Change::Stay => Some(GroupName::default_group()),
        Change::Clear => None,
        Change::Set(group) => Some(group),
    };
    let role = role.unwrap_or(Role::DataScientist);
    let command = Command::User(user::Command::Onboard { newcomers, group, role });
    let accepted = carry_out(&app, &asker, &wish, Errand::new(command).naming(logins).with(&body.raw)).await?;
    Ok(answered(accepted.made(location), &codes))
}

/// Who has this login at the active backend.
///
/// # Errors
/// It does not know them.
pub(super) fn known_there(app: &App, realm: &Realm, login: &Login) -> Result<Identity, Problem> {
    let unknown = || {
        let detail = format!("the sign-in backend does not know {login}");
        Problem::new("directory.unknown", detail).refs(vec![format!("user/{login}")])
    };
    app.directory.look_up(realm, login).ok_or_else(unknown)
}
