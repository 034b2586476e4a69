use super::present_only;
use crate::http::{
    answer::Shown,
    app::App,
    input::{Look, Segment},
    problem::Problem,
};
use domain::{
    Cluster, GroupName, NodeName, PoolName,
    device::{Device, DeviceId},
    telemetry::Field,
};
use serde::Serialize;

/// What is measured of several devices together, at present.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub(super) struct Sums {
    /// Devices in service.
    devices: u32,
    /// Of those, the ones that were measured within the last minute: the rest tells of these alone.
    measured: u32,
    /// Per cent of the time in which a kernel ran, on average; null if none tells.
    utilization: Option<f64>,
    /// Memory in use, in bytes.
    memory_used_bytes: u64,
    /// Memory of the devices that say how much of it is in use, in bytes.
    memory_bytes: u64,
    /// Watts drawn.
    power_watts: f64,
    /// The highest temperature, in degrees Celsius; null if none tells.
    hottest: Option<i64>,
}

/// A sample that is older than this is no longer the present.
const FRESH_SECONDS: i64 = 60;

impl Sums {
    fn of<'a>(app: &App, devices: impl Iterator<Item = &'a Device>) -> Self {
        let (telemetry, now) = (&app.parts.telemetry, app.now());
        let (mut sums, mut busy, mut telling) = (Self::default(), 0, 0);
        for device in devices.filter(|device| !device.retired) {
            sums.devices += 1;
            let latest = telemetry.latest(device.id);
            let Some(latest) = latest.filter(|latest| now < latest.received_at.plus_seconds(FRESH_SECONDS)) else {
                continue;
            };
            sums.measured += 1;
            let positive = |field| latest.get(field).and_then(|value| u64::try_from(value).ok());
            if let Some(value) = latest.get(Field::GpuUtilization) {
                (busy, telling) = (value.saturating_add(busy), telling + 1);
            }
            if let Some(used) = positive(Field::MemoryUsed) {
                sums.memory_used_bytes = sums.memory_used_bytes.saturating_add(used);
                sums.memory_bytes = sums.memory_bytes.saturating_add(device.memory_bytes);
            }
            #[expect(clippy::cast_precision_loss, reason = "a sum of watts needs no more digits")]
            if let Some(power) = positive(Field::Power) {
                sums.power_watts += power as f64 / 1000.0;
            }
            sums.hottest = sums.hottest.max(latest.get(Field::Temperature));
        }
        #[expect(clippy::cast_precision_loss, reason = "an average of per cents needs no more digits")]
        if telling > 0 {
            sums.utilization = Some(busy as f64 / f64::from(telling));
        }
        sums
    }
}

fn all<'a>(cluster: &'a Cluster, ids: impl IntoIterator<Item = &'a DeviceId>) -> impl Iterator<Item = &'a Device> {
    ids.into_iter().filter_map(|id| cluster.device(*id))
}

/// What a node's devices do together at present.
#[utoipa::path(get, path = "/v1/nodes/{name}/telemetry", tag = "telemetry", operation_id = "node_telemetry",
    params(("name" = String, Path, description = "The node")), responses((status = 200, body = Sums)))]
pub(super) async fn node(Segment(name): Segment<NodeName>, look: Look) -> Result<Shown<Sums>, Problem> {
    present_only(&look)?;
    let sums = look.read(|state| {
        let cluster = state.cluster();
        cluster.node(&name).map(|node| (state.position(), Sums::of(look.app(), all(cluster, node.devices.values()))))
    });
    let (position, sums) = look.found(sums, "node.not_found", format_args!("node/{name}"))?;
    Ok(Shown::at(position, sums))
}

/// What a pool's devices do together at present.
#[utoipa::path(get, path = "/v1/pools/{name}/telemetry", tag = "telemetry", operation_id = "pool_telemetry",
    params(("name" = String, Path, description = "The pool")), responses((status = 200, body = Sums)))]
pub(super) async fn pool(Segment(name): Segment<PoolName>, look: Look) -> Result<Shown<Sums>, Problem> {
    present_only(&look)?;
    // Who sees the pool sees what it does.
    let pool = look.view(|view| view.pool(&name));
    look.found(pool, "pool.not_found", format_args!("pool/{name}"))?;
    let (position, sums) = look.read(|state| {
        let cluster = state.cluster();
        let devices = cluster.pool(&name).into_iter().flat_map(|pool| all(cluster, &pool.devices));
        (state.position(), Sums::of(look.app(), devices))
    });
    Ok(Shown::at(position, sums))
}

/// What the devices do together at present on which the active jobs of a group's users are.
#[utoipa::path(get, path = "/v1/groups/{name}/telemetry", tag = "telemetry", operation_id = "group_telemetry",
    params(("name" = String, Path, description = "The group")), responses((status = 200, body = Sums)))]
pub(super) async fn group(Segment(name): Segment<GroupName>, look: Look) -> Result<Shown<Sums>, Problem> {
    present_only(&look)?;
    let group = look.view(|view| view.group(&name));
    look.found(group, "group.not_found", format_args!("group/{name}"))?;
    let (position, sums) = look.read(|state| {
        let cluster = state.cluster();
        let users = cluster.group(&name).into_iter().flat_map(|group| &group.users);
        let jobs = users.filter_map(|id| cluster.user(*id)).flat_map(|user| &user.jobs);
        let devices: std::collections::BTreeSet<_> =
            jobs.filter_map(|id| cluster.job(*id)).flat_map(|job| &job.devices).collect();
        (state.position(), Sums::of(look.app(), all(cluster, devices)))
    });
    Ok(Shown::at(position, sums))
}
