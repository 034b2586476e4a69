use crate::http::{
    answer::{Shown, no_page},
    input::{AsOf, Look, Segment},
    problem::Problem,
    tokens::{Filter, TokenWithUse},
};
use domain::Login;
use projections::view::{Listed, TokenFilter};

/// A user's tokens: never their secrets.
#[utoipa::path(get, path = "/v1/users/{login}/tokens", tag = "tokens", operation_id = "list_user_tokens",
    params(("login" = String, Path, description = "The user"), Filter, AsOf),
    responses((status = 200, body = Listed<TokenWithUse>)))]
pub(super) async fn tokens(
    Segment(login): Segment<Login>,
    look: Look<Filter>,
) -> Result<Shown<Listed<TokenWithUse>>, Problem> {
    let owner = look.view(|view| view.user(&login).map(|user| user.id));
    let owner = look.found(owner, "user.not_found", "such user")?;
    let filter = TokenFilter { user: Some(owner), ..look.query.filter() };
    let page = look.query.page()?;
    TokenWithUse::list(&look, look.view(|view| view.tokens(&filter, &page)).map_err(no_page))
}
