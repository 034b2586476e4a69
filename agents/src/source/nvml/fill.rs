//! One GPU's readings: which call gives which.
use super::{
    calls::{Calls, Refusal},
    links, raw,
    schedule::Group,
};
use crate::source::{Ecc, Memory, Pcie, Readings, Retired, Throttle, Violations};
use nvml_wrapper::{
    Device,
    enum_wrappers::device::{
        Clock, EccCounter, MemoryError, PerformancePolicy, RetirementCause, TemperatureSensor, TemperatureThreshold,
    },
};

/// What moves: asked at every look.
pub(super) fn fast(device: &Device<'_>, calls: &mut Calls<'_>, into: &mut Readings) {
    let utilization = calls.ask("utilization", || device.utilization_rates());
    into.gpu_utilization = utilization.as_ref().map(|rates| per_cent(rates.gpu));
    into.memory_utilization = utilization.map(|rates| per_cent(rates.memory));
    into.encoder_utilization =
        calls.ask("encoder utilization", || device.encoder_utilization()).map(|info| per_cent(info.utilization));
    into.decoder_utilization =
        calls.ask("decoder utilization", || device.decoder_utilization()).map(|info| per_cent(info.utilization));
    let memory = calls.ask("memory", || device.memory_info());
    into.memory = memory.map_or_else(Memory::default, |info| Memory {
        used: Some(info.used),
        free: Some(info.free),
        reserved: Some(info.reserved),
    });
    into.temperatures.gpu = calls.ask("temperature", || device.temperature(TemperatureSensor::Gpu)).and_then(degrees);
    into.power_mw = calls.ask("power", || device.power_usage());
    into.energy_mj = calls.ask("energy", || device.total_energy_consumption());
    into.sm_clock_mhz = calls.ask("SM clock", || device.clock_info(Clock::SM));
    into.memory_clock_mhz = calls.ask("memory clock", || device.clock_info(Clock::Memory));
    into.throttle =
        calls.ask("throttle reasons", || device.current_throttle_reasons()).map(|reasons| Throttle(reasons.bits()));
    into.pcie.generation = calls.ask("PCIe generation", || device.current_pcie_link_gen());
    into.pcie.width = calls.ask("PCIe width", || device.current_pcie_link_width());
}

/// What changes slowly, one group of it.
pub(super) fn slow(group: Group, device: &Device<'_>, calls: &mut Calls<'_>, into: &mut Readings) {
    match group {
        Group::Counters => counters(device, calls, into),
        Group::Settings => settings(device, calls, into),
        Group::InfoRom => info_rom(device, calls, into),
    }
}

fn counters(device: &Device<'_>, calls: &mut Calls<'_>, into: &mut Readings) {
    use EccCounter::{Aggregate, Volatile};
    use MemoryError::{Corrected, Uncorrected};
    into.temperatures.margin = calls.ask("thermal margin", || raw::thermal_margin(device));
    into.ecc = Ecc {
        corrected: calls.ask("ECC corrected", || device.total_ecc_errors(Corrected, Volatile)),
        uncorrected: calls.ask("ECC uncorrected", || device.total_ecc_errors(Uncorrected, Volatile)),
        corrected_ever: calls.ask("ECC corrected ever", || device.total_ecc_errors(Corrected, Aggregate)),
        uncorrected_ever: calls.ask("ECC uncorrected ever", || device.total_ecc_errors(Uncorrected, Aggregate)),
        sram_threshold_exceeded: calls.ask("SRAM threshold", || raw::sram_threshold_exceeded(device)),
        ..into.ecc
    };
    into.violations = Violations {
        power_ns: held_back(device, calls, "power violations", PerformancePolicy::Power),
        thermal_ns: held_back(device, calls, "thermal violations", PerformancePolicy::Thermal),
    };
    into.pcie.replays = calls.ask("PCIe replays", || device.pcie_replay_counter()).map(u64::from);
    into.nvlinks = links::read(device, calls);
    into.fabric = calls.ask("fabric", || raw::fabric(device));
}

fn settings(device: &Device<'_>, calls: &mut Calls<'_>, into: &mut Readings) {
    let limit = |calls: &mut Calls<'_>, what, threshold| {
        calls.ask(what, || device.temperature_threshold(threshold)).and_then(degrees)
    };
    into.temperatures.slowdown = limit(calls, "slowdown limit", TemperatureThreshold::Slowdown);
    into.temperatures.shutdown = limit(calls, "shutdown limit", TemperatureThreshold::Shutdown);
    into.temperatures.memory_max = limit(calls, "memory limit", TemperatureThreshold::MemoryMax);
    into.temperatures.slowdown_margin = calls.ask("slowdown margin", || raw::slowdown_margin(device));
    into.power_limit_mw = calls.ask("power limit", || device.enforced_power_limit());
    into.pcie = Pcie {
        generation_max: calls.ask("PCIe generation max", || device.max_pcie_link_gen()),
        width_max: calls.ask("PCIe width max", || device.max_pcie_link_width()),
        ..into.pcie
    };
    let ecc = calls.ask("ECC mode", || device.is_ecc_enabled());
    into.ecc.enabled = ecc.as_ref().map(|mode| mode.currently_enabled);
    into.ecc.pending = ecc.map(|mode| mode.pending_enabled);
    into.retired = Retired {
        single_bit: retired(device, calls, "pages single-bit", RetirementCause::MultipleSingleBitEccErrors),
        double_bit: retired(device, calls, "pages double-bit", RetirementCause::DoubleBitEccError),
        pending: calls.ask("pages pending", || device.are_pages_pending_retired()),
    };
    into.persistence = calls.ask("persistence", || device.is_in_persistent_mode());
}

fn info_rom(device: &Device<'_>, calls: &mut Calls<'_>, into: &mut Readings) {
    if !calls.supports("info ROM") {
        return;
    }
    into.info_rom_valid = match calls.hear(|| device.validate_info_rom()) {
        Ok(()) => Some(true),
        Err(Refusal::Corrupt) => Some(false),
        Err(Refusal::Never) => {
            calls.forgo("info ROM");
            None
        }
        // What was found an hour ago holds until it is found otherwise.
        Err(Refusal::Ended | Refusal::Lost | Refusal::ResetRequired | Refusal::Silent | Refusal::NotNow) => {
            into.info_rom_valid
        }
    };
}

fn held_back(device: &Device<'_>, calls: &mut Calls<'_>, what: &'static str, policy: PerformancePolicy) -> Option<u64> {
    calls.ask(what, || device.violation_status(policy)).map(|time| time.violation_time)
}

fn retired(device: &Device<'_>, calls: &mut Calls<'_>, what: &'static str, cause: RetirementCause) -> Option<u32> {
    calls.ask(what, || device.retired_pages(cause)).map(|pages| u32::try_from(pages.len()).unwrap_or(u32::MAX))
}

fn per_cent(value: u32) -> u8 {
    u8::try_from(value.min(100)).unwrap_or(100)
}

fn degrees(value: u32) -> Option<i32> {
    i32::try_from(value).ok()
}
