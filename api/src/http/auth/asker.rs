//! Somebody whose sign-in was checked.
use super::{Rule, SessionKey, sessions::Session};
use crate::http::{app::App, problem::Problem};
use axum::{extract::FromRequestParts, http::request::Parts};
use domain::{
    Actor, Allowed, Cluster, Denied, Login, Position, Principal, Role, Timestamp, UserId, Via, authorize, token,
};
use projections::view::Sight;
use std::net::IpAddr;

/// What somebody showed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Credential {
    /// A token.
    Token(token::TokenHash),
    /// A session, as it stands.
    Session(SessionKey, Session),
}

/// Who asks, and how far they may do what they ask for. Only the [`gate`](super::gate) makes one.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    /// As the domain knows them.
    pub(crate) principal: Principal,
    /// Who.
    pub(crate) user: UserId,
    /// Their login.
    pub(crate) login: Login,
    /// Their role, or their token's if that is less.
    pub(crate) role: Role,
    /// How far the route's action is allowed.
    pub(crate) allowed: Allowed,
    /// What they showed.
    pub(crate) credential: Credential,
}

impl Asker {
    /// The session that they came with.
    pub(crate) const fn session(&self) -> Option<(SessionKey, Session)> {
        match self.credential {
            Credential::Session(key, session) => Some((key, session)),
            Credential::Token(_) => None,
        }
    }

    /// What of it the views show them.
    pub(crate) const fn sight(&self) -> Sight {
        match self.allowed {
            Allowed::All => Sight::All,
            Allowed::Own | Allowed::No => Sight::Own(self.user),
        }
    }

    /// Whether they may see everything that the route shows.
    pub(crate) fn sees_all(&self) -> bool {
        self.allowed == Allowed::All
    }

    /// Whether they may see logins and the like in the audit trail's way: operators and auditors.
    pub(crate) fn sees_people(&self) -> bool {
        self.role >= Role::Auditor
    }

    /// The answer about what is not one's own, whether it exists or not.
    pub(crate) fn not_own() -> Problem {
        Problem::new(Denied::Role.code(), "only an operator or an auditor may see what is not their own")
    }
}

impl FromRequestParts<App> for Asker {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        // A handler that asks for this stands on a route that the gate let pass without a check: a bug, and closed.
        let unchecked = || Problem::new("server.fault", "this route is not in the table of who may");
        parts.extensions.get::<Self>().cloned().ok_or_else(unchecked)
    }
}

/// Who showed this, and how, whatever they may; none for a token that is not good.
fn shown(cluster: &Cluster, credential: Credential, now: Timestamp) -> Option<(UserId, Via)> {
    match credential {
        Credential::Token(hash) => {
            let token = cluster.token_by_hash(&hash).filter(|token| now < token.expires_at)?;
            Some((token.user, Via::Token(token.id)))
        }
        Credential::Session(_, session) => Some((session.user, session.via())),
    }
}

/// Whoever showed this, as the domain knows them; none where it is nobody's any more. They may be suspended.
pub(super) fn principal(
    cluster: &Cluster,
    credential: Credential,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Option<Principal> {
    let (user, via) = shown(cluster, credential, now)?;
    let theirs = cluster.user(user).is_some_and(|found| found.admits(via) != Err(Denied::Unknown));
    theirs.then_some(Principal { actor: Actor::User(user), via, address })
}

/// Whether whoever showed this may, as the cluster stands.
///
/// # Errors
/// Why not.
pub(crate) fn judge(
    cluster: &Cluster,
    credential: Credential,
    rule: Rule,
    address: Option<IpAddr>,
    now: Timestamp,
) -> Result<Asker, Denied> {
    let (user, via) = shown(cluster, credential, now).ok_or(Denied::Unknown)?;
    let most = match via {
        Via::Token(id) => cluster.token(id).ok_or(Denied::Unknown)?.role,
        Via::Session { .. } | Via::Invitation | Via::Internal => Role::Operator,
    };
    let found = cluster.user(user).ok_or(Denied::Unknown)?;
    let principal = Principal { actor: Actor::User(user), via, address };
    let allowed = match rule.action() {
        Some(action) => authorize(cluster, &principal, action, now)?,
        None => found.admits(via).map(|()| Allowed::Own)?,
    };
    if rule.needs_session() && matches!(via, Via::Token(_)) {
        return Err(Denied::SessionNeeded);
    }
    Ok(Asker { principal, user, login: found.login.clone(), role: found.role.min(most), allowed, credential })
}

/// Whether the asker of a long answer still may: their sign-in lasts, and the table still lets them. Up to which position that is
/// judged: what is recorded later may have ended it.
///
/// # Errors
/// Why not.
pub(crate) fn still_valid(app: &App, asker: &Asker, rule: Rule) -> Result<Position, Denied> {
    let now = app.now();
    let credential = match asker.credential {
        Credential::Session(key, _) => Credential::Session(key, app.sessions.look(&key, now).ok_or(Denied::Unknown)?),
        token @ Credential::Token(_) => token,
    };
    app.present(|state| {
        let cluster = state.cluster();
        judge(cluster, credential, rule, asker.principal.address, now).map(|_| cluster.at().position)
    })
}
