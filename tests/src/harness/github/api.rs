//! The API: users, memberships and members, by their numbers and names.
use super::{
    Shared, Site,
    apps::Token,
    guard::Caller,
    paging::Paging,
    people::{Organization, Restriction, Standing, user},
    problem::Problem,
};
use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

type Answer = Result<Response, Problem>;

/// `GET /user`.
pub(super) async fn me(State(shared): State<Shared>, Extension(caller): Extension<Caller>) -> Answer {
    let user = caller.token()?.user;
    profile(&shared.site(), user)
}

/// `GET /user/{account_id}`: of whom it is, whatever the name is by now.
pub(super) async fn by_id(State(shared): State<Shared>, Path(id): Path<u64>) -> Answer {
    profile(&shared.site(), id)
}

/// `GET /users/{username}`.
pub(super) async fn by_name(State(shared): State<Shared>, Path(login): Path<String>) -> Answer {
    let site = shared.site();
    profile(&site, site.people.find(&login).ok_or_else(Problem::not_found)?)
}

/// `GET /user/memberships/orgs/{org}`.
pub(super) async fn my_membership(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Path(organization): Path<String>,
) -> Answer {
    let (token, site) = (caller.token()?, shared.site());
    let organization = organization_for(&site, &organization, token)?;
    membership(&site, organization, token.user)
}

/// `GET /orgs/{org}/memberships/{username}`, of a member by a member.
pub(super) async fn their_membership(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Path((organization, login)): Path<(String, String)>,
) -> Answer {
    let (token, site) = (caller.token()?, shared.site());
    let organization = organization_for(&site, &organization, token)?;
    if !organization.has(token.user) {
        let said = format!("You must be a member of {} to see membership information for {login}.", organization.login);
        return Err(Problem::new(403, said, "orgs/members#get-organization-membership-for-a-user"));
    }
    membership(&site, organization, site.people.find(&login).ok_or_else(Problem::not_found)?)
}

/// `GET /orgs/{org}`.
pub(super) async fn organization(State(shared): State<Shared>, Path(login): Path<String>) -> Answer {
    let site = shared.site();
    let organization = site.people.organization(&login).ok_or_else(Problem::not_found)?;
    Ok(Json(organization.shown(&site.api)).into_response())
}

/// `GET /orgs/{org}/members`: whoever does not belong to it sees what everybody sees.
pub(super) async fn members(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Path(login): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer {
    let site = shared.site();
    let organization = site.people.organization(&login).ok_or_else(Problem::not_found)?;
    list_members(&site, organization, &caller, paging)
}

/// The same under the organization's number, where the links between the pages lead.
pub(super) async fn members_by_id(
    State(shared): State<Shared>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<u64>,
    Query(paging): Query<Paging>,
) -> Answer {
    let site = shared.site();
    let organization = site.people.organization_of_id(id).ok_or_else(Problem::not_found)?;
    list_members(&site, organization, &caller, paging)
}

/// `GET /orgs/{org}/public_members`.
pub(super) async fn public_members(
    State(shared): State<Shared>,
    Path(login): Path<String>,
    Query(paging): Query<Paging>,
) -> Answer {
    let site = shared.site();
    let organization = site.people.organization(&login).ok_or_else(Problem::not_found)?;
    Ok(list(&site, organization, false, paging))
}

/// The same under the organization's number.
pub(super) async fn public_members_by_id(
    State(shared): State<Shared>,
    Path(id): Path<u64>,
    Query(paging): Query<Paging>,
) -> Answer {
    let site = shared.site();
    let organization = site.people.organization_of_id(id).ok_or_else(Problem::not_found)?;
    Ok(list(&site, organization, false, paging))
}

fn list_members(site: &Site, organization: &Organization, caller: &Caller, paging: Paging) -> Answer {
    let token = caller.0.as_ref();
    if let Some(token) = token {
        unrestricted(organization, token)?;
    }
    let all = token.is_some_and(|token| token.scopes.read_organizations() && organization.has(token.user));
    Ok(list(site, organization, all, paging))
}

fn list(site: &Site, organization: &Organization, all: bool, paging: Paging) -> Response {
    let members = organization.members(all);
    let shown = members.filter_map(|id| Some(user(id, site.people.login(id)?, &site.api))).collect();
    let kind = if all { "members" } else { "public_members" };
    paging.of(shown, &format!("{}/organizations/{}/{kind}", site.api, organization.id))
}

fn profile(site: &Site, id: u64) -> Answer {
    let login = site.people.login(id).ok_or_else(Problem::not_found)?;
    let mut shown = user(id, login, &site.api);
    if let Value::Object(shown) = &mut shown {
        let more = json!({ "name": null, "company": null, "blog": "", "location": null, "email": null, "hireable": null,
            "bio": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": "2008-01-14T04:33:35Z", "updated_at": "2008-01-14T04:33:35Z" });
        shown.extend(more.as_object().cloned().unwrap_or_default());
    }
    Ok(Json(shown).into_response())
}

fn membership(site: &Site, organization: &Organization, member: u64) -> Answer {
    let standing = organization.standing(member).ok_or_else(Problem::not_found)?;
    let login = site.people.login(member).ok_or_else(Problem::not_found)?;
    let shown = organization.shown(&site.api);
    let body = json!({
        "url": format!("{}/orgs/{}/memberships/{login}", site.api, organization.login),
        "state": if standing == Standing::Invited { "pending" } else { "active" },
        "role": if standing == Standing::Owner { "admin" } else { "member" },
        "organization_url": shown["url"], "organization": shown, "user": user(member, login, &site.api),
    });
    Ok(Json(body).into_response())
}

/// The organization, if its memberships may be read with this token.
fn organization_for<'a>(site: &'a Site, login: &str, token: &Token) -> Result<&'a Organization, Problem> {
    if !token.scopes.read_organizations() {
        let said = "You need at least read:org scope to read organization memberships.";
        return Err(Problem::new(403, said, "orgs/members"));
    }
    let organization = site.people.organization(login).ok_or_else(Problem::not_found)?;
    unrestricted(organization, token)?;
    Ok(organization)
}

fn unrestricted(organization: &Organization, token: &Token) -> Result<(), Problem> {
    let login = &organization.login;
    match organization.restriction {
        Some(Restriction::Unapproved) if token.client.is_some() => {
            let said = format!(
                "Although you appear to have the correct authorization credentials, the `{login}` organization has \
                 enabled OAuth App access restrictions, meaning that data access to third-parties is limited."
            );
            Err(Problem::new(403, said, "orgs/members"))
        }
        Some(Restriction::Saml) => {
            let said = "Resource protected by organization SAML enforcement. You must grant your OAuth token access to \
                        this organization.";
            let problem = Problem::new(403, said, "authentication/authenticating-to-the-rest-api");
            Err(problem.with("x-github-sso", format!("required; url=https://github.com/orgs/{login}/sso")))
        }
        _ => Ok(()),
    }
}
