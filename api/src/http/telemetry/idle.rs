use super::present_only;
use crate::http::{
    answer::{Paging, Shown},
    input::Look,
    problem::Problem,
};
use domain::{JobId, NodeName, Position, Timestamp, device::DeviceId};
use projections::view::{Page, UserRef};
use serde::{Deserialize, Serialize};

/// What counts as idle.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Quiet {
    /// For at least so many minutes; left out: 30.
    minutes: Option<u32>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
}

/// A device that a job holds and that does nothing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct IdleDevice {
    /// The device.
    #[schema(value_type = String)]
    device: DeviceId,
    /// Its node.
    #[schema(value_type = String)]
    node: NodeName,
    /// The job that holds it.
    #[schema(value_type = String)]
    job: JobId,
    /// What the job is called.
    name: String,
    /// Whose it is; null if nobody knows.
    user: Option<UserRef>,
    /// Since when it does nothing, as far as was measured, and since the job holds it.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Devices that jobs hold and that do nothing, the longest idle first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct IdleDevices {
    /// As many as were asked for.
    items: Vec<IdleDevice>,
    /// How many there are in all.
    total: usize,
    /// Always null: there are no further pages, since devices come and go.
    next: Option<String>,
    /// The position that they are true at.
    #[schema(value_type = u64)]
    position: Position,
}

/// The devices that active jobs hold and that did nothing for a while: below 5 per cent of utilization.
#[utoipa::path(get, path = "/v1/idle-devices", tag = "telemetry", operation_id = "idle_devices", params(Quiet),
    responses((status = 200, body = IdleDevices)))]
pub(super) async fn list(look: Look<Quiet>) -> Result<Shown<IdleDevices>, Problem> {
    present_only(&look)?;
    let Quiet { minutes, limit } = look.query;
    let (telemetry, now) = (&look.app().parts.telemetry, look.app().now());
    let latest = now.plus_seconds(-60 * i64::from(minutes.unwrap_or(30)));
    let (position, mut items) = look.view(|view| {
        let jobs = view.every_job();
        let idle = jobs.into_iter().flat_map(|job| {
            job.devices.clone().into_iter().filter_map(move |id| {
                let quiet = telemetry.idle(id).filter(|idle| now < idle.measured_at.plus_seconds(120))?;
                let since = quiet.since.max(job.started_at);
                let node = view.device(id)?.node;
                let idle = IdleDevice {
                    device: id,
                    node,
                    job: job.id,
                    name: job.name.to_string(),
                    user: job.user.clone(),
                    since,
                };
                (since <= latest).then_some(idle)
            })
        });
        (view.position(), idle.collect::<Vec<_>>())
    });
    items.sort_by_key(|idle| (idle.since, idle.device));
    let total = items.len();
    items.truncate(limit.get().min(Page::LIMIT_MAX));
    Ok(Shown::at(position, IdleDevices { items, total, next: None, position }))
}
