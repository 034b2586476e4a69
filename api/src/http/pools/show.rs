use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::PoolName;
use projections::view::PoolView;

/// One pool.
#[utoipa::path(get, path = "/v1/pools/{name}", tag = "pools", operation_id = "show_pool",
    params(("name" = String, Path, description = "The pool"), AsOf), responses((status = 200, body = PoolView)))]
pub(super) async fn show(Segment(name): Segment<PoolName>, look: Look) -> Result<Shown<PoolView>, Problem> {
    let (position, pool) = look.view(|view| (view.position(), view.pool(&name)));
    let pool = look.found(pool, "pool.not_found", format_args!("pool/{name}"))?;
    Ok(Shown::one(position, pool.revision, pool))
}
