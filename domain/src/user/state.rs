use super::PasswordHash;
use crate::{GroupName, JobId, Login, Position, Role, Timestamp, TokenId, UserId};
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
    /// The hash of their local password.
    pub password: Option<PasswordHash>,
    /// Their active jobs.
    pub jobs: BTreeSet<JobId>,
    /// Their tokens, expired ones too.
    pub tokens: BTreeSet<TokenId>,
    /// When they were on-boarded.
    pub onboarded_at: Timestamp,
    /// Where they were last configured.
    pub revision: Position,
}

impl User {
    /// Whether this is an operator who can sign in.
    pub fn is_able_operator(&self) -> bool {
        self.role == Role::Operator && !self.suspended
    }
}
