//! The table from each route to what a role must allow for it.
use axum::http::Method;
use domain::{Action, Allowed, Role, token::Scope};

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Anybody, signed in or not.
    Open,
    /// Whoever is signed in: it is about their own sign-in.
    SignedIn,
    /// The same, with a session and not with a token.
    InSession,
    /// Whoever's role allows this.
    May(Action),
    /// The same, with a session and not with a token.
    InPerson(Action),
}

impl Rule {
    /// What a role must allow.
    pub(crate) const fn action(self) -> Option<Action> {
        match self {
            Self::Open | Self::SignedIn | Self::InSession => None,
            Self::May(action) | Self::InPerson(action) => Some(action),
        }
    }

    /// Whether a token is not enough, whatever it may.
    pub(crate) const fn needs_session(self) -> bool {
        matches!(self, Self::InSession | Self::InPerson(_))
    }

    /// How far a role may. What is open asks for none.
    pub(crate) const fn allowed(self, role: Role) -> Allowed {
        match self {
            Self::Open => Allowed::All,
            Self::SignedIn | Self::InSession => Allowed::Own,
            Self::May(action) | Self::InPerson(action) => role.allows(action),
        }
    }

    /// The scopes of which a token has to be one.
    pub(crate) fn scopes(self) -> Vec<Scope> {
        let fits = |scope: &Scope| self.action().is_none_or(|action| scope.allows(action));
        if self.needs_session() { vec![] } else { Scope::ALL.into_iter().filter(fits).collect() }
    }
}

use Rule::{InPerson, InSession, May, Open, SignedIn};

/// Every route. A route that is missing here answers nobody, and a test fails. `docs/roles.md` is made of it.
#[rustfmt::skip]
pub(crate) const RULES: &[(&str, &str, Rule)] = &[
    ("GET", "/livez", Open),
    ("GET", "/readyz", Open),
    ("GET", "/metrics", May(Action::ReadMetrics)),
    ("GET", "/metrics/targets", May(Action::ReadMetrics)),
    ("GET", "/metrics/nodes/{name}", May(Action::ReadMetrics)),
    ("GET", "/openapi.json", Open),
    ("GET", "/asyncapi.json", Open),
    ("GET", "/problems", Open),
    ("GET", "/problems/{code}", Open),
    ("GET", "/roles", Open),

    ("GET", "/v1/auth", Open),
    ("GET", "/auth/{kind}/start", Open),
    ("GET", "/auth/{kind}/callback", Open),
    ("POST", "/auth/program", Open),
    ("POST", "/v1/session", Open),
    ("POST", "/v1/session/code", Open),
    ("POST", "/v1/invitations/{code}", Open),
    ("GET", "/v1/session", SignedIn),
    ("DELETE", "/v1/session", InSession),
    ("GET", "/v1/sessions", May(Action::ReadTokens)),
    ("DELETE", "/v1/sessions/{id}", May(Action::ManageTokens)),
    ("POST", "/v1/password", InPerson(Action::ChangePassword)),
    ("GET", "/v1/tokens", May(Action::ReadTokens)),
    ("POST", "/v1/tokens", InPerson(Action::ManageTokens)),
    ("DELETE", "/v1/tokens/{id}", May(Action::ManageTokens)),

    ("GET", "/v1/overview", May(Action::ReadOverview)),
    ("GET", "/v1/alerts", May(Action::ReadAlerts)),
    ("GET", "/v1/about", May(Action::ReadAbout)),
    ("GET", "/v1/auth/backend", May(Action::ReadBackend)),
    ("PUT", "/v1/auth/backend", InPerson(Action::ManageBackend)),
    ("PATCH", "/v1/auth/backend", InPerson(Action::ManageBackend)),
    ("POST", "/v1/auth/backend/prove", InPerson(Action::ManageBackend)),
    ("GET", "/v1/directory", May(Action::ReadBackend)),
    ("POST", "/v1/directory/refresh", May(Action::ManageUsers)),
    ("GET", "/v1/license", May(Action::ReadAbout)),
    ("PUT", "/v1/license", May(Action::ManageLicense)),
    ("GET", "/v1/health/policy", May(Action::ReadPolicy)),
    ("PUT", "/v1/health/policy", May(Action::ManagePolicy)),
    ("POST", "/v1/health/breaker/reset", May(Action::ManagePolicy)),
    ("GET", "/v1/pools", May(Action::ReadPools)),
    ("GET", "/v1/pools/{name}", May(Action::ReadPools)),
    ("POST", "/v1/pools", May(Action::ManagePools)),
    ("PUT", "/v1/pools/{name}/devices", May(Action::ManagePools)),
    ("PATCH", "/v1/pools/{name}/devices", May(Action::ManagePools)),
    ("DELETE", "/v1/pools/{name}", May(Action::ManagePools)),
    ("GET", "/v1/groups", May(Action::ReadGroups)),
    ("GET", "/v1/groups/{name}", May(Action::ReadGroups)),
    ("POST", "/v1/groups", May(Action::ManageGroups)),
    ("PATCH", "/v1/groups/{name}", May(Action::ManageGroups)),
    ("DELETE", "/v1/groups/{name}", May(Action::ManageGroups)),
    ("GET", "/v1/users", May(Action::ReadUsers)),
    ("GET", "/v1/users/{login}", May(Action::ReadUsers)),
    ("GET", "/v1/users/{login}/tokens", May(Action::ReadTokens)),
    ("DELETE", "/v1/users/{login}/tokens", May(Action::ManageTokens)),
    ("POST", "/v1/users", May(Action::ManageUsers)),
    ("POST", "/v1/users/{login}/invitation", InPerson(Action::ManageUsers)),
    ("PATCH", "/v1/users/{login}", May(Action::ManageUsers)),
    ("DELETE", "/v1/users/{login}", May(Action::ManageUsers)),
    ("POST", "/v1/users/delete", May(Action::ManageUsers)),
    ("POST", "/v1/users/{login}/erase", May(Action::Erase)),
    ("GET", "/v1/nodes", May(Action::ReadNodes)),
    ("GET", "/v1/nodes/{name}", May(Action::ReadNodes)),
    ("PATCH", "/v1/nodes/{name}", May(Action::ManageNodes)),
    ("GET", "/v1/devices", May(Action::ReadDevices)),
    ("GET", "/v1/devices/{uuid}", May(Action::ReadDevices)),
    ("PATCH", "/v1/devices/{uuid}", May(Action::ManageDevices)),
    ("GET", "/v1/devices/{uuid}/telemetry", May(Action::ReadDevices)),
    ("GET", "/v1/nodes/{name}/telemetry", May(Action::ReadNodes)),
    ("GET", "/v1/pools/{name}/telemetry", May(Action::ReadPools)),
    ("GET", "/v1/groups/{name}/telemetry", May(Action::ReadGroups)),
    ("GET", "/v1/idle-devices", May(Action::ReadJobs)),
    ("GET", "/v1/jobs", May(Action::ReadJobs)),
    ("GET", "/v1/jobs/{id}", May(Action::ReadJobs)),
    ("POST", "/v1/jobs", May(Action::RunJobs)),
    ("DELETE", "/v1/jobs/{id}", May(Action::RunJobs)),
    ("GET", "/v1/pods", May(Action::ReadJobs)),
    ("GET", "/v1/pods/summary", May(Action::ReadJobs)),
    ("GET", "/v1/audit", May(Action::ReadAudit)),
    ("GET", "/v1/audit/{position}", May(Action::ReadAudit)),
    ("GET", "/v1/events", May(Action::Follow)),
];

/// The rule of a route: none if there is no such route with this method. `HEAD` is `GET`.
pub(crate) fn rule_of(method: &Method, path: &str) -> Option<Rule> {
    let method = if *method == Method::HEAD { Method::GET.as_str() } else { method.as_str() };
    RULES.iter().find(|(verb, route, _)| *verb == method && *route == path).map(|(_, _, rule)| *rule)
}

/// The methods that the table has for a route: none if there is no such route.
pub(crate) fn methods_of(path: &str) -> Vec<&'static str> {
    let of = RULES.iter().filter(|(_, route, _)| *route == path).map(|(method, ..)| *method);
    of.flat_map(|method| if method == "GET" { vec![method, "HEAD"] } else { vec![method] }).collect()
}

/// Whether a token may be used for some of it.
pub(crate) fn by_token(action: Action) -> bool {
    let mut rules = RULES.iter().map(|(.., rule)| rule).filter(|rule| rule.action() == Some(action)).peekable();
    // What has no route of its own is said in a query.
    rules.peek().is_none() || rules.any(|rule| !rule.needs_session())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_route_is_twice_in_the_table() {
        let routes: BTreeSet<_> = RULES.iter().map(|(method, path, _)| (method, path)).collect();
        assert_eq!(routes.len(), RULES.len());
    }

    #[test]
    fn what_reads_is_a_get_and_what_writes_is_not() {
        for (method, path, rule) in RULES {
            if let Some(action) = rule.action() {
                assert_eq!(action.reads(), *method == "GET", "{method} {path}");
            }
        }
    }
}
