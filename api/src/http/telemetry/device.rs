use super::present_only;
use crate::http::{
    answer::Shown,
    input::{Look, Segment},
    problem::Problem,
};
use domain::{NodeName, Timestamp, device::DeviceId, telemetry::Field};
use projections::{Latest, Series};
use serde::{Deserialize, Serialize};

/// Which stretch of time, in which steps.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Stretch {
    /// From this time on; left out: an hour before its end.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Up to this time; left out: now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// Seconds from one point to the next: at least 10; left out: about 120 points. What is asked for is rounded up to what
    /// is kept: steps of 10 seconds for an hour, of a minute for a day, of ten minutes for a week, less in a large fleet.
    step: Option<u32>,
}

/// What is measured of one device.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DeviceTelemetry {
    /// The device.
    #[schema(value_type = String)]
    device: DeviceId,
    /// Its node.
    #[schema(value_type = String)]
    node: NodeName,
    /// The last sample; null if it was never measured since the server's start.
    latest: Option<LatestView>,
    /// How far the node's clock is ahead of the server's, in milliseconds; null if nothing came from it yet.
    clock_skew_millis: Option<i64>,
    /// How many frames of the node were lost on the way.
    frames_lost: Option<u64>,
    /// Its past.
    #[serde(flatten)]
    series: Series,
}

/// A device's last sample. What it does not support is null, never zero.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct LatestView {
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
    /// Per cent of the time in which a kernel ran.
    utilization: Option<i64>,
    /// Memory in use, in bytes.
    memory_used_bytes: Option<i64>,
    /// Degrees Celsius.
    temperature: Option<i64>,
    /// Degrees Celsius of its memory.
    memory_temperature: Option<i64>,
    /// Milliwatts drawn.
    power_milliwatts: Option<i64>,
    /// Clock of the multiprocessors, in megahertz.
    sm_clock_mhz: Option<i64>,
}

impl LatestView {
    pub(super) const fn of(latest: &Latest) -> Self {
        Self {
            received_at: latest.received_at,
            utilization: latest.get(Field::GpuUtilization),
            memory_used_bytes: latest.get(Field::MemoryUsed),
            temperature: latest.get(Field::Temperature),
            memory_temperature: latest.get(Field::MemoryTemperature),
            power_milliwatts: latest.get(Field::Power),
            sm_clock_mhz: latest.get(Field::SmClock),
        }
    }
}

/// How many points a curve has unless a step is asked for.
const POINTS: i64 = 120;

/// A device's last sample and its past: utilization, memory, temperature and power, with gaps where nothing was measured.
#[utoipa::path(get, path = "/v1/devices/{uuid}/telemetry", tag = "telemetry", operation_id = "device_telemetry",
    params(("uuid" = String, Path, description = "The device: `GPU-` and a UUID"), Stretch),
    responses((status = 200, body = DeviceTelemetry)))]
pub(super) async fn series(
    Segment(id): Segment<DeviceId>,
    look: Look<Stretch>,
) -> Result<Shown<DeviceTelemetry>, Problem> {
    present_only(&look)?;
    let (position, device) = look.view(|view| (view.position(), view.device(id)));
    let node = look.found(device, "device.not_found", format_args!("device/{id}"))?.node;
    let Stretch { from, to, step } = look.query;
    let to = to.unwrap_or_else(|| look.app().now());
    let from = from.unwrap_or_else(|| to.plus_seconds(-3600));
    let span = (to.micros() - from.micros()) / 1_000_000;
    let step = step.map_or_else(|| (span / POINTS).max(10), i64::from);
    let telemetry = &look.app().parts.telemetry;
    let series = telemetry.series(id, from, to, step);
    let series = series.map_err(|error| Problem::new("request.query", error.to_string()))?;
    let (latest, link) = (telemetry.latest(id), telemetry.link(&node));
    let body = DeviceTelemetry {
        device: id,
        node,
        latest: latest.as_ref().map(LatestView::of),
        clock_skew_millis: link.as_ref().map(|link| link.skew_millis),
        frames_lost: link.as_ref().map(|link| link.lost),
        series,
    };
    Ok(Shown::at(position, body))
}
