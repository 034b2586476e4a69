//! A driver that is not there, or does not answer.
use crate::looker::Looker;
use agents::source::{State, Unreadable};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tests::harness::nvml_state as state;
use tokio::time::Instant;

#[tokio::test]
async fn a_call_that_hangs_is_told_and_waited_for() {
    let mut looker = Looker::impatient(state::State::with_gpus(2));
    looker.all_read().await;
    looker.fake.change(|state| state.hang.insert("nvmlDeviceGetPowerUsage".to_owned())).unwrap();
    let hung = looker.unreadable(&Unreadable::Hung).await;
    assert_eq!(&*hung.host.driver, "580.95.05", "what was known holds");
    assert_eq!(looker.look().await.devices, Err(Unreadable::Hung));
    looker.fake.change(|state| state.hang.clear()).unwrap();
    assert_eq!(looker.all_read().await.len(), 2);
}

#[tokio::test]
async fn nobody_waits_for_a_thread_that_hangs_and_it_ends_when_it_can() {
    let mut looker = Looker::impatient(state::State::with_gpus(2));
    looker.all_read().await;
    looker.fake.change(|state| state.hang.insert("nvmlDeviceGetPowerUsage".to_owned())).unwrap();
    looker.unreadable(&Unreadable::Hung).await;
    let Looker { source, settings, fake, .. } = looker;
    let began = Instant::now();
    drop(source);
    assert!(began.elapsed() < Duration::from_secs(5), "the threads are not waited for");
    fake.change(|state| state.hang.clear()).unwrap();
    // Each thread holds the clock.
    while Arc::strong_count(&settings.clock) > 1 {
        assert!(began.elapsed() < Duration::from_secs(20), "a thread has not ended");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_driver_is_loaded_and_unloaded_under_the_agent() {
    let mut state = state::State::with_gpus(2);
    state.driver.init = 9;
    let mut looker = Looker::new(state);
    let seen = looker.unreadable(&Unreadable::NotLoaded).await;
    assert_eq!(&*seen.host.driver, "(the driver is not loaded)");
    looker.fake.change(|state| state.driver.init = 0).unwrap();
    looker.all_read().await;
    // It is unloaded while it is asked, and another version comes.
    looker.fake.change(|state| (state.driver.call, state.driver.init) = (9, 18)).unwrap();
    looker.unreadable(&Unreadable::VersionMismatch).await;
    let loaded = |state: &mut state::State| {
        (state.driver.call, state.driver.init) = (0, 0);
        state.driver.version = "590.44.01".to_owned();
    };
    looker.fake.change(loaded).unwrap();
    looker.all_read().await;
    assert_eq!(&*looker.look().await.host.driver, "590.44.01");
}

#[tokio::test]
async fn no_library_is_no_driver_and_another_error_is_told() {
    let nowhere = |settings: &mut agents::source::nvml::NvmlSettings| {
        settings.libraries = vec![PathBuf::from("/nowhere/libnvidia-ml.so.1")];
    };
    let mut looker = Looker::with(state::State::default(), &[], nowhere);
    looker.unreadable(&Unreadable::NoLibrary).await;

    let mut state = state::State::default();
    state.errors.insert("nvmlDeviceGetCount_v2".to_owned(), 999);
    let mut looker = Looker::new(state);
    let why = looker.until("an error", |seen| seen.devices.clone().err()).await;
    assert!(matches!(why, Unreadable::Failed(_)), "{why:?}");
    looker.fake.change(|state| state.errors.clear()).unwrap();
    looker.all_read().await;
}

/// All that is asked of a GPU, but what it is.
const READINGS: [&str; 33] = [
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetEncoderUtilization",
    "nvmlDeviceGetDecoderUtilization",
    "nvmlDeviceGetMemoryInfo_v2",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetTemperatureThreshold",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetEnforcedPowerLimit",
    "nvmlDeviceGetTotalEnergyConsumption",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
    "nvmlDeviceGetEccMode",
    "nvmlDeviceGetTotalEccErrors",
    "nvmlDeviceGetSramEccErrorStatus",
    "nvmlDeviceGetFieldValues",
    "nvmlDeviceGetRetiredPages",
    "nvmlDeviceGetRetiredPages_v2",
    "nvmlDeviceGetRetiredPagesPendingStatus",
    "nvmlDeviceGetCurrPcieLinkGeneration",
    "nvmlDeviceGetCurrPcieLinkWidth",
    "nvmlDeviceGetMaxPcieLinkGeneration",
    "nvmlDeviceGetMaxPcieLinkWidth",
    "nvmlDeviceGetPcieReplayCounter",
    "nvmlDeviceGetPersistenceMode",
    "nvmlDeviceValidateInforom",
    "nvmlDeviceGetViolationStatus",
    "nvmlDeviceGetComputeRunningProcesses_v3",
    "nvmlDeviceGetGraphicsRunningProcesses_v3",
    "nvmlDeviceGetMPSComputeRunningProcesses_v3",
    "nvmlDeviceGetNvLinkState",
    "nvmlDeviceGetMigMode",
    "nvmlGpmQueryDeviceSupport",
    "nvmlGpmSampleGet",
];

#[tokio::test]
async fn one_gpu_that_says_nothing_is_unreadable_and_the_others_are_read() {
    const TIMEOUT: u32 = 10;
    let mut looker = Looker::new(state::State::with_gpus(2));
    let before = looker.all_read().await;
    let mute = |state: &mut state::State| {
        state.gpus[1].errors = READINGS.iter().map(|symbol| ((*symbol).to_owned(), TIMEOUT)).collect();
    };
    looker.fake.change(mute).unwrap();
    let devices = looker.device_in(1, &State::Unreadable).await;
    assert!(devices[0].readings().is_some());
    assert_eq!((devices[1].device, devices[1].processes.as_ref()), (before[1].device, None));
    looker.fake.change(|state| state.gpus[1].errors.clear()).unwrap();
    looker.all_read().await;
}
