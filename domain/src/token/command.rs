use super::{Scope, TokenHash};
use crate::{Login, TokenId, TokenName};

/// What may be wished for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make one for oneself.
    Issue {
        /// What to call it: unique among one's own.
        name: TokenName,
        /// What it may be used for.
        scope: Scope,
        /// How long it lasts, in days from now.
        days: u32,
        /// The hash of the secret, which stays with the caller.
        hash: TokenHash,
    },
    /// End one.
    Revoke {
        /// The token.
        token: TokenId,
    },
    /// End all of a user's, expired ones too.
    RevokeAll {
        /// The user.
        login: Login,
    },
}
