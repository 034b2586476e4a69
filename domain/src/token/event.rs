use super::{Scope, TokenHash};
use crate::{Role, Timestamp, TokenId, TokenName, UserId, published::events};
use serde::Serialize;

events! {
    /// What happened to a token.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// A user has a new token.
        Issued = "TokenIssued" {
            /// The token.
            token: TokenId,
            /// Its owner.
            user: UserId,
            /// What the owner calls it.
            name: TokenName,
            /// What it may be used for.
            scope: Scope,
            /// The most that it may ever do: a later promotion of its owner does not raise it.
            role: Role,
            /// When it ends.
            expires_at: Timestamp,
            /// The hash by which it is recognised: never leaves the server.
            #[serde(skip)]
            hash: TokenHash,
        },
        /// It may no longer be used.
        Revoked = "TokenRevoked" {
            /// The token.
            token: TokenId,
            /// Its owner.
            user: UserId,
        },
    }
}
