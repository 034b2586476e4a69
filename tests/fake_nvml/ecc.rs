//! Memory errors, and what became of the memory.

use crate::{
    call::{Answer, INSUFFICIENT_SIZE, INVALID_ARGUMENT, NOT_SUPPORTED, Place, check_version, put, put_reading},
    identity::number,
    state::RetiredPages,
};
use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlEccCounterType_t, nvmlEccSramErrorStatus_t, nvmlEnableState_t, nvmlMemoryErrorType_t,
    nvmlPageRetirementCause_t,
};
use std::ffi::{c_uint, c_ulonglong};

export! {
    fn nvmlDeviceGetEccMode(
        call, device: nvmlDevice_t, current: Place<nvmlEnableState_t>, pending: Place<nvmlEnableState_t>,
    ) {
        let known = call.gpu(device)?.ecc.ok_or(NOT_SUPPORTED)?;
        put(current, known.current.into())?;
        put(pending, known.pending.into())
    }

    fn nvmlDeviceGetTotalEccErrors(
        call,
        device: nvmlDevice_t,
        kind: nvmlMemoryErrorType_t,
        counter: nvmlEccCounterType_t,
        count: Place<c_ulonglong>,
    ) {
        let known = call.gpu(device)?.ecc_errors.ok_or(NOT_SUPPORTED)?;
        let known = match (kind, counter) {
            (0, 0) => known.corrected_volatile,
            (0, 1) => known.corrected_aggregate,
            (1, 0) => known.uncorrected_volatile,
            (1, 1) => known.uncorrected_aggregate,
            _ => return Err(INVALID_ARGUMENT),
        };
        put_reading(count, known)
    }

    fn nvmlDeviceGetSramEccErrorStatus(call, device: nvmlDevice_t, status: Place<nvmlEccSramErrorStatus_t>) {
        let gpu = call.gpu(device)?;
        let place = status.ok_or(INVALID_ARGUMENT)?;
        check_version::<nvmlEccSramErrorStatus_t>(place.version, 1)?;
        let known = gpu.sram_ecc.ok_or(NOT_SUPPORTED)?;
        *place = nvmlEccSramErrorStatus_t {
            version: place.version,
            aggregateUncParity: known.aggregate_unc_parity,
            aggregateUncSecDed: known.aggregate_unc_sec_ded,
            aggregateCor: known.aggregate_cor,
            volatileUncParity: known.volatile_unc_parity,
            volatileUncSecDed: known.volatile_unc_sec_ded,
            volatileCor: known.volatile_cor,
            aggregateUncBucketL2: known.aggregate_unc_bucket_l2,
            aggregateUncBucketSm: known.aggregate_unc_bucket_sm,
            aggregateUncBucketPcie: known.aggregate_unc_bucket_pcie,
            aggregateUncBucketMcu: known.aggregate_unc_bucket_mcu,
            aggregateUncBucketOther: known.aggregate_unc_bucket_other,
            bThresholdExceeded: known.threshold_exceeded.into(),
        };
        Ok(())
    }

    fn nvmlDeviceGetRemappedRows(
        call,
        device: nvmlDevice_t,
        corrected: Place<c_uint>,
        uncorrected: Place<c_uint>,
        pending: Place<c_uint>,
        failure: Place<c_uint>,
    ) {
        let known = call.present(device)?.gpu.remapped_rows.ok_or(NOT_SUPPORTED)?;
        put(corrected, known.corrected)?;
        put(uncorrected, known.uncorrected)?;
        put(pending, known.pending.into())?;
        put(failure, known.failure.into())
    }

    fn nvmlDeviceGetRetiredPages(
        call,
        device: nvmlDevice_t,
        cause: nvmlPageRetirementCause_t,
        count: Place<c_uint>,
        addresses: *mut c_ulonglong,
    ) {
        let known = pages(call.gpu(device)?.retired_pages.as_ref(), cause)?;
        // SAFETY: the caller says how much room there is.
        unsafe { list(count, known, addresses, None) }
    }

    fn nvmlDeviceGetRetiredPages_v2(
        call,
        device: nvmlDevice_t,
        cause: nvmlPageRetirementCause_t,
        count: Place<c_uint>,
        addresses: *mut c_ulonglong,
        times: *mut c_ulonglong,
    ) {
        let known = pages(call.gpu(device)?.retired_pages.as_ref(), cause)?;
        // SAFETY: the caller says how much room there is.
        unsafe { list(count, known, addresses, Some(times)) }
    }

    fn nvmlDeviceGetRetiredPagesPendingStatus(call, device: nvmlDevice_t, pending: Place<nvmlEnableState_t>) {
        put_reading(pending, call.gpu(device)?.retired_pages.as_ref().map(|pages| pages.pending.into()))
    }
}

fn pages(known: Option<&RetiredPages>, cause: nvmlPageRetirementCause_t) -> Answer<&[(u64, u64)]> {
    let known = known.ok_or(NOT_SUPPORTED)?;
    match cause {
        0 => Ok(&known.single_bit),
        1 => Ok(&known.double_bit),
        _ => Err(INVALID_ARGUMENT),
    }
}

/// Writes addresses and times.
///
/// # Safety
/// There is room for the count at both places, unless they are null.
unsafe fn list(
    count: Place<c_uint>,
    pages: &[(u64, u64)],
    addresses: *mut c_ulonglong,
    times: Option<*mut c_ulonglong>,
) -> Answer {
    let count = count.ok_or(INVALID_ARGUMENT)?;
    let room = std::mem::replace(count, number(pages.len())?);
    if room < *count {
        return Err(INSUFFICIENT_SIZE);
    }
    if *count > 0 && (addresses.is_null() || times.is_some_and(<*mut _>::is_null)) {
        return Err(INVALID_ARGUMENT);
    }
    for (offset, (address, time)) in pages.iter().enumerate() {
        // SAFETY: there are no more pages than there is room for.
        unsafe { addresses.add(offset).write(*address) };
        if let Some(times) = times {
            // SAFETY: the same.
            unsafe { times.add(offset).write(*time) };
        }
    }
    Ok(())
}
