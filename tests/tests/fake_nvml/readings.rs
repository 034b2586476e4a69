//! Readings that are there, and readings that are not.

use crate::{fake, init, one};
use nvml_wrapper::{
    enum_wrappers::{
        device::{
            Clock, EccCounter, MemoryError, PcieUtilCounter, PerformancePolicy, RetirementCause, TemperatureSensor,
            TemperatureThreshold,
        },
        nv_link::ErrorCounter,
    },
    enums::{
        device::{SampleValue, UsedGpuMemory},
        gpm::GpmMetricId,
    },
    error::NvmlError,
    gpm::gpm_metrics_get,
    structs::device::FieldId,
};
use std::collections::BTreeMap;
use tests::harness::nvml_state::{NvLink, Process, RemappedRows, RetiredPages};

#[test]
fn readings_are_what_the_state_says() {
    let (_folder, fake) = fake(one(|gpu| {
        gpu.temperature = Some(71);
        gpu.ecc_errors.as_mut().unwrap().uncorrected_aggregate = Some(5);
        gpu.pcie.received = Some(77);
        gpu.violations_ns.insert(1, 9);
        gpu.compute_processes = Some(vec![Process { pid: 12, ..Process::default() }]);
        gpu.retired_pages = Some(RetiredPages { double_bit: vec![(4096, 17)], ..Default::default() });
    }));
    let nvml = init(fake.library()).unwrap();
    let device = nvml.device_by_index(0).unwrap();
    let memory = device.memory_info().unwrap();
    assert_eq!((memory.total, memory.used, memory.total - memory.free), (85_520_809_984, 0, memory.reserved));
    assert_eq!(device.utilization_rates().unwrap().gpu, 0);
    assert_eq!(device.encoder_utilization().unwrap().utilization, 0);
    assert_eq!(device.decoder_utilization().unwrap().utilization, 0);
    assert_eq!(device.temperature(TemperatureSensor::Gpu).unwrap(), 71);
    assert_eq!(device.temperature_threshold(TemperatureThreshold::Shutdown).unwrap(), 92);
    fails!(device.temperature_threshold(TemperatureThreshold::AcousticMin), NvmlError::NotSupported);
    assert_eq!(device.power_usage().unwrap(), 71_250);
    assert_eq!(device.enforced_power_limit().unwrap(), 700_000);
    assert_eq!(device.total_energy_consumption().unwrap(), 1_234_567);
    assert_eq!(device.clock_info(Clock::Memory).unwrap(), 2619);
    assert_eq!(device.max_clock_info(Clock::SM).unwrap(), 1980);
    assert_eq!(device.current_throttle_reasons().unwrap().bits(), 1);
    let ecc = device.is_ecc_enabled().unwrap();
    assert!(ecc.currently_enabled && ecc.pending_enabled);
    assert_eq!(device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Aggregate).unwrap(), 5);
    assert_eq!(device.total_ecc_errors(MemoryError::Corrected, EccCounter::Volatile).unwrap(), 0);
    let pages = device.retired_pages(RetirementCause::DoubleBitEccError).unwrap();
    assert_eq!(pages.iter().map(|page| (page.address, page.timestamp)).collect::<Vec<_>>(), [(4096, 17)]);
    assert!(device.retired_pages(RetirementCause::MultipleSingleBitEccErrors).unwrap().is_empty());
    assert!(!device.are_pages_pending_retired().unwrap());
    let link = [device.current_pcie_link_gen(), device.max_pcie_link_gen(), device.current_pcie_link_width()];
    assert_eq!(link.map(Result::unwrap), [5, 5, 16]);
    assert_eq!(device.max_pcie_link_width().unwrap(), 16);
    assert_eq!(device.pcie_replay_counter().unwrap(), 0);
    assert_eq!(device.pcie_throughput(PcieUtilCounter::Receive).unwrap(), 77);
    assert!(device.is_in_persistent_mode().unwrap());
    device.validate_info_rom().unwrap();
    assert_eq!(device.violation_status(PerformancePolicy::Thermal).unwrap().violation_time, 9);
    let processes = device.running_compute_processes().unwrap();
    assert_eq!(processes.len(), 1);
    assert_eq!((processes[0].pid, processes[0].gpu_instance_id), (12, None));
    assert!(matches!(processes[0].used_gpu_memory, UsedGpuMemory::Unavailable));
    assert!(device.running_graphics_processes().unwrap().is_empty());
    assert!(device.mps_running_compute_processes().unwrap().is_empty());
    // What changes is seen by the next call.
    fake.change(|state| state.gpus[0].info_rom_valid = Some(false)).unwrap();
    fails!(device.validate_info_rom(), NvmlError::CorruptedInfoROM);
}

#[test]
fn what_is_not_supported_says_so() {
    let (_folder, fake) = fake(one(|gpu| {
        gpu.power_mw = None;
        gpu.utilization = None;
        gpu.ecc = None;
        gpu.serial = None;
        gpu.compute_processes = None;
        gpu.nvlinks = None;
        gpu.mig = None;
        gpu.gpm = None;
    }));
    let nvml = init(fake.library()).unwrap();
    let device = nvml.device_by_index(0).unwrap();
    fails!(device.power_usage(), NvmlError::NotSupported);
    fails!(device.utilization_rates(), NvmlError::NotSupported);
    fails!(device.is_ecc_enabled(), NvmlError::NotSupported);
    fails!(device.serial(), NvmlError::NotSupported);
    fails!(device.running_compute_processes(), NvmlError::NotSupported);
    fails!(device.retired_pages(RetirementCause::DoubleBitEccError), NvmlError::NotSupported);
    fails!(device.link_wrapper_for(0).is_active(), NvmlError::NotSupported);
    fails!(device.mig_mode(), NvmlError::NotSupported);
    assert_eq!(device.mig_device_count().unwrap(), 0);
    assert!(!device.gpm_support().unwrap());
    fails!(device.gpm_sample(), NvmlError::NotSupported);
}

#[test]
fn fields_answer_each_for_itself() {
    let (_folder, fake) = fake(one(|gpu| {
        gpu.memory_temperature = Some(88);
        gpu.remapped_rows = Some(RemappedRows { uncorrected: 2, pending: true, ..RemappedRows::default() });
        gpu.recovery_action = Some(4);
        gpu.fields = BTreeMap::from([(160, 1 << 40)]);
    }));
    let nvml = init(fake.library()).unwrap();
    let device = nvml.device_by_index(0).unwrap();
    let values = device.field_values_for(&[82, 142, 143, 144, 145, 230, 160, 7].map(FieldId)).unwrap();
    let values: Vec<_> = values.into_iter().map(|field| field.unwrap().value.ok()).collect();
    let known = [88, 0, 2, 1, 0, 4].map(|value| Some(SampleValue::U32(value)));
    assert_eq!(values[..6], known);
    assert_eq!(values[6..], [Some(SampleValue::U64(1 << 40)), None]);
}

#[test]
fn links_end_with_the_last_one() {
    let broken = NvLink { active: false, replay: Some(3), crc_data: None, ..NvLink::default() };
    let (_folder, fake) = fake(one(|gpu| gpu.nvlinks = Some(vec![NvLink::default(), broken])));
    let nvml = init(fake.library()).unwrap();
    let device = nvml.device_by_index(0).unwrap();
    assert!(device.link_wrapper_for(0).is_active().unwrap());
    let link = device.link_wrapper_for(1);
    assert!(!link.is_active().unwrap());
    assert_eq!(link.error_counter(ErrorCounter::DlReplay).unwrap(), 3);
    assert_eq!(link.error_counter(ErrorCounter::DlRecovery).unwrap(), 0);
    fails!(link.error_counter(ErrorCounter::DlCrcData), NvmlError::NotSupported);
    fails!(device.link_wrapper_for(2).is_active(), NvmlError::InvalidArg);
    fails!(device.link_wrapper_for(2).error_counter(ErrorCounter::DlReplay), NvmlError::InvalidArg);
}

#[test]
fn performance_is_read_between_two_samples() {
    let (_folder, fake) = fake(one(|gpu| gpu.gpm = Some(BTreeMap::from([(2, 62.5)]))));
    let nvml = init(fake.library()).unwrap();
    let device = nvml.device_by_index(0).unwrap();
    assert!(device.gpm_support().unwrap());
    let (first, second) = (device.gpm_sample().unwrap(), device.gpm_sample().unwrap());
    let asked = [GpmMetricId::SmUtil, GpmMetricId::DramBwUtil];
    let metrics = gpm_metrics_get(&nvml, &first, &second, &asked).unwrap();
    assert!(metrics[0].as_ref().is_ok_and(|metric| (metric.value - 62.5).abs() < f64::EPSILON), "{metrics:?}");
    assert!(matches!(metrics[1], Err(NvmlError::NotSupported)), "{metrics:?}");
    first.free().unwrap();
}
