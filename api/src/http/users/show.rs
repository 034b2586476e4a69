use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::Login;
use projections::view::UserView;

/// One user.
#[utoipa::path(get, path = "/v1/users/{login}", tag = "users", operation_id = "show_user",
    params(("login" = String, Path, description = "The user"), AsOf), responses((status = 200, body = UserView)))]
pub(super) async fn show(Segment(login): Segment<Login>, look: Look) -> Result<Shown<UserView>, Problem> {
    let (position, user) = look.view(|view| (view.position(), view.user(&login)));
    let user = look.found(user, "user.not_found", "such user")?;
    Ok(Shown::one(position, user.revision, user))
}
