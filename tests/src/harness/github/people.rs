//! Who there is, and who belongs to which organization.
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How somebody belongs to an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Invited, and has not accepted.
    Invited,
    /// A member, which only members see; as GitHub has it unless the member wants it otherwise.
    Concealed,
    /// A member, which everybody sees.
    Public,
    /// An owner, which only members see.
    Owner,
}

/// What an organization has against an OAuth app that its members use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restriction {
    /// It has to approve apps, and has not approved this one.
    Unapproved,
    /// Members have to sign in with SAML, and the token's owner has not.
    Saml,
}

#[derive(Debug, Default)]
pub(super) struct People {
    /// Users and organizations share their numbers, as they share their names.
    last_id: u64,
    users: BTreeMap<u64, String>,
    organizations: Vec<Organization>,
}

#[derive(Debug)]
pub(super) struct Organization {
    pub(super) id: u64,
    pub(super) login: String,
    pub(super) restriction: Option<Restriction>,
    members: BTreeMap<u64, Standing>,
}

impl People {
    pub(super) fn add(&mut self, login: &str) -> u64 {
        assert!(self.find(login).is_none(), "{login} is there already");
        let id = self.next_id();
        self.users.insert(id, login.to_owned());
        id
    }

    pub(super) fn rename(&mut self, id: u64, login: &str) {
        assert!(self.find(login).is_none(), "{login} is there already");
        self.users.insert(id, login.to_owned());
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.users.remove(&id);
        for organization in &mut self.organizations {
            organization.members.remove(&id);
        }
    }

    /// Logins are told apart without regard to capitals.
    pub(super) fn find(&self, login: &str) -> Option<u64> {
        self.users.iter().find(|(_, known)| known.eq_ignore_ascii_case(login)).map(|(id, _)| *id)
    }

    pub(super) fn login(&self, id: u64) -> Option<&str> {
        self.users.get(&id).map(String::as_str)
    }

    pub(super) fn found(&mut self, login: &str) -> u64 {
        let id = self.next_id();
        let organization = Organization { id, login: login.to_owned(), restriction: None, members: BTreeMap::new() };
        self.organizations.push(organization);
        id
    }

    pub(super) fn organization(&self, login: &str) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.login.eq_ignore_ascii_case(login))
    }

    pub(super) fn organization_of_id(&self, id: u64) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }

    /// One that the test has founded.
    pub(super) fn known(&mut self, login: &str) -> &mut Organization {
        let found = self.organizations.iter_mut().find(|organization| organization.login == login);
        found.unwrap_or_else(|| panic!("there is no organization {login}"))
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

impl Organization {
    pub(super) fn set(&mut self, user: u64, standing: Option<Standing>) {
        match standing {
            Some(standing) => self.members.insert(user, standing),
            None => self.members.remove(&user),
        };
    }

    pub(super) fn standing(&self, user: u64) -> Option<Standing> {
        self.members.get(&user).copied()
    }

    pub(super) fn has(&self, user: u64) -> bool {
        self.standing(user).is_some_and(|standing| standing != Standing::Invited)
    }

    /// Its members in the order of their numbers; all of them, or those that everybody sees.
    pub(super) fn members(&self, all: bool) -> impl Iterator<Item = u64> {
        let shown = move |standing: &Standing| match standing {
            Standing::Invited => false,
            Standing::Concealed | Standing::Owner => all,
            Standing::Public => true,
        };
        self.members.iter().filter(move |(_, standing)| shown(standing)).map(|(id, _)| *id)
    }

    /// As it stands in other things (`organization-simple`).
    pub(super) fn shown(&self, api: &str) -> Value {
        let (id, login) = (self.id, &self.login);
        let url = format!("{api}/orgs/{login}");
        json!({
            "login": login, "id": id, "node_id": format!("O_{id}"), "url": url, "repos_url": format!("{url}/repos"),
            "events_url": format!("{url}/events"), "hooks_url": format!("{url}/hooks"), "issues_url": format!("{url}/issues"),
            "members_url": format!("{url}/members{{/member}}"),
            "public_members_url": format!("{url}/public_members{{/member}}"), "avatar_url": "", "description": null,
        })
    }
}

/// A user as it stands in lists (`simple-user`).
pub(super) fn user(id: u64, login: &str, api: &str) -> Value {
    let url = format!("{api}/users/{login}");
    json!({
        "login": login, "id": id, "node_id": format!("U_{id}"), "avatar_url": "", "gravatar_id": "", "url": url,
        "html_url": format!("{}/{login}", api.trim_end_matches("/api/v3")), "organizations_url": format!("{url}/orgs"),
        "type": "User", "user_view_type": "public", "site_admin": false,
    })
}
