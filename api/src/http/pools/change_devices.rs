use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, PoolName, Subject, device::DeviceId, pool};
use serde::Deserialize;

/// Devices that come and go.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolDeviceChange {
    /// Devices of the default pool that this one shall hold.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    add: Vec<DeviceId>,
    /// Devices that it shall release.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    remove: Vec<DeviceId>,
}

/// Lets a pool hold some devices more, and some no longer.
#[utoipa::path(patch, path = "/v1/pools/{name}/devices", tag = "pools", operation_id = "change_pool_devices",
    params(("name" = String, Path, description = "The pool"), DryRun), request_body = PoolDeviceChange,
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn change_devices(
    State(app): State<App>,
    asker: Asker,
    Segment(name): Segment<PoolName>,
    wish: Wish,
    body: Body<PoolDeviceChange>,
) -> Result<Accepted, Problem> {
    let PoolDeviceChange { add, remove } = body.value;
    let subject = Subject::Pool(name.clone());
    let command = Command::Pool(pool::Command::ChangeDevices { name, add, remove });
    carry_out(&app, &asker, &wish, Errand::new(command).on(subject).with(&body.raw)).await
}
