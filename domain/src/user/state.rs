use super::PasswordHash;
use crate::{
    Denied, GroupName, JobId, Login, Position, Role, Timestamp, TokenId, UserId, Via, backend::Identity,
    token::TokenHash,
};
use std::collections::BTreeSet;

/// A user as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id, for ever.
    pub id: UserId,
    /// The login at the sign-in backend.
    pub login: Login,
    /// What they may do.
    pub role: Role,
    /// Their group.
    pub group: Option<GroupName>,
    /// Whether they are shut out.
    pub suspended: bool,
    /// Whether this is the operator who remains when single sign-on is wrong.
    pub break_glass: bool,
    /// Who they are at the backend that they belong to; none where they are known here.
    pub identity: Option<Identity>,
    /// The hash of their local password.
    pub password: Option<PasswordHash>,
    /// What lets them choose a local password.
    pub invitation: Option<Invitation>,
    /// Their active jobs.
    pub jobs: BTreeSet<JobId>,
    /// Their tokens, expired ones too.
    pub tokens: BTreeSet<TokenId>,
    /// When they last signed in, if they did: of many sign-ins within minutes not each is known.
    pub signed_in_at: Option<Timestamp>,
    /// When they were on-boarded.
    pub onboarded_at: Timestamp,
    /// Where they were last configured.
    pub revision: Position,
    /// Where their password was last set, their role lessened, they were suspended or linked, or another sign-in backend held: a
    /// session that began on an earlier state is over.
    pub sessions_from: Position,
}

/// What lets a user choose a local password, once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The hash of the code that they were given.
    pub hash: TokenHash,
    /// Until when it may be used.
    pub until: Timestamp,
}

impl User {
    /// Whether this is an operator who can sign in.
    pub fn is_able_operator(&self) -> bool {
        self.role == Role::Operator && !self.suspended
    }

    /// Whether they may come in with what they showed, whatever they ask for. Whether a token is good is not looked at.
    ///
    /// # Errors
    /// They are suspended, or the session is over.
    pub fn admits(&self, via: Via) -> Result<(), Denied> {
        match via {
            _ if self.suspended => Err(Denied::Suspended),
            Via::Session { since } if since < self.sessions_from => Err(Denied::Unknown),
            Via::Session { .. } | Via::Token(_) | Via::Invitation | Via::Internal => Ok(()),
        }
    }
}
