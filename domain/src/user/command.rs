use super::PasswordHash;
use crate::{GroupName, Login, Role, UserId};

/// One person to be on-boarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// The login at the sign-in backend.
    pub login: Login,
    /// The hash of a first local password.
    pub password: Option<PasswordHash>,
}

/// What may be wished for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// On-board some, all or none.
    Onboard {
        /// Who.
        newcomers: Vec<Newcomer>,
        /// The group that all of them join.
        group: Option<GroupName>,
        /// What all of them may do.
        role: Role,
    },
    /// Change one; what is `None` stays.
    Change {
        /// Who.
        login: Login,
        /// What they shall be allowed to do.
        role: Option<Role>,
        /// The group they shall move to (`Some(None)`: into none).
        group: Option<Option<GroupName>>,
        /// Whether they shall be shut out.
        suspended: Option<bool>,
    },
    /// Set a local password.
    SetPassword {
        /// Whose.
        login: Login,
        /// Its hash.
        hash: PasswordHash,
    },
    /// Delete some, all or none.
    Delete {
        /// Who.
        logins: Vec<Login>,
    },
    /// Destroy the personal data of a deleted user.
    Erase {
        /// Who.
        user: UserId,
    },
}
