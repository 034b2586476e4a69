//! Profiling counters (GPM, since Hopper): shares and rates between two samples, so the last one is kept.
use super::{calls::Calls, raw};
use crate::source::Profile;
use nvml_wrapper::{
    Device, GpmSample, enums::gpm::GpmMetricId, error::NvmlError, gpm::gpm_metrics_get,
    struct_wrappers::gpm::GpmMetricResult,
};

const METRICS: [GpmMetricId; 5] = [
    GpmMetricId::GraphicsUtil,
    GpmMetricId::AnyTensorUtil,
    GpmMetricId::DramBwUtil,
    GpmMetricId::PcieTxPerSec,
    GpmMetricId::PcieRxPerSec,
];

/// Takes a sample, and tells what was between the one before and this.
pub(super) fn read<'n>(device: &Device<'n>, calls: &mut Calls<'_>, last: &mut Option<GpmSample<'n>>) -> Profile {
    const WHAT: &str = "profiling";
    let before = last.take();
    if !calls.supports(WHAT) {
        return Profile::default();
    }
    if before.is_none() && calls.ask(WHAT, || supported(device)).is_none() {
        return Profile::default();
    }
    let Some(now) = calls.ask(WHAT, || device.gpm_sample()) else { return Profile::default() };
    let metrics = before.and_then(|before| calls.ask(WHAT, || gpm_metrics_get(device.nvml(), &before, &now, &METRICS)));
    *last = Some(now);
    metrics.map_or_else(Profile::default, |metrics| profile(&metrics))
}

fn supported(device: &Device<'_>) -> Result<(), NvmlError> {
    if raw::has_samples(device.nvml()) && device.gpm_support()? { Ok(()) } else { Err(NvmlError::NotSupported) }
}

type Metric = Result<GpmMetricResult, NvmlError>;

fn profile(metrics: &[Metric]) -> Profile {
    let value = |id| metrics.iter().flatten().find(|metric| metric.metric_id == id).map(|metric| metric.value);
    Profile {
        engine_active: value(GpmMetricId::GraphicsUtil).and_then(thousandths),
        tensor_active: value(GpmMetricId::AnyTensorUtil).and_then(thousandths),
        dram_active: value(GpmMetricId::DramBwUtil).and_then(thousandths),
        pcie_sent: value(GpmMetricId::PcieTxPerSec).and_then(bytes),
        pcie_received: value(GpmMetricId::PcieRxPerSec).and_then(bytes),
    }
}

/// Of a share in per cent.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1000")]
fn thousandths(per_cent: f64) -> Option<u16> {
    per_cent.is_finite().then(|| (per_cent * 10.0).round().clamp(0.0, 1000.0) as u16)
}

/// Of a rate in MiB a second, as nvml.h has it (`NVML_GPM_METRIC_PCIE_TX_PER_SEC`).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is too much is held at the most")]
fn bytes(mebibytes: f64) -> Option<u64> {
    (mebibytes.is_finite() && mebibytes >= 0.0).then(|| (mebibytes * 1_048_576.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates_are_whole_numbers() {
        assert_eq!(thousandths(73.46), Some(735));
        assert_eq!(thousandths(100.3), Some(1000));
        assert_eq!(thousandths(f64::NAN), None);
        assert_eq!(bytes(1.5), Some(1_572_864));
        assert_eq!(bytes(-1.0), None);
    }
}
