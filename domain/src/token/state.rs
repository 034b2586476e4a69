use crate::{Action, Position, Role, Timestamp, TokenId, TokenName, UserId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Queries alone.
    Read,
    /// All that its owner may do, but make tokens, passwords and operators.
    Full,
    /// `/metrics` alone.
    Metrics,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 3] = [Self::Read, Self::Full, Self::Metrics];

    /// Its name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Full => "full",
            Self::Metrics => "metrics",
        }
    }

    /// Whether a token of this scope may be used for that, if its role allows it.
    pub const fn allows(self, action: Action) -> bool {
        match self {
            Self::Full => true,
            Self::Read => action.reads(),
            Self::Metrics => matches!(action, Action::ReadMetrics),
        }
    }
}

/// A keyless hash of a token's secret, which is 256 random bits and so can't be guessed. Never leaves the server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// A token that is not revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Its owner.
    pub user: UserId,
    /// What the owner calls it.
    pub name: TokenName,
    /// What it may be used for.
    pub scope: Scope,
    /// The most that it may ever do: the least of the roles that its user has had since it was made. It never allows more than
    /// its user's role does: a token that would ends.
    pub role: Role,
    /// When it was made.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// By what it is recognised.
    pub hash: TokenHash,
    /// Where it was last configured.
    pub revision: Position,
}
