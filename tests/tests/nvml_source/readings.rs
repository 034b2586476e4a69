//! What is read of GPUs.
use crate::looker::{Looker, readings};
use agents::source::{
    BitErrorRate, Ecc, Fabric, Memory, NvLinks, Owner, Pcie, Process, Profile, Readings, Remap, Retired, State,
    Temperatures, Throttle, Violations, processes::Owners,
};
use std::{path::PathBuf, time::Duration};
use tests::harness::nvml_state as state;

#[tokio::test]
async fn every_reading_of_a_sound_gpu_is_there() {
    let mut state = state::State::with_gpus(8);
    let gpu = &mut state.gpus[5];
    gpu.utilization = Some(state::Utilization { gpu: 83, memory: 41 });
    (gpu.encoder_utilization, gpu.decoder_utilization) = (Some(3), Some(4));
    gpu.memory = Some(state::Memory { total: 80 << 30, reserved: 1 << 30, free: 49 << 30, used: 30 << 30 });
    gpu.ecc_errors = Some(state::EccErrors {
        corrected_volatile: Some(1),
        corrected_aggregate: Some(2),
        uncorrected_volatile: Some(3),
        uncorrected_aggregate: Some(4),
    });
    gpu.remapped_rows = Some(state::RemappedRows { corrected: 5, uncorrected: 6, pending: true, failure: false });
    gpu.retired_pages =
        Some(state::RetiredPages { single_bit: vec![(1, 1), (2, 2)], double_bit: vec![(3, 3)], pending: true });
    gpu.sram_ecc = Some(state::SramEcc { threshold_exceeded: true, ..state::SramEcc::default() });
    gpu.violations_ns = [(0, 70), (1, 80)].into();
    gpu.pcie.width = Some(8);
    gpu.pcie.replays = Some(9);
    gpu.nvlinks.as_mut().unwrap()[2] = state::NvLink { active: false, replay: Some(7), ..state::NvLink::default() };
    gpu.gpm = Some([(1, 0.0), (2, 73.46), (5, 12.5), (10, 50.0), (20, 1.5), (21, 2.0)].into());
    gpu.gpm.as_mut().unwrap().insert(1, 64.0);
    gpu.recovery_action = Some(2);
    gpu.fabric = Some(state::Fabric { state: 2, health_mask: 0b10_1010_1001, ..state::Fabric::default() });
    let mut looker = Looker::new(state);
    looker.all_read().await;
    let devices = looker
        .until("profiling counters, which take two looks", |seen| {
            let devices = seen.devices.as_ref().ok()?;
            (readings(devices, 5).profile != Profile::default()).then(|| devices.clone())
        })
        .await;
    assert_eq!(devices.len(), 8);
    let device = &devices[5];
    assert_eq!(device.device.to_string(), "GPU-00000000-0000-4000-8000-000000000005");
    assert_eq!(device.slot.to_string(), "00000000:15:00.0");
    assert_eq!((device.model.as_str(), device.memory_bytes), ("NVIDIA H100 80GB HBM3", 80 << 30));
    assert_eq!((device.index, device.minor), (Some(5), Some(5)));
    assert_eq!((&device.instances[..], device.processes.as_deref()), (&[][..], Some(&[][..])));
    let expected = Readings {
        gpu_utilization: Some(83),
        memory_utilization: Some(41),
        encoder_utilization: Some(3),
        decoder_utilization: Some(4),
        memory: Memory { used: Some(30 << 30), free: Some(49 << 30), reserved: Some(1 << 30) },
        temperatures: Temperatures {
            gpu: Some(34),
            memory: Some(41),
            slowdown: Some(89),
            shutdown: Some(92),
            memory_max: Some(95),
            margin: Some(53),
            slowdown_margin: Some(-2),
        },
        power_mw: Some(71_250),
        power_limit_mw: Some(700_000),
        energy_mj: Some(1_234_567),
        sm_clock_mhz: Some(345),
        memory_clock_mhz: Some(2619),
        throttle: Some(Throttle::IDLE),
        ecc: Ecc {
            enabled: Some(true),
            pending: Some(true),
            corrected: Some(1),
            uncorrected: Some(3),
            corrected_ever: Some(2),
            uncorrected_ever: Some(4),
            sram_threshold_exceeded: Some(true),
        },
        violations: Violations { power_ns: Some(70), thermal_ns: Some(80) },
        profile: Profile {
            engine_active: Some(640),
            tensor_active: Some(125),
            dram_active: Some(500),
            pcie_sent: Some(1_572_864),
            pcie_received: Some(2_097_152),
        },
        remap: Remap { corrected: Some(5), uncorrected: Some(6), pending: Some(true), failed: Some(false) },
        retired: Retired { single_bit: Some(2), double_bit: Some(1), pending: Some(true) },
        pcie: Pcie {
            generation: Some(5),
            generation_max: Some(5),
            width: Some(8),
            width_max: Some(16),
            replays: Some(9),
        },
        nvlinks: Some(NvLinks {
            total: 18,
            active: 17,
            replays: Some(7),
            recoveries: Some(0),
            crc_flit: Some(0),
            crc_data: Some(0),
            ..NvLinks::default()
        }),
        fabric: Some(Fabric { state: Fabric::IN_PROGRESS, status: 0, degraded_bandwidth: Some(true) }),
        recovery_action: Some(2),
        persistence: Some(true),
        info_rom_valid: Some(true),
    };
    assert_eq!(readings(&devices, 5), &expected);
}

#[tokio::test]
async fn the_counters_of_an_nvlink_of_version_5_are_read_link_by_link() {
    let mut state = state::State::with_gpus(2);
    let mut links = vec![state::NvLink::version_5(); 18];
    for (link, number) in links.iter_mut().zip(0_u64..) {
        (link.recovery_events, link.failed_recovery_events) = (Some(number), Some(number / 10));
        link.effective_errors = Some(1 << 40);
        // 1e-15, and of the eighth link 3e-12.
        link.effective_ber = Some(if number == 7 { 0x30c } else { 0x10f });
    }
    links[3] = state::NvLink { active: false, effective_errors: None, ..state::NvLink::version_5() };
    state.gpus[1].nvlinks = Some(links);
    let mut looker = Looker::new(state);
    let devices = looker.all_read().await;
    let expected = NvLinks {
        total: 18,
        active: 17,
        link_recoveries: Some((0..18).sum::<u64>() - 3),
        failed_recoveries: Some(8),
        effective_errors: Some(17 << 40),
        worst_ber: Some(BitErrorRate { link: 7, mantissa: 3, exponent: 12 }),
        ..NvLinks::default()
    };
    assert_eq!(readings(&devices, 1).nvlinks, Some(expected));
    let before = readings(&devices, 0).nvlinks.unwrap();
    assert_eq!((before.replays, before.link_recoveries, before.worst_ber), (Some(0), None, None), "of version 4");
}

#[tokio::test]
async fn what_is_not_supported_or_lacking_is_missing() {
    let mut state = state::State::with_gpus(1);
    let gpu = &mut state.gpus[0];
    (gpu.power_mw, gpu.nvlinks, gpu.gpm, gpu.mig, gpu.sram_ecc) = (None, None, None, None, None);
    (gpu.memory_temperature, gpu.compute_processes, gpu.fabric) = (None, None, None);
    gpu.slowdown_margin = None;
    let lacking = [
        "nvmlDeviceGetTemperature",
        "nvmlDeviceGetMarginTemperature",
        "nvmlDeviceGetUtilizationRates",
        "nvmlDeviceGetEccMode",
        "nvmlDeviceGetMinorNumber",
        "nvmlDeviceValidateInforom",
        "nvmlGpmMetricsGet",
    ];
    let mut looker = Looker::with(state, &lacking, |_| ());
    let devices = looker.all_read().await;
    let read = readings(&devices, 0);
    assert_eq!((read.power_mw, read.nvlinks, read.profile), (None, None, Profile::default()));
    assert_eq!((read.ecc.sram_threshold_exceeded, read.ecc.enabled, read.ecc.corrected), (None, None, Some(0)));
    assert_eq!(read.fabric, None, "there is none");
    assert_eq!((read.temperatures.margin, read.temperatures.slowdown_margin), (None, None));
    assert_eq!((read.temperatures.gpu, read.temperatures.memory), (None, None));
    assert_eq!((read.gpu_utilization, read.info_rom_valid), (None, None));
    assert_eq!((read.recovery_action, read.energy_mj, read.remap.pending), (Some(0), Some(1_234_567), Some(false)));
    assert_eq!((devices[0].minor, devices[0].processes.as_ref()), (None, None));
}

#[tokio::test]
async fn what_changes_slowly_holds_until_it_is_asked_again() {
    let mut looker = Looker::new(state::State::with_gpus(1));
    let first = looker.all_read().await;
    assert_eq!(readings(&first, 0).ecc.corrected, Some(0));
    let change = |state: &mut state::State| {
        state.gpus[0].ecc_errors.as_mut().unwrap().corrected_volatile = Some(12);
        state.gpus[0].power_mw = Some(1);
    };
    looker.fake.change(change).unwrap();
    let soon = looker.look().await.devices.unwrap();
    assert_eq!((readings(&soon, 0).power_mw, readings(&soon, 0).ecc.corrected), (Some(1), Some(0)));
    let later = looker.look_after(Duration::from_secs(10)).await.devices.unwrap();
    assert_eq!(readings(&later, 0).ecc.corrected, Some(12));
}

#[tokio::test]
async fn a_reset_that_is_required_and_a_corrupt_info_rom_are_told() {
    let mut looker = Looker::new(state::State::with_gpus(2));
    let before = looker.all_read().await;
    let broken = |state: &mut state::State| {
        state.gpus[0].reset_required = true;
        state.gpus[1].info_rom_valid = Some(false);
    };
    looker.fake.change(broken).unwrap();
    let devices = looker.look_after(Duration::from_hours(1)).await.devices.unwrap();
    assert_eq!(readings(&devices, 0).recovery_action, Some(1));
    assert_eq!(devices[0].memory_bytes, before[0].memory_bytes, "what was known holds");
    assert_eq!(readings(&devices, 1).info_rom_valid, Some(false));
}

#[tokio::test]
async fn how_a_gpu_is_registered_with_its_switches_is_told() {
    let mut state = state::State::with_gpus(3);
    // 999 is NVML_ERROR_UNKNOWN. A mask of zeros is of a driver that does not look.
    state.gpus[1].fabric = Some(state::Fabric { status: 999, health_mask: 0, ..state::Fabric::default() });
    state.gpus[2].fabric = Some(state::Fabric { state: 0, ..state::Fabric::default() });
    let mut looker = Looker::new(state.clone());
    let devices = looker.all_read().await;
    let fabric =
        |index: usize| readings(&devices, index).fabric.map(|read| (read.state, read.status, read.degraded_bandwidth));
    assert_eq!(fabric(0), Some((Fabric::COMPLETED, 0, Some(false))));
    assert_eq!(fabric(1), Some((Fabric::COMPLETED, 999, None)));
    assert_eq!(fabric(2).map(|(state, ..)| state), Some(Fabric::NOT_SUPPORTED));
    let mut older = Looker::with(state, &["nvmlDeviceGetGpuFabricInfoV"], |_| ());
    assert_eq!(readings(&older.all_read().await, 0).fabric, None);
}

#[tokio::test]
async fn the_parts_of_a_divided_gpu_are_told() {
    let part = |number: u32| state::MigInstance {
        uuid: format!("MIG-00000000-0000-5000-8000-00000000000{number}"),
        gpu_instance: 7 + number,
        ..state::MigInstance::default()
    };
    let mut looker = Looker::new(state::State::with_gpus(2));
    let whole = looker.all_read().await;
    assert!(whole[1].instances.is_empty());
    let divide = |state: &mut state::State| {
        let mode = state::Mode { current: true, pending: true };
        state.gpus[1].mig = Some(state::Mig { mode, instances: vec![part(0), part(1)] });
        state.gpus[1].compute_processes =
            Some(vec![state::Process { pid: 1, gpu_instance: Some(8), ..state::Process::default() }]);
    };
    looker.fake.change(divide).unwrap();
    let devices = looker.look_after(Duration::from_mins(1)).await.devices.unwrap();
    let [first, second] = &devices[1].instances[..] else { panic!("two parts: {:?}", devices[1]) };
    assert_eq!((&*first.uuid, first.gpu_instance), ("MIG-00000000-0000-5000-8000-000000000000", 7));
    assert_eq!((second.gpu_instance, second.compute_instance), (8, 0));
    assert_eq!((&*second.profile, second.memory_bytes), ("1g.10gb", 9984 << 20));
    assert_eq!(devices[1].processes.as_ref().unwrap()[0].gpu_instance, Some(8));
    assert!(devices[0].instances.is_empty());
}

#[tokio::test]
async fn a_process_is_told_once_with_its_owner() {
    let own = std::process::id();
    let mut state = state::State::with_gpus(1);
    let process = state::Process { pid: own, memory: Some(1 << 30), ..state::Process::default() };
    let unseen = state::Process { pid: u32::MAX, memory: None, ..state::Process::default() };
    state.gpus[0].compute_processes = Some(vec![process, unseen]);
    state.gpus[0].graphics_processes = Some(vec![process]);
    let mut looker = Looker::new(state);
    let devices = looker.all_read().await;
    let (started, owner) = Owners::new(PathBuf::from("/")).of(own).unwrap();
    let mine = Process { pid: own, started, gpu_instance: None, memory_bytes: Some(1 << 30), owner };
    let other = Process { pid: u32::MAX, started: 0, gpu_instance: None, memory_bytes: None, owner: Owner::Unknown };
    assert_eq!(devices[0].processes, Some(vec![mine, other]));
    // It ends, and that is seen within the time.
    looker.fake.change(|state| state.gpus[0].compute_processes = Some(vec![])).unwrap();
    looker.fake.change(|state| state.gpus[0].graphics_processes = Some(vec![])).unwrap();
    let devices = looker.look_after(Duration::from_secs(10)).await.devices.unwrap();
    assert_eq!(devices[0].processes, Some(vec![]));
    assert!(matches!(devices[0].state, State::Read(_)));
}
