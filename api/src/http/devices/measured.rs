//! A device with what its node's frames of telemetry say of it.
use crate::http::app::App;
use domain::telemetry::XidCount;
use projections::view::DeviceView;
use serde::Serialize;

/// A device, and where it stands in its driver's order.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Device)]
pub(super) struct MeasuredDevice {
    /// The device.
    #[serde(flatten)]
    device: DeviceView,
    /// Its number in the order of its node's driver (NVML), as last told; null if nothing was measured of it since the
    /// server's start, and in a look at the past.
    index: Option<u32>,
}

/// How often one XID, a fault in NVIDIA's catalogue, was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct XidView {
    /// The code.
    code: u32,
    /// How often.
    count: u32,
}

impl MeasuredDevice {
    /// The device as it is looked at: at present, or in the past, of which nothing measured is kept.
    pub(super) fn of(app: &App, present: bool, device: DeviceView) -> Self {
        let latest = if present { app.parts.telemetry.latest(device.id) } else { None };
        Self { device, index: latest.and_then(|latest| latest.index) }
    }
}

impl From<XidCount> for XidView {
    fn from(XidCount { code, count }: XidCount) -> Self {
        Self { code, count }
    }
}
