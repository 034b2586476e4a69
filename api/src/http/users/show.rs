use super::view::UserWithSignIn;
use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::Login;

/// One user.
#[utoipa::path(get, path = "/v1/users/{login}", tag = "users", operation_id = "show_user",
    params(("login" = String, Path, description = "The user"), AsOf), responses((status = 200, body = UserWithSignIn)))]
pub(super) async fn show(Segment(login): Segment<Login>, look: Look) -> Result<Shown<UserWithSignIn>, Problem> {
    let (position, user) = look.view(|view| (view.position(), view.user(&login)));
    let user = look.found(user, "user.not_found", "such user")?;
    Ok(Shown::one(position, user.revision, UserWithSignIn::of(&look, user)))
}
