//! The check that every command passes before it is decided.
use super::{Action, Allowed, Role};
use crate::{
    Actor, Cluster, Command, Position, Timestamp, TokenId, UserId, access,
    token::Token,
    user::{self, User},
};
use std::net::{IpAddr, Ipv6Addr};

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
    /// An invitation's code: it lets them accept that invitation, and nothing else.
    Invitation,
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
            Via::Internal | Via::Session { .. } | Via::Invitation => None,
        }
    }
}

/// What an address is counted as where one party's are bounded: addresses that one party is likely to have many of count as
/// one, an IPv6 /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
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
    /// The user belongs to a sign-in backend that is not the active one.
    #[error("the user belongs to another sign-in backend than the active one: an operator has to link them to it")]
    OtherBackend,
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
            Self::OtherBackend => "user.other_backend",
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
        Actor::User(_) if who.via == Via::Invitation => return Err(Denied::Role),
        Actor::User(id) => cluster.user(*id).ok_or(Denied::Unknown)?,
    };
    let mut allowed = user.role.allows(action);
    if let Via::Token(id) = who.via {
        let token = token_of(cluster, user, id, now)?;
        if !token.scope.allows(action) {
            return Err(Denied::Scope);
        }
        // Both must allow it.
        allowed = allowed.min(token.role.allows(action));
    }
    user.admits(who.via)?;
    match allowed {
        Allowed::No => Err(lacking(cluster, who, action)),
        allowed => Ok(allowed),
    }
}

fn token_of<'a>(cluster: &'a Cluster, user: &User, id: TokenId, now: Timestamp) -> Result<&'a Token, Denied> {
    cluster.token(id).filter(|token| token.user == user.id && now < token.expires_at).ok_or(Denied::Unknown)
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
    if let Command::Access(attempt) = command {
        return may_be_told_of(cluster, who, attempt, now);
    }
    if let (Command::User(user::Command::AcceptInvitation { .. }), Via::Invitation, Some(id)) =
        (command, who.via, who.user())
    {
        // Whether the code is theirs is decided: one that is not is no invitation.
        return cluster.user(id).map(drop).ok_or(Denied::Unknown);
    }
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

/// What somebody tried is told of whoever there is, above all of those who may not: telling it is the server's alone, and no
/// person's. But only who may come in has come in.
fn may_be_told_of(cluster: &Cluster, who: &Principal, attempt: &access::Command, now: Timestamp) -> Result<(), Denied> {
    match &who.actor {
        Actor::System => Ok(()),
        Actor::User(_) if who.via == Via::Invitation => Err(Denied::Role),
        Actor::User(id) => {
            let user = cluster.user(*id).ok_or(Denied::Unknown)?;
            if *attempt != access::Command::SignIn {
                return Ok(());
            }
            if let Via::Token(id) = who.via {
                token_of(cluster, user, id, now)?;
            }
            user.admits(who.via)?;
            if cluster.sign_in.knows(user) { Ok(()) } else { Err(Denied::OtherBackend) }
        }
        Actor::Agent(_) => Err(Denied::Role),
    }
}
