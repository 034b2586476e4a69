use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, PoolName, Subject, pool};

/// Releases a pool's devices and its group, and removes it.
#[utoipa::path(delete, path = "/v1/pools/{name}", tag = "pools", operation_id = "delete_pool",
    params(("name" = String, Path, description = "The pool"), DryRun), responses((status = 200, body = CommandAnswer)))]
pub(super) async fn delete(
    State(app): State<App>,
    asker: Asker,
    Segment(name): Segment<PoolName>,
    wish: Wish,
) -> Result<Accepted, Problem> {
    let subject = Subject::Pool(name.clone());
    carry_out(&app, &asker, &wish, Errand::new(Command::Pool(pool::Command::Delete { name })).on(subject)).await
}
