use super::view::TokenWithUse;
use crate::http::{
    answer::{Paging, Shown, no_page},
    input::{AsOf, Look},
    problem::Problem,
};
use projections::view::{Listed, Page, TokenFilter};
use serde::Deserialize;

/// Which tokens.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Only tokens that have, or have not, ended.
    expired: Option<bool>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

impl Filter {
    /// Anybody's that fit.
    pub(crate) const fn filter(&self) -> TokenFilter {
        TokenFilter { user: None, expired: self.expired }
    }

    /// The page asked for.
    pub(crate) fn page(&self) -> Result<Page, Problem> {
        self.limit.page(self.after.as_ref())
    }
}

/// One's own tokens; for operators and auditors, everybody's. Never a secret.
#[utoipa::path(get, path = "/v1/tokens", tag = "tokens", operation_id = "list_tokens", params(Filter, AsOf),
    responses((status = 200, body = Listed<TokenWithUse>)))]
pub(super) async fn list(look: Look<Filter>) -> Result<Shown<Listed<TokenWithUse>>, Problem> {
    let (filter, page) = (look.query.filter(), look.query.page()?);
    TokenWithUse::list(&look, look.view(|view| view.tokens(&filter, &page)).map_err(no_page))
}
