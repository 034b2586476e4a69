//! A GPU's `NVLinks`.
use super::calls::{Calls, Refusal};
use crate::source::NvLinks;
use nvml_wrapper::{Device, enum_wrappers::nv_link::ErrorCounter};

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
    Some(links)
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
