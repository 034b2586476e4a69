use super::PasswordHash;
use crate::{GroupName, Login, Role, UserId, backend::Identity, token::TokenHash};

/// One person to be on-boarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newcomer {
    /// The login at the sign-in backend.
    pub login: Login,
    /// Who they are at the active backend; none where they are known here.
    pub identity: Option<Identity>,
    /// How they first sign in with a local password, where they are known here.
    pub entry: Option<Entry>,
}

/// How a user who is known here comes to a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// This is the hash of their first one.
    Password(PasswordHash),
    /// They choose it themselves: this is the hash of the code that lets them.
    Invitation(TokenHash),
}

impl Newcomer {
    /// Somebody who is known here, and has no password yet.
    pub const fn new(login: Login) -> Self {
        Self { login, identity: None, entry: None }
    }

    /// Somebody who is known at the active backend.
    pub const fn of(login: Login, identity: Identity) -> Self {
        Self { login, identity: Some(identity), entry: None }
    }

    /// Somebody who is known here, by this password.
    pub const fn with_password(login: Login, hash: PasswordHash) -> Self {
        Self { login, identity: None, entry: Some(Entry::Password(hash)) }
    }
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
    /// Let somebody choose a local password.
    Invite {
        /// Who.
        login: Login,
        /// The hash of the code that lets them, which stays with the caller.
        hash: TokenHash,
    },
    /// Whoever has this code chose a password.
    AcceptInvitation {
        /// The hash of the code.
        code: TokenHash,
        /// The password's hash.
        hash: PasswordHash,
    },
    /// Give a login to somebody whose own can't be read.
    SetLogin {
        /// Who.
        login: Login,
        /// What they are called from now on.
        to: Login,
    },
    /// A user of an earlier backend is this person at the active one.
    Link {
        /// Who.
        login: Login,
        /// Who they are there.
        identity: Identity,
        /// What they are called there.
        called: Login,
    },
    /// The active backend calls a user by another login now.
    Rename {
        /// Who.
        user: UserId,
        /// The login.
        login: Login,
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
