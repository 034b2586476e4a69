//! MIG devices, and what nvml-wrapper has no function for.

#![expect(unsafe_code, reason = "what nvml-wrapper leaves out is called as C has it")]

use crate::{fake, init, one};
use nvml_wrapper::{Device, enums::gpm::GpmMetricId, error::NvmlError, gpm::gpm_metrics_get};
use nvml_wrapper_sys::bindings::{
    NvmlLib, nvmlDevice_t, nvmlEccSramErrorStatus_t, nvmlGpuFabricInfo_v3_t, nvmlReturn_t,
};
use std::{collections::BTreeMap, ffi::c_uint, mem};
use tests::harness::nvml_state::{Memory, Mig, MigInstance, Mode, Process, SramEcc, State};

fn two_instances() -> State {
    let second = MigInstance {
        uuid: "MIG-00000000-0000-5000-8000-000000000001".into(),
        profile: "2g.20gb".into(),
        gpu_instance: 5,
        gpu_slices: 2,
        compute_slices: 2,
        memory: Some(Memory { total: 20 << 30, used: 1 << 30, ..Memory::default() }),
        gpm: Some(BTreeMap::from([(1, 12.5)])),
        ..MigInstance::default()
    };
    one(|gpu| {
        let on = Mode { current: true, pending: true };
        gpu.mig = Some(Mig { mode: on, instances: vec![MigInstance::default(), second] });
        let process = Process { pid: 1, gpu_instance: Some(7), ..Process::default() };
        let other = Process { pid: 2, gpu_instance: Some(5), compute_instance: Some(0), memory: Some(9) };
        gpu.compute_processes = Some(vec![process, other]);
    })
}

#[test]
fn instances_are_devices_of_their_own() {
    let (_folder, fake) = fake(two_instances());
    let nvml = init(fake.library()).unwrap();
    let gpu = nvml.device_by_index(0).unwrap();
    assert_eq!(gpu.mig_mode().unwrap().current, 1);
    assert_eq!(gpu.mig_device_count().unwrap(), 7);
    fails!(gpu.mig_device_by_index(2), NvmlError::NotFound);
    assert!(!gpu.mig_is_mig_device_handle().unwrap());
    assert_eq!(gpu.running_compute_processes().unwrap().len(), 2);
    let instance = gpu.mig_device_by_index(1).unwrap();
    assert!(instance.mig_is_mig_device_handle().unwrap());
    assert_eq!(instance.uuid().unwrap(), "MIG-00000000-0000-5000-8000-000000000001");
    assert_eq!(instance.name().unwrap(), "NVIDIA H100 80GB HBM3 MIG 2g.20gb");
    assert_eq!(instance.index().unwrap(), 1);
    assert_eq!(instance.memory_info().unwrap().used, 1 << 30);
    assert_eq!(instance.mig_parent_device().unwrap().uuid().unwrap(), gpu.uuid().unwrap());
    let attributes = instance.attributes().unwrap();
    assert_eq!((attributes.gpu_instance_slice_count, attributes.memory_size_mb), (2, 20 << 10));
    let processes = instance.running_compute_processes().unwrap();
    assert_eq!(processes.iter().map(|process| process.pid).collect::<Vec<_>>(), [2]);
    fails!(instance.utilization_rates(), NvmlError::NotSupported);
    fails!(gpu.mig_parent_device(), NvmlError::InvalidArg);
    let found = nvml.device_by_uuid("MIG-00000000-0000-5000-8000-000000000001").unwrap();
    assert_eq!(found.index().unwrap(), 1);
    let (first, second) = (gpu.gpm_mig_sample(5).unwrap(), gpu.gpm_mig_sample(5).unwrap());
    let metrics = gpm_metrics_get(&nvml, &first, &second, &[GpmMetricId::GraphicsUtil]).unwrap();
    assert!(metrics[0].as_ref().is_ok_and(|metric| (metric.value - 12.5).abs() < f64::EPSILON), "{metrics:?}");
    fails!(gpu.gpm_mig_sample(6), NvmlError::InvalidArg);
    let library = nvml.lib();
    assert_eq!(id(&instance, library.nvmlDeviceGetGpuInstanceId.as_ref().unwrap()), (0, 5));
    assert_eq!(id(&instance, library.nvmlDeviceGetComputeInstanceId.as_ref().unwrap()), (0, 0));
    assert_eq!(id(&gpu, library.nvmlDeviceGetGpuInstanceId.as_ref().unwrap()).0, 3);
    fake.change(|state| state.gpus[0].mig = Some(Mig::default())).unwrap();
    assert_eq!(gpu.mig_device_count().unwrap(), 0);
    fails!(instance.uuid(), NvmlError::InvalidArg);
}

/// The code and the number that a function answers for a device.
fn id(
    device: &Device,
    ask: &unsafe extern "C" fn(nvmlDevice_t, *mut c_uint) -> nvmlReturn_t,
) -> (nvmlReturn_t, c_uint) {
    let mut id = 0;
    // SAFETY: the library that the device is of is loaded, and there is room for the number.
    let code = unsafe { ask(device.handle(), &raw mut id) };
    (code, id)
}

#[test]
fn structures_have_to_say_their_version() {
    let (_folder, fake) = fake(one(|gpu| {
        gpu.sram_ecc = Some(SramEcc { aggregate_unc_bucket_sm: 3, threshold_exceeded: true, ..SramEcc::default() });
        gpu.remapped_rows.as_mut().unwrap().failure = true;
    }));
    let nvml = init(fake.library()).unwrap();
    let (library, device): (&NvmlLib, _) = (nvml.lib(), nvml.device_by_index(0).unwrap());
    // SAFETY: the structures are made of numbers; and the library that the device is of is loaded.
    let (mut sram, mut fabric, handle) = unsafe {
        (mem::zeroed::<nvmlEccSramErrorStatus_t>(), mem::zeroed::<nvmlGpuFabricInfo_v3_t>(), device.handle())
    };
    for (version, answer) in [(0, 25), (version::<nvmlEccSramErrorStatus_t>(1), 0)] {
        sram.version = version;
        // SAFETY: the structure is as its version says, or has none.
        assert_eq!(unsafe { library.nvmlDeviceGetSramEccErrorStatus(handle, &raw mut sram) }, answer);
    }
    assert_eq!((sram.aggregateUncBucketSm, sram.bThresholdExceeded), (3, 1));
    for (version, answer) in [(0, 25), (version::<nvmlGpuFabricInfo_v3_t>(3), 0)] {
        fabric.version = version;
        // SAFETY: the structure is as its version says, or has none.
        assert_eq!(unsafe { library.nvmlDeviceGetGpuFabricInfoV(handle, &raw mut fabric) }, answer);
    }
    assert_eq!((fabric.state, fabric.healthSummary), (3, 1));
    let mut rows = [9; 4];
    let [corrected, uncorrected, pending, failure] = &mut rows;
    // SAFETY: there is room for the numbers.
    let answer = unsafe { library.nvmlDeviceGetRemappedRows(handle, corrected, uncorrected, pending, failure) };
    assert_eq!((answer, rows), (0, [0, 0, 0, 1]));
}

fn version<T>(layout: u32) -> u32 {
    u32::try_from(size_of::<T>()).expect("a small structure") | layout << 24
}
