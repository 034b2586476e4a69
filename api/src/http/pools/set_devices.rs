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

/// The devices that a pool shall hold.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PoolDevices {
    /// All of them.
    #[schema(value_type = Vec<String>)]
    devices: Vec<DeviceId>,
}

/// Lets a pool hold exactly these devices. Needs `If-Match`.
#[utoipa::path(put, path = "/v1/pools/{name}/devices", tag = "pools", operation_id = "set_pool_devices",
    params(("name" = String, Path, description = "The pool"), DryRun), request_body = PoolDevices,
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn set_devices(
    State(app): State<App>,
    asker: Asker,
    Segment(name): Segment<PoolName>,
    wish: Wish,
    body: Body<PoolDevices>,
) -> Result<Accepted, Problem> {
    wish.needs_if_match()?;
    let subject = Subject::Pool(name.clone());
    let command = Command::Pool(pool::Command::SetDevices { name, devices: body.value.devices });
    carry_out(&app, &asker, &wish, Errand::new(command).on(subject).with(&body.raw)).await
}
