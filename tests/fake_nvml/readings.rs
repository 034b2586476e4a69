//! What can be read of a device in one number, or a few.

use crate::call::{CORRUPTED_INFOROM, INVALID_ARGUMENT, NOT_SUPPORTED, Place, check_version, put, put_reading};
use nvml_wrapper_sys::bindings::{
    nvmlClockType_t, nvmlDevice_t, nvmlEnableState_t, nvmlMarginTemperature_v1_t, nvmlMemory_v2_t,
    nvmlPcieUtilCounter_t, nvmlPerfPolicyType_t, nvmlTemperatureSensors_t, nvmlTemperatureThresholds_t,
    nvmlUtilization_t, nvmlViolationTime_t,
};
use std::ffi::{c_uint, c_ulonglong};

/// Over which utilization is measured, in microseconds.
const SAMPLING_PERIOD: c_uint = 167_000;

export! {
    fn nvmlDeviceGetMemoryInfo_v2(call, device: nvmlDevice_t, memory: Place<nvmlMemory_v2_t>) {
        let device = call.readable(device)?;
        let place = memory.ok_or(INVALID_ARGUMENT)?;
        check_version::<nvmlMemory_v2_t>(place.version, 2)?;
        let known = device.instance.map_or(device.gpu.memory, |(_, instance)| instance.memory).ok_or(NOT_SUPPORTED)?;
        *place = nvmlMemory_v2_t {
            version: place.version,
            total: known.total,
            reserved: known.reserved,
            free: known.free,
            used: known.used,
        };
        Ok(())
    }

    fn nvmlDeviceGetUtilizationRates(call, device: nvmlDevice_t, utilization: Place<nvmlUtilization_t>) {
        let known = call.gpu(device)?.utilization;
        put_reading(utilization, known.map(|known| nvmlUtilization_t { gpu: known.gpu, memory: known.memory }))
    }

    fn nvmlDeviceGetEncoderUtilization(
        call, device: nvmlDevice_t, utilization: Place<c_uint>, period: Place<c_uint>,
    ) {
        put_reading(utilization, call.gpu(device)?.encoder_utilization)?;
        put(period, SAMPLING_PERIOD)
    }

    fn nvmlDeviceGetDecoderUtilization(
        call, device: nvmlDevice_t, utilization: Place<c_uint>, period: Place<c_uint>,
    ) {
        put_reading(utilization, call.gpu(device)?.decoder_utilization)?;
        put(period, SAMPLING_PERIOD)
    }

    fn nvmlDeviceGetTemperature(
        call, device: nvmlDevice_t, sensor: nvmlTemperatureSensors_t, temperature: Place<c_uint>,
    ) {
        // There is one sensor: NVML_TEMPERATURE_GPU.
        if sensor != 0 {
            return Err(INVALID_ARGUMENT);
        }
        put_reading(temperature, call.gpu(device)?.temperature)
    }

    fn nvmlDeviceGetTemperatureThreshold(
        call, device: nvmlDevice_t, kind: nvmlTemperatureThresholds_t, temperature: Place<c_uint>,
    ) {
        put_reading(temperature, call.gpu(device)?.temperature_thresholds.get(&kind).copied())
    }

    fn nvmlDeviceGetMarginTemperature(call, device: nvmlDevice_t, margin: Place<nvmlMarginTemperature_v1_t>) {
        let gpu = call.gpu(device)?;
        let place = margin.ok_or(INVALID_ARGUMENT)?;
        check_version::<nvmlMarginTemperature_v1_t>(place.version, 1)?;
        place.marginTemperature = gpu.thermal_margin.ok_or(NOT_SUPPORTED)?;
        Ok(())
    }

    fn nvmlDeviceGetPowerUsage(call, device: nvmlDevice_t, power: Place<c_uint>) {
        put_reading(power, call.gpu(device)?.power_mw)
    }

    fn nvmlDeviceGetEnforcedPowerLimit(call, device: nvmlDevice_t, limit: Place<c_uint>) {
        put_reading(limit, call.gpu(device)?.power_limit_mw)
    }

    fn nvmlDeviceGetTotalEnergyConsumption(call, device: nvmlDevice_t, energy: Place<c_ulonglong>) {
        put_reading(energy, call.gpu(device)?.energy_mj)
    }

    fn nvmlDeviceGetClockInfo(call, device: nvmlDevice_t, kind: nvmlClockType_t, clock: Place<c_uint>) {
        put_reading(clock, call.gpu(device)?.clocks.get(&kind).copied())
    }

    fn nvmlDeviceGetMaxClockInfo(call, device: nvmlDevice_t, kind: nvmlClockType_t, clock: Place<c_uint>) {
        put_reading(clock, call.gpu(device)?.max_clocks.get(&kind).copied())
    }

    fn nvmlDeviceGetCurrentClocksThrottleReasons(call, device: nvmlDevice_t, reasons: Place<c_ulonglong>) {
        put_reading(reasons, call.gpu(device)?.throttle_reasons)
    }

    fn nvmlDeviceGetCurrentClocksEventReasons(call, device: nvmlDevice_t, reasons: Place<c_ulonglong>) {
        put_reading(reasons, call.gpu(device)?.throttle_reasons)
    }

    fn nvmlDeviceGetCurrPcieLinkGeneration(call, device: nvmlDevice_t, generation: Place<c_uint>) {
        put_reading(generation, call.gpu(device)?.pcie.generation)
    }

    fn nvmlDeviceGetCurrPcieLinkWidth(call, device: nvmlDevice_t, width: Place<c_uint>) {
        put_reading(width, call.gpu(device)?.pcie.width)
    }

    fn nvmlDeviceGetMaxPcieLinkGeneration(call, device: nvmlDevice_t, generation: Place<c_uint>) {
        put_reading(generation, call.gpu(device)?.pcie.max_generation)
    }

    fn nvmlDeviceGetMaxPcieLinkWidth(call, device: nvmlDevice_t, width: Place<c_uint>) {
        put_reading(width, call.gpu(device)?.pcie.max_width)
    }

    fn nvmlDeviceGetPcieReplayCounter(call, device: nvmlDevice_t, replays: Place<c_uint>) {
        put_reading(replays, call.gpu(device)?.pcie.replays)
    }

    fn nvmlDeviceGetPcieThroughput(
        call, device: nvmlDevice_t, counter: nvmlPcieUtilCounter_t, throughput: Place<c_uint>,
    ) {
        let pcie = &call.gpu(device)?.pcie;
        let known = match counter {
            0 => pcie.transmitted,
            1 => pcie.received,
            _ => return Err(INVALID_ARGUMENT),
        };
        put_reading(throughput, known)
    }

    fn nvmlDeviceGetPersistenceMode(call, device: nvmlDevice_t, mode: Place<nvmlEnableState_t>) {
        put_reading(mode, call.gpu(device)?.persistence.map(nvmlEnableState_t::from))
    }

    fn nvmlDeviceValidateInforom(call, device: nvmlDevice_t) {
        match call.gpu(device)?.info_rom_valid {
            Some(true) => Ok(()),
            Some(false) => Err(CORRUPTED_INFOROM),
            None => Err(NOT_SUPPORTED),
        }
    }

    fn nvmlDeviceGetViolationStatus(
        call, device: nvmlDevice_t, policy: nvmlPerfPolicyType_t, violation: Place<nvmlViolationTime_t>,
    ) {
        let known = call.gpu(device)?.violations_ns.get(&policy);
        let known = known.map(|time| nvmlViolationTime_t { referenceTime: 0, violationTime: *time });
        put_reading(violation, known)
    }
}
