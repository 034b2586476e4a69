use crate::http::{
    answer::{Belongs, Paging, Shown, no_page},
    audit,
    input::{AsOf, Look},
    problem::Problem,
};
use domain::{PoolName, Subject};
use projections::view::{GroupFilter, GroupView, Listed};
use serde::Deserialize;

/// Which groups.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only the group of this pool; `none`: only groups without a pool.
    #[param(value_type = Option<String>)]
    pool: Option<Belongs<PoolName>>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

/// Every group, by name.
#[utoipa::path(get, path = "/v1/groups", tag = "groups", operation_id = "list_groups", params(Filter, AsOf),
    responses((status = 200, body = Listed<GroupView>)))]
pub(super) async fn list(look: Look<Filter>) -> Result<Shown<Listed<GroupView>>, Problem> {
    let Filter { pool, limit, after } = &look.query;
    let filter = GroupFilter { pool: pool.clone().map(|pool| pool.0) };
    let bound = pool.as_ref().and_then(|pool| pool.0.clone());
    audit::known(&look, "pool", bound.map(Subject::Pool)).await?;
    let page = limit.page(after.as_ref())?;
    Shown::list(look.view(|view| view.groups(&filter, &page)).map_err(no_page))
}
