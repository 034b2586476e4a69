use super::PasswordHash;
use crate::{
    Login, Role, Timestamp, UserId,
    backend::{BackendKind, Identity},
    published::events,
    token::TokenHash,
};
use serde::Serialize;

events! {
    /// What happened to a user. Serialised for publication, so personal and secret fields are left out.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// A person may sign in from now on.
        Onboarded = "UserOnboarded" {
            /// The user.
            user: UserId,
            /// The login at the sign-in backend: personal.
            #[serde(skip)]
            login: Login,
            /// What they may do.
            role: Role,
            /// Whether this is the operator who remains when single sign-on is wrong.
            break_glass: bool,
        },
        /// They have a new local password.
        PasswordSet = "PasswordSet" {
            /// The user.
            user: UserId,
            /// Its hash: secret. None once the user was erased, or its key lost.
            #[serde(skip)]
            hash: Option<PasswordHash>,
        },
        /// They may choose a local password, with a code that they were given.
        Invited = "UserInvited" {
            /// The user.
            user: UserId,
            /// Until when.
            until: Timestamp,
            /// The hash of the code: never leaves the server.
            #[serde(skip)]
            hash: TokenHash,
        },
        /// They are known at this backend from now on, and at no other.
        Linked = "UserLinked" {
            /// The user.
            user: UserId,
            /// The sort of backend.
            backend: BackendKind,
            /// Who they are there: personal. None where they are known here, and once the user was erased, or its key lost.
            #[serde(skip)]
            identity: Option<Identity>,
        },
        /// They have another login.
        LoginChanged = "LoginChanged" {
            /// The user.
            user: UserId,
            /// The login: personal.
            #[serde(skip)]
            login: Login,
        },
        /// They may do more, or less. No token may do more for it, and those of another sort of role are gone for good: an
        /// auditor's once they are a data scientist, and the other way round.
        RoleChanged = "RoleChanged" {
            /// The user.
            user: UserId,
            /// What they might do before.
            from: Role,
            /// What they may do now.
            role: Role,
        },
        /// Shut out: sessions and streams end, tokens are gone for good; jobs stay.
        Suspended = "UserSuspended" {
            /// The user.
            user: UserId,
        },
        /// Let in again, with new tokens.
        Reinstated = "UserReinstated" {
            /// The user.
            user: UserId,
        },
        /// Gone; their history stays.
        Deleted = "UserDeleted" {
            /// The user.
            user: UserId,
        },
        /// A deleted user's personal data is destroyed: the key that seals it is thrown away.
        Erased = "UserErased" {
            /// The user.
            user: UserId,
        },
    }
}
