//! Which devices there are, and what becomes of those that are lost.

use crate::{fake, init};
use nvml_wrapper::{enum_wrappers::device::TemperatureSensor, error::NvmlError};
use tests::harness::nvml_state::State;

#[test]
fn devices_are_found_by_all_that_identifies_them() {
    let (_folder, fake) = fake(State::with_gpus(3));
    let nvml = init(fake.library()).unwrap();
    assert_eq!(nvml.sys_driver_version().unwrap(), "580.95.05");
    assert_eq!(nvml.sys_nvml_version().unwrap(), "13.580.95.05");
    assert_eq!(nvml.sys_cuda_driver_version().unwrap(), 13_000);
    assert_eq!(nvml.device_count().unwrap(), 3);
    let known = fake.state().gpus[2].clone();
    let bus = known.pci_bus_id.to_lowercase();
    for device in [nvml.device_by_index(2), nvml.device_by_uuid(&*known.uuid), nvml.device_by_pci_bus_id(bus)] {
        let device = device.unwrap();
        assert_eq!(device.index().unwrap(), 2);
        assert_eq!(device.uuid().unwrap(), known.uuid);
        assert_eq!(device.name().unwrap(), "NVIDIA H100 80GB HBM3");
        assert_eq!(Some(device.serial().unwrap()), known.serial);
        assert_eq!(device.minor_number().unwrap(), 2);
        let pci = device.pci_info().unwrap();
        assert_eq!((pci.bus_id, pci.bus, pci.device), ("00000000:12:00.0".into(), 0x12, 0));
        assert_eq!(pci.pci_device_id, 0x2330_10de);
    }
    fails!(nvml.device_by_index(3), NvmlError::InvalidArg);
    fails!(nvml.device_by_uuid("GPU-none"), NvmlError::NotFound);
    fails!(nvml.device_by_pci_bus_id("00000000:FF:00.0"), NvmlError::NotFound);
    nvml.shutdown().unwrap();
}

#[test]
fn a_lost_gpu_is_lost_to_those_who_hold_it() {
    let (_folder, fake) = fake(State::with_gpus(2));
    let nvml = init(fake.library()).unwrap();
    let (device, other) = (nvml.device_by_index(0).unwrap(), nvml.device_by_index(1).unwrap());
    fake.change(|state| state.gpus[0].lost = true).unwrap();
    fails!(device.temperature(TemperatureSensor::Gpu), NvmlError::GpuLost);
    fails!(device.uuid(), NvmlError::GpuLost);
    fails!(device.index(), NvmlError::GpuLost);
    fails!(device.name(), NvmlError::GpuLost);
    fails!(nvml.device_by_index(0), NvmlError::GpuLost);
    fails!(nvml.device_by_uuid(&*fake.state().gpus[0].uuid), NvmlError::GpuLost);
    assert_eq!(device.pci_info().unwrap().bus_id, "00000000:10:00.0");
    assert_eq!(nvml.device_count().unwrap(), 2);
    // The handle of the other one stays its own, even if its index does not.
    fake.change(|state| state.gpus.remove(0)).unwrap();
    assert_eq!(other.index().unwrap(), 0);
    assert_eq!(other.uuid().unwrap(), fake.state().gpus[0].uuid);
    fails!(device.power_usage(), NvmlError::GpuLost);
    fake.change(|state| state.gpus[0].reset_required = true).unwrap();
    fails!(other.power_usage(), NvmlError::ResetRequired);
    assert!(other.uuid().is_ok());
}
