//! A driver that is not there, a library that is old, and calls that do not return.

use crate::{fake, init};
use nvml_wrapper::{enum_wrappers::device::TemperatureSensor, error::NvmlError};
use std::{
    fs,
    thread::{scope, sleep},
    time::{Duration, Instant},
};
use tests::harness::nvml_state::State;

#[test]
fn the_driver_may_be_missing_or_go() {
    let (_folder, fake) = fake(State::default());
    for (code, error) in [(9, NvmlError::DriverNotLoaded), (18, NvmlError::LibRmVersionMismatch)] {
        fake.change(|state| state.driver.init = code).unwrap();
        let found = init(fake.library()).unwrap_err();
        assert_eq!(found.to_string(), error.to_string());
    }
    fake.change(|state| state.driver.init = 0).unwrap();
    let nvml = init(fake.library()).unwrap();
    fake.change(|state| state.driver.call = 1).unwrap();
    fails!(nvml.device_count(), NvmlError::Uninitialized);
    fake.change(|state| state.driver.call = 0).unwrap();
    assert_eq!(nvml.device_count().unwrap(), 1);
    fake.change(|state| state.errors.insert("nvmlDeviceGetCount_v2".into(), 4)).unwrap();
    fails!(nvml.device_count(), NvmlError::NoPermission);
    let device = nvml.device_by_index(0).unwrap();
    fake.change(|state| state.gpus[0].errors.insert("nvmlDeviceGetPowerUsage".into(), 999)).unwrap();
    fails!(device.power_usage(), NvmlError::Unknown);
    drop(nvml);
    let broken = fake.state_file().with_extension("broken");
    fs::write(&broken, "{").unwrap();
    fs::rename(&broken, fake.state_file()).unwrap();
    fails!(init(fake.library()), NvmlError::Unknown);
}

#[test]
fn a_call_may_be_slow_or_hang_until_it_may_go_on() {
    let (_folder, fake) = fake(State::default());
    let nvml = init(fake.library()).unwrap();
    let device = nvml.device_by_index(0).unwrap();
    fake.change(|state| state.slow.insert("nvmlDeviceGetPowerUsage".into(), 50)).unwrap();
    let begun = Instant::now();
    device.power_usage().unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(50));
    fake.change(|state| state.hang.insert("nvmlDeviceGetTemperature".into())).unwrap();
    scope(|scope| {
        let hanging = scope.spawn(|| device.temperature(TemperatureSensor::Gpu));
        sleep(Duration::from_millis(100));
        assert!(!hanging.is_finished());
        device.utilization_rates().unwrap();
        fake.change(|state| state.hang.clear()).unwrap();
        assert_eq!(hanging.join().unwrap().unwrap(), 34);
    });
}

#[test]
fn an_older_library_has_fewer_functions() {
    let (_folder, mut fake) = fake(State::default());
    fake.without(&["nvmlDeviceGetPowerUsage", "nvmlGpmSampleGet"]).unwrap();
    assert!(fake.without(&["nvmlDeviceGetPower"]).is_err());
    let nvml = init(fake.library()).unwrap();
    let device = nvml.device_by_index(0).unwrap();
    fails!(device.power_usage(), NvmlError::FailedToLoadSymbol(_));
    fails!(device.gpm_sample(), NvmlError::FailedToLoadSymbol(_));
    assert_eq!(device.enforced_power_limit().unwrap(), 700_000);
}

#[test]
fn two_copies_know_nothing_of_each_other() {
    let (_one, one) = fake(State::with_gpus(1));
    let (_two, two) = fake(State::with_gpus(2));
    let first = init(one.library()).unwrap();
    two.change(|state| state.driver.init = 9).unwrap();
    fails!(init(two.library()), NvmlError::DriverNotLoaded);
    two.change(|state| state.driver.init = 0).unwrap();
    let second = init(two.library()).unwrap();
    assert_eq!((first.device_count().unwrap(), second.device_count().unwrap()), (1, 2));
    first.shutdown().unwrap();
    assert_eq!(second.device_count().unwrap(), 2);
}
