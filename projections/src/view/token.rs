//! Tokens, without what could be used to guess them.
use super::{Listed, Look, Page, PageError, Role, Scope, UserRef};
use domain::{Position, Timestamp, TokenId, TokenName, UserId, token::Token};
use serde::Serialize;
use std::ops::Bound;
use utoipa::ToSchema;

/// A token that is not revoked. Its secret is known to its owner alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TokenView {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: TokenId,
    /// Its owner.
    pub user: UserRef,
    /// What the owner calls it.
    #[schema(value_type = String)]
    pub name: TokenName,
    /// What it may be used for.
    pub scope: Scope,
    /// The most that it may ever do.
    pub role: Role,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// Whether it has ended, at the time that is looked at.
    pub expired: bool,
    /// Where it was last configured.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// Which tokens: those that meet all that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenFilter {
    /// Of this user.
    pub user: Option<UserId>,
    /// Ended, or not.
    pub expired: Option<bool>,
}

impl Look<'_> {
    /// The token with this id, an expired one too.
    pub fn token(&self, id: TokenId) -> Option<TokenView> {
        let token = self.cluster().token(id)?;
        self.sees_of(Some(token.user)).then(|| self.show_token(token))
    }

    /// Tokens, the oldest first, expired ones too.
    ///
    /// # Errors
    /// The cursor is none.
    pub fn tokens(&self, filter: &TokenFilter, page: &Page) -> Result<Listed<TokenView>, PageError> {
        let from = page.after_id::<TokenId>()?.map_or(Bound::Unbounded, Bound::Excluded);
        let tokens = self.cluster().tokens().range((from, Bound::Unbounded)).map(|(_, token)| token);
        let tokens = tokens.filter(|token| {
            self.sees_of(Some(token.user))
                && filter.user.is_none_or(|user| user == token.user)
                && filter.expired.is_none_or(|expired| expired == self.has_expired(token))
        });
        Ok(page.take(self.position(), tokens, |token| token.id.to_string(), |token| self.show_token(token)))
    }

    fn has_expired(&self, token: &Token) -> bool {
        token.expires_at <= self.time
    }

    fn show_token(&self, token: &Token) -> TokenView {
        TokenView {
            id: token.id,
            user: self.user_ref(token.user),
            name: token.name.clone(),
            scope: token.scope.into(),
            role: token.role.into(),
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            expired: self.has_expired(token),
            revision: token.revision,
        }
    }
}
