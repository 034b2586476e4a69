use super::measured::MeasuredDevice;
use crate::http::{
    answer::{Paging, Shown, no_page},
    audit,
    input::{AsOf, Look},
    problem::Problem,
};
use domain::{Model, NodeName, PoolName, Subject};
use projections::view::{Availability, DeviceFilter, Health, Listed};
use serde::Deserialize;

/// Which devices.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only devices of this pool.
    #[param(value_type = Option<String>)]
    pool: Option<PoolName>,
    /// Only devices on this node.
    #[param(value_type = Option<String>)]
    node: Option<NodeName>,
    /// Only devices of this model.
    #[param(value_type = Option<String>)]
    model: Option<Model>,
    /// Only devices that are so.
    health: Option<Health>,
    /// Only devices that are so available.
    availability: Option<Availability>,
    /// Only devices that can, or can't, be given to a job.
    free: Option<bool>,
    /// Only devices that are, or are not, held back: in service, and neither free nor with a job.
    held_back: Option<bool>,
    /// Only devices that are, or are not, cordoned themselves.
    cordoned: Option<bool>,
    /// Only devices with, or without, a condition that is overridden.
    overridden: Option<bool>,
    /// Only devices that are, or are not, retired.
    retired: Option<bool>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

/// Every device, by UUID.
#[utoipa::path(get, path = "/v1/devices", tag = "devices", operation_id = "list_devices", params(Filter, AsOf),
    responses((status = 200, body = Listed<MeasuredDevice>)))]
pub(super) async fn list(look: Look<Filter>) -> Result<Shown<Listed<MeasuredDevice>>, Problem> {
    let Filter { pool, node, model, health, availability, free, retired, limit, after, .. } = &look.query;
    let filter = DeviceFilter {
        pool: pool.clone(),
        node: node.clone(),
        model: model.clone(),
        health: *health,
        availability: *availability,
        free: *free,
        held_back: look.query.held_back,
        cordoned: look.query.cordoned,
        overridden: look.query.overridden,
        retired: *retired,
    };
    audit::known(&look, "pool", pool.clone().map(Subject::Pool)).await?;
    audit::known(&look, "node", node.clone().map(Subject::Node)).await?;
    audit::known_model(&look, model.as_ref()).await?;
    let page = limit.page(after.as_ref())?;
    let devices = look.view(|view| view.devices(&filter, &page)).map_err(no_page);
    Shown::list(devices.map(|devices| devices.map(|device| MeasuredDevice::of(look.app(), look.is_present(), device))))
}
