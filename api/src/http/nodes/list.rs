use super::mirrored::MirroredNode;
use crate::http::{
    answer::{Paging, Shown, no_page},
    audit,
    input::{AsOf, Look},
    problem::Problem,
};
use domain::{Model, PoolName, Subject};
use projections::view::{Contact, Health, Listed, NodeFilter};
use serde::Deserialize;

/// Which nodes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only nodes that speak so.
    contact: Option<Contact>,
    /// Only nodes with devices of this model.
    #[param(value_type = Option<String>)]
    model: Option<Model>,
    /// Only nodes with a device that is so.
    health: Option<Health>,
    /// Only nodes with devices of this pool.
    #[param(value_type = Option<String>)]
    pool: Option<PoolName>,
    /// Only nodes that are, or are not, cordoned.
    cordoned: Option<bool>,
    /// Only nodes that are, or are not, retired.
    retired: Option<bool>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

/// Every node, by name.
#[utoipa::path(get, path = "/v1/nodes", tag = "nodes", operation_id = "list_nodes", params(Filter, AsOf),
    responses((status = 200, body = Listed<MirroredNode>)))]
pub(super) async fn list(look: Look<Filter>) -> Result<Shown<Listed<MirroredNode>>, Problem> {
    let Filter { contact, model, health, pool, cordoned, retired, limit, after } = &look.query;
    let filter = NodeFilter {
        contact: *contact,
        model: model.clone(),
        health: *health,
        pool: pool.clone(),
        cordoned: *cordoned,
        retired: *retired,
    };
    audit::known(&look, "pool", pool.clone().map(Subject::Pool)).await?;
    audit::known_model(&look, model.as_ref()).await?;
    let page = limit.page(after.as_ref())?;
    let nodes = look.view(|view| view.nodes(&filter, &page)).map_err(no_page);
    Shown::list(nodes.map(|nodes| nodes.map(|node| MirroredNode::of(look.app(), look.is_present(), node))))
}
