use crate::http::{
    answer::{Belongs, Paging, Shown, no_page},
    audit,
    input::{AsOf, Look},
    problem::Problem,
};
use domain::{GroupName, Model, Subject};
use projections::view::{Listed, PoolFilter, PoolView};
use serde::Deserialize;

/// Which pools.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only the pool of this group; `none`: only pools that no group is bound to.
    #[param(value_type = Option<String>)]
    group: Option<Belongs<GroupName>>,
    /// Only pools with devices of this model.
    #[param(value_type = Option<String>)]
    model: Option<Model>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

/// Every pool, by name.
#[utoipa::path(get, path = "/v1/pools", tag = "pools", operation_id = "list_pools", params(Filter, AsOf),
    responses((status = 200, body = Listed<PoolView>)))]
pub(super) async fn list(look: Look<Filter>) -> Result<Shown<Listed<PoolView>>, Problem> {
    let Filter { group, model, limit, after } = &look.query;
    let filter = PoolFilter { group: group.clone().map(|group| group.0), model: model.clone() };
    let bound = group.as_ref().and_then(|group| group.0.clone());
    audit::known(&look, "group", bound.map(Subject::Group)).await?;
    audit::known_model(&look, model.as_ref()).await?;
    let page = limit.page(after.as_ref())?;
    Shown::list(look.view(|view| view.pools(&filter, &page)).map_err(no_page))
}
