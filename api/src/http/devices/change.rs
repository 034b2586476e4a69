use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, Change, DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{
    Command, Subject, Timestamp,
    device::{self, ConditionKind, DeviceId},
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
    /// The condition that shall keep no work from it for a time, or shall again; null: all shall again.
    #[serde(default, rename = "override")]
    #[schema(value_type = Option<OverrideWish>)]
    overridden: Change<OverrideWish>,
    /// The condition that shall count as ended, until it begins anew.
    #[schema(value_type = Option<String>)]
    clear: Option<ConditionKind>,
}

/// A condition that shall keep no work from its device for a time, or shall again.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideWish {
    /// Which condition, there or not: of a kind that the agents' built-in policy, the health policy or the device has.
    #[schema(value_type = String)]
    condition: ConditionKind,
    /// Until when: at most 90 days from now; null: its override ends now.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    until: Option<Timestamp>,
}

/// Cordons or retires a device, overrides or clears one of its conditions.
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
    let ChangeDevice { cordoned, retired, overridden, clear } = body.value;
    let command = match (cordoned, retired, overridden.wanted(), clear) {
        (Some(cordoned), None, None, None) => device::Command::Cordon { device, cordoned },
        (None, Some(retired), None, None) => device::Command::Retire { device, retired },
        (None, None, Some(wish), None) => overriding(device, wish),
        (None, None, None, Some(condition)) => device::Command::Clear { device, condition },
        _ => {
            let detail = "give one of cordoned, retired, override and clear: each is a command of its own";
            return Err(Problem::new("request.body", detail));
        }
    };
    let errand = Errand::new(Command::Device(command)).on(Subject::Device(device));
    carry_out(&app, &asker, &wish, errand.with(&body.raw)).await
}

fn overriding(device: DeviceId, wish: Option<OverrideWish>) -> device::Command {
    match wish {
        None => device::Command::EndOverrides { device, condition: None },
        Some(OverrideWish { condition, until: None }) => {
            device::Command::EndOverrides { device, condition: Some(condition) }
        }
        Some(OverrideWish { condition, until: Some(until) }) => device::Command::Override { device, condition, until },
    }
}
