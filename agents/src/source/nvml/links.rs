//! A GPU's `NVLinks`.
use super::{
    calls::{Calls, Refusal},
    raw,
};
use crate::source::{BitErrorRate, NvLinks};
use nvml_wrapper::{Device, enum_wrappers::nv_link::ErrorCounter, sys_exports::field_id as id};
use nvml_wrapper_sys::bindings as sys;

/// `NVML_NVLINK_MAX_LINKS`, so that no driver is asked for ever.
const LINKS_MAX: u8 = 36;

/// Reads all links: they end where the driver says that there is no such link. None, if it has none.
pub(super) fn read(device: &Device<'_>, calls: &mut Calls<'_>) -> Option<NvLinks> {
    if !calls.supports("NVLink") {
        return None;
    }
    let mut links = NvLinks::default();
    let mut invalid = false;
    for link in 0..LINKS_MAX {
        match calls.hear(|| device.link_wrapper_for(link.into()).is_active()) {
            Ok(active) => {
                links.total += 1;
                links.active += u8::from(active);
            }
            Err(Refusal::Never) if links.total == 0 => {
                calls.forgo("NVLink");
                return None;
            }
            // Some of them are not known, so their sums are not.
            Err(Refusal::Silent | Refusal::Ended | Refusal::Lost | Refusal::ResetRequired | Refusal::Corrupt) => {
                return None;
            }
            // NVML_ERROR_INVALID_ARGUMENT: the last link was the one before.
            Err(Refusal::Never | Refusal::NotNow) => {
                invalid = true;
                break;
            }
        }
    }
    if links.total == 0 {
        if invalid {
            calls.forgo("NVLink");
        }
        return None;
    }
    links.replays = sum(device, calls, links.total, "NVLink replays", ErrorCounter::DlReplay);
    links.recoveries = sum(device, calls, links.total, "NVLink recoveries", ErrorCounter::DlRecovery);
    links.crc_flit = sum(device, calls, links.total, "NVLink CRC flit", ErrorCounter::DlCrcFlit);
    links.crc_data = sum(device, calls, links.total, "NVLink CRC data", ErrorCounter::DlCrcData);
    version_5(device, calls, &mut links);
    Some(links)
}

/// What is counted of `NVLink` 5, by link.
const VERSION_5: [u32; 4] = [
    id::NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS,
    id::NVML_FI_DEV_NVLINK_COUNT_LINK_RECOVERY_FAILED_EVENTS,
    id::NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_ERRORS,
    id::NVML_FI_DEV_NVLINK_COUNT_EFFECTIVE_BER,
];

fn version_5(device: &Device<'_>, calls: &mut Calls<'_>, links: &mut NvLinks) {
    // Of a GPU whose links are all down it is not known whether they would have any.
    if links.active == 0 {
        return;
    }
    let fields = || raw::link_fields(device, links.total, VERSION_5);
    let Some(read) = calls.ask("NVLink 5 counters", fields) else { return };
    let sum = |at: usize| read.iter().filter_map(|link| link[at]).reduce(u64::saturating_add);
    (links.link_recoveries, links.failed_recoveries, links.effective_errors) = (sum(0), sum(1), sum(2));
    let rates = (0..).zip(&read).filter_map(|(link, fields)| Some(rate(link, fields[3]?)));
    links.worst_ber = rates.max_by_key(|rate| (rate.power_of_ten(), rate.mantissa));
}

/// `NVML_NVLINK_ERROR_COUNTER_BER_GET` of nvml.h.
fn rate(link: u8, value: u64) -> BitErrorRate {
    let part = |shift: u32, width: u32| u8::try_from(value >> shift & u64::from(width)).unwrap_or(u8::MAX);
    BitErrorRate {
        link,
        mantissa: part(sys::NVML_NVLINK_BER_MANTISSA_SHIFT, sys::NVML_NVLINK_BER_MANTISSA_WIDTH),
        exponent: part(sys::NVML_NVLINK_BER_EXP_SHIFT, sys::NVML_NVLINK_BER_EXP_WIDTH),
    }
}

/// The counter of all links that have it; none, if no link has it, or one did not answer.
fn sum(
    device: &Device<'_>,
    calls: &mut Calls<'_>,
    links: u8,
    what: &'static str,
    counter: ErrorCounter,
) -> Option<u64> {
    if !calls.supports(what) {
        return None;
    }
    let (mut sum, mut never) = (None, true);
    for link in 0..links {
        match calls.hear(|| device.link_wrapper_for(link.into()).error_counter(counter)) {
            Ok(count) => sum = Some(sum.unwrap_or(0_u64).saturating_add(count)),
            Err(Refusal::Never) => {}
            // A link that is down may not be asked.
            Err(Refusal::NotNow) => never = false,
            Err(_) => return None,
        }
    }
    if sum.is_none() && never {
        calls.forgo(what);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_error_rate_is_a_mantissa_and_an_exponent() {
        let read = rate(7, 0x30c);
        assert_eq!((read.mantissa, read.exponent, read.power_of_ten()), (3, 12, -12));
        assert_eq!(rate(0, 0xf0c).power_of_ten(), -11, "15e-12");
        assert_eq!(rate(0, 0x00ff).power_of_ten(), -255, "none");
    }
}
