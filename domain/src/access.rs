//! Who may do what: one table, and the check that every command passes before it is decided.
use crate::{Actor, Cluster, Command, Position, Timestamp, TokenId, UserId, token::Scope};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Own profile, own tokens, own jobs, own group and its pool.
    DataScientist,
    /// Reads everything, the audit trail included; changes nothing.
    Auditor,
    /// Everything.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::DataScientist, Self::Auditor, Self::Operator];

    /// Its name in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataScientist => "data-scientist",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// Which of these actions this role allows.
    #[expect(clippy::match_same_arms, reason = "a table, with rows for each role")]
    pub const fn allows(self, action: Action) -> Allowed {
        use Action::{
            ChangePassword, Erase, Follow, ForceJobs, ManageDevices, ManageGroups, ManageLicense, ManageNodes,
            ManagePolicy, ManagePools, ManageTokens, ManageUsers, ReadAbout, ReadAlerts, ReadAudit, ReadDevices,
            ReadGroups, ReadJobs, ReadMetrics, ReadNodes, ReadOverview, ReadPolicy, ReadPools, ReadTokens, ReadUsers,
            Report, RunJobs,
        };
        match (self, action) {
            (_, Report) => Allowed::No,
            (Self::Operator, _) => Allowed::All,
            (
                Self::Auditor,
                ReadAudit | Follow | ReadOverview | ReadPools | ReadGroups | ReadUsers | ReadNodes | ReadDevices
                | ReadJobs | ReadTokens | ReadMetrics | ReadAlerts | ReadPolicy | ReadAbout,
            ) => Allowed::All,
            (Self::Auditor, ManageTokens | ChangePassword)
            | (
                Self::DataScientist,
                RunJobs | ManageTokens | ChangePassword | ReadPools | ReadGroups | ReadUsers | ReadDevices | ReadJobs
                | ReadTokens | ReadAbout,
            ) => Allowed::Own,
            (
                Self::Auditor,
                ManagePools | ManageGroups | ManageUsers | ManageNodes | ManageDevices | RunJobs | ForceJobs | Erase
                | ManagePolicy | ManageLicense,
            )
            | (
                Self::DataScientist,
                ManagePools | ManageGroups | ManageUsers | ManageNodes | ManageDevices | ForceJobs | Erase | ReadAudit
                | Follow | ReadOverview | ReadNodes | ReadMetrics | ReadAlerts | ReadPolicy | ManagePolicy
                | ManageLicense,
            ) => Allowed::No,
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that a role allows or not: each command and each query is one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Make, fill and delete pools.
    ManagePools,
    /// Make, fill and delete groups.
    ManageGroups,
    /// On-board, change, suspend and delete users.
    ManageUsers,
    /// Destroy a deleted user's personal data.
    Erase,
    /// Cordon and retire nodes, say how many devices they have.
    ManageNodes,
    /// Cordon and retire devices.
    ManageDevices,
    /// Start and finish jobs.
    RunJobs,
    /// Finish a job without its owner.
    ForceJobs,
    /// Make and revoke tokens.
    ManageTokens,
    /// Set a local password.
    ChangePassword,
    /// Tell what an agent sees: no person may.
    Report,
    /// The counts of the dashboard.
    ReadOverview,
    /// Look at pools.
    ReadPools,
    /// Look at groups.
    ReadGroups,
    /// Look at users.
    ReadUsers,
    /// Look at nodes.
    ReadNodes,
    /// Look at devices.
    ReadDevices,
    /// Look at jobs.
    ReadJobs,
    /// Look at tokens (never at their secrets).
    ReadTokens,
    /// Search the audit trail.
    ReadAudit,
    /// Follow events as they happen.
    Follow,
    /// Scrape `/metrics`.
    ReadMetrics,
    /// Look at what needs an operator.
    ReadAlerts,
    /// Look at the health policy.
    ReadPolicy,
    /// Set the health policy, reset breakers.
    ManagePolicy,
    /// Install a license.
    ManageLicense,
    /// Look at the license, and at which server this is.
    ReadAbout,
}

impl Action {
    /// Whether it changes nothing.
    pub const fn reads(self) -> bool {
        !matches!(
            self,
            Self::ManagePools
                | Self::ManageGroups
                | Self::ManageUsers
                | Self::Erase
                | Self::ManageNodes
                | Self::ManageDevices
                | Self::RunJobs
                | Self::ForceJobs
                | Self::ManageTokens
                | Self::ChangePassword
                | Self::Report
                | Self::ManagePolicy
                | Self::ManageLicense
        )
    }
}

/// How far an action is allowed, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Not at all.
    No,
    /// On what is one's own.
    Own,
    /// On everything.
    All,
}

/// How somebody showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// The server speaks for itself or for an agent whose message it checked.
    Internal,
    /// A session that began with a sign-in.
    Session {
        /// The position of the state that the sign-in was checked against: what is recorded later may end it.
        since: Position,
    },
    /// A token.
    Token(TokenId),
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who.
    pub actor: Actor,
    /// How they showed it.
    pub via: Via,
    /// Where from: personal.
    pub address: Option<IpAddr>,
}

impl Principal {
    /// The server itself.
    pub const SYSTEM: Self = Self { actor: Actor::System, via: Via::Internal, address: None };

    /// The user who asks, if a person does.
    pub const fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::User(id) => Some(id),
            Actor::System | Actor::Agent(_) => None,
        }
    }

    /// The token that was shown, if one was.
    pub const fn token(&self) -> Option<TokenId> {
        match self.via {
            Via::Token(id) => Some(id),
            Via::Internal | Via::Session { .. } => None,
        }
    }
}

/// Why somebody may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No such user any more, or the session is over, or the token is not known, revoked or expired.
    #[error("the sign-in is not valid any more")]
    Unknown,
    /// The user is suspended.
    #[error("the user is suspended")]
    Suspended,
    /// The role does not allow it.
    #[error("the role does not allow this")]
    Role,
    /// The user's role allows it, and the one that the token was made under does not.
    #[error("the token was made under the role {0}, which does not allow this: a promotion raises no token")]
    TokenRole(Role),
    /// The token's scope does not allow it.
    #[error("the token's scope does not allow this")]
    Scope,
    /// Only a signed-in session may do this.
    #[error("this needs a signed-in session, not a token")]
    SessionNeeded,
}

impl Denied {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "auth.invalid",
            Self::Suspended => "user.suspended",
            Self::Role => "auth.forbidden",
            Self::TokenRole(_) => "token.role",
            Self::Scope => "token.scope",
            Self::SessionNeeded => "auth.session_needed",
        }
    }
}

/// Whether `who` may do `action`, and how far, as `cluster` stands at `now`.
///
/// # Errors
/// [`Denied`], with the reason.
pub fn authorize(cluster: &Cluster, who: &Principal, action: Action, now: Timestamp) -> Result<Allowed, Denied> {
    let user = match &who.actor {
        Actor::System => return Ok(Allowed::All),
        Actor::Agent(_) if matches!(action, Action::Report) => return Ok(Allowed::Own),
        Actor::Agent(_) => return Err(Denied::Role),
        Actor::User(id) => cluster.user(*id).ok_or(Denied::Unknown)?,
    };
    let mut allowed = user.role.allows(action);
    if let Via::Token(id) = who.via {
        let token = cluster.token(id).filter(|t| t.user == user.id && now < t.expires_at).ok_or(Denied::Unknown)?;
        let fits = match token.scope {
            Scope::Full => true,
            Scope::Read => action.reads(),
            Scope::Metrics => matches!(action, Action::ReadMetrics),
        };
        if !fits {
            return Err(Denied::Scope);
        }
        // Roles are no ladder (a data scientist runs jobs, an auditor does not): both must allow it.
        allowed = allowed.min(token.role.allows(action));
    }
    user.admits(who.via)?;
    match allowed {
        Allowed::No => Err(lacking(cluster, who, action)),
        allowed => Ok(allowed),
    }
}

/// Which role it is that does not allow the action, or not that far: the user's own, or the one that their token was
/// made under.
fn lacking(cluster: &Cluster, who: &Principal, action: Action) -> Denied {
    let token = who.token().and_then(|id| cluster.token(id));
    let user = who.user().and_then(|id| cluster.user(id));
    match (user, token) {
        (Some(user), Some(token)) if user.role.allows(action) > token.role.allows(action) => {
            Denied::TokenRole(token.role)
        }
        _ => Denied::Role,
    }
}

/// Whether `who` may give this command, as `cluster` stands at `now`: [`authorize`], and that what is only allowed on
/// one's own is one's own.
///
/// # Errors
/// [`Denied`], with the reason.
pub fn permit(cluster: &Cluster, who: &Principal, command: &Command, now: Timestamp) -> Result<(), Denied> {
    let allowed = authorize(cluster, who, command.action(), now)?;
    if command.needs_session() && matches!(who.via, Via::Token(_)) {
        return Err(Denied::SessionNeeded);
    }
    match (allowed, &who.actor) {
        (Allowed::All, _) => Ok(()),
        (Allowed::Own, Actor::User(id)) if command.is_own(cluster, *id) => Ok(()),
        (Allowed::Own, Actor::Agent(node)) if command.reporter() == Some(node) => Ok(()),
        (Allowed::Own | Allowed::No, _) => Err(lacking(cluster, who, command.action())),
    }
}
