use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{
    Command, Subject,
    device::{self, DeviceId},
};
use serde::Deserialize;

/// A change of a device: exactly one of these.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeDevice {
    /// Whether it shall take no new job.
    cordoned: Option<bool>,
    /// Whether it shall be out of service.
    retired: Option<bool>,
}

/// Cordons or retires a device.
#[utoipa::path(patch, path = "/v1/devices/{uuid}", tag = "devices", operation_id = "change_device",
    params(("uuid" = String, Path, description = "The device: `GPU-` and a UUID"), DryRun), request_body = ChangeDevice,
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn change(
    State(app): State<App>,
    asker: Asker,
    Segment(device): Segment<DeviceId>,
    wish: Wish,
    body: Body<ChangeDevice>,
) -> Result<Accepted, Problem> {
    let command = match (body.value.cordoned, body.value.retired) {
        (Some(cordoned), None) => device::Command::Cordon { device, cordoned },
        (None, Some(retired)) => device::Command::Retire { device, retired },
        _ => return Err(Problem::new("request.body", "give either cordoned or retired: each is a command of its own")),
    };
    let errand = Errand::new(Command::Device(command)).on(Subject::Device(device));
    carry_out(&app, &asker, &wish, errand.with(&body.raw)).await
}
