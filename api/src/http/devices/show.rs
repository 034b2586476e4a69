use super::measured::{MeasuredDevice, XidView};
use crate::http::{
    answer::Shown,
    audit::{self, AuditEvent},
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::{Subject, device::DeviceId};
use projections::{Filter, Order, Query};
use serde::Serialize;

/// How many events of its history a device shows: the newest.
const HISTORY: usize = 50;

/// A device with its history.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DeviceWithHistory {
    /// The device.
    #[serde(flatten)]
    device: MeasuredDevice,
    /// The XIDs that its driver logged since the agent first ran on its node, the last one first; empty if nothing was
    /// measured of it since the server's start, and in a look at the past.
    xids: Vec<XidView>,
    /// What happened to it, the newest first: at most 50 events. The audit trail has all; left out for eyes that may not read
    /// that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    history: Option<Vec<AuditEvent>>,
}

/// One device, with its history.
#[utoipa::path(get, path = "/v1/devices/{uuid}", tag = "devices", operation_id = "show_device",
    params(("uuid" = String, Path, description = "The device: `GPU-` and a UUID"), AsOf),
    responses((status = 200, body = DeviceWithHistory)))]
pub(super) async fn show(Segment(id): Segment<DeviceId>, look: Look) -> Result<Shown<DeviceWithHistory>, Problem> {
    let (position, device) = look.view(|view| (view.position(), view.device(id)));
    let device = look.found(device, "device.not_found", format_args!("device/{id}"))?;
    let history = if look.asker.sees_people() {
        let filter = Filter { subjects: Some(vec![Subject::Device(id)]), ..Filter::default() };
        let query = Query { filter, order: Order::NewestFirst, after: None, limit: HISTORY };
        Some(audit::events(look.app(), query, position).await?)
    } else {
        None
    };
    let latest = if look.is_present() { look.app().parts.telemetry.latest(id) } else { None };
    let xids = latest.map_or_else(Vec::new, |latest| latest.xids);
    let revision = device.revision;
    let device = MeasuredDevice::of(look.app(), look.is_present(), device);
    let xids = xids.into_iter().map(XidView::from).collect();
    Ok(Shown::one(position, revision, DeviceWithHistory { device, xids, history }))
}
