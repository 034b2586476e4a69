use crate::http::{answer::Shown, auth::LastUseView, input::Look, problem::Problem};
use projections::view::{Listed, TokenView};
use serde::Serialize;

/// A token that is not revoked, and what is measured of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct TokenWithUse {
    /// The token.
    #[serde(flatten)]
    token: TokenView,
    /// When it last let somebody in, since the server's start. Left out of a look at the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use: Option<LastUseView>,
}

impl TokenWithUse {
    /// A page of tokens, as they are looked at.
    ///
    /// # Errors
    /// There was no such page.
    pub(crate) fn list<Q>(
        look: &Look<Q>,
        page: Result<Listed<TokenView>, Problem>,
    ) -> Result<Shown<Listed<Self>>, Problem> {
        let of = |token: TokenView| {
            let last_use = look.is_present().then(|| look.app().last_used.of(token.id));
            Self { token, last_use }
        };
        Shown::list(page.map(|page| page.map(of)))
    }
}
