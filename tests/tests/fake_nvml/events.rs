//! XIDs, as event sets deliver them.

use crate::{fake, init};
use nvml_wrapper::{EventSet, bitmasks::event::EventTypes, enums::event::XidError, error::NvmlError};
use std::{
    sync::mpsc,
    thread::{scope, sleep},
    time::{Duration, Instant},
};
use tests::harness::nvml_state::State;

/// Asserts that this XID is delivered now, for the device with this index.
fn delivered(set: &EventSet, gpu: u32, xid: u64) {
    let event = set.wait(30_000).expect("an event");
    assert!(matches!(event.event_data, Some(XidError::Value(found)) if found == xid), "{:?}", event.event_data);
    assert_eq!(event.device.index().ok(), Some(gpu));
    assert!(event.event_type.contains(EventTypes::CRITICAL_XID_ERROR));
}

#[test]
fn xids_are_delivered_to_those_who_wait() {
    let (_folder, fake) = fake(State::with_gpus(3));
    fake.xid(0, 31).unwrap();
    let nvml = init(fake.library()).unwrap();
    let mut set = nvml.create_event_set().unwrap();
    for index in [0, 1] {
        let device = nvml.device_by_index(index).unwrap();
        assert!(device.supported_event_types().unwrap().contains(EventTypes::CRITICAL_XID_ERROR));
        set = device.register_events(EventTypes::CRITICAL_XID_ERROR, set).unwrap();
    }
    let begun = Instant::now();
    fails!(set.wait(60), NvmlError::Timeout);
    assert!(begun.elapsed() >= Duration::from_millis(60));
    fake.xid(2, 48).unwrap();
    fake.xid(1, 63).unwrap();
    fake.xid(0, 79).unwrap();
    delivered(&set, 1, 63);
    delivered(&set, 0, 79);
    fails!(set.wait(0), NvmlError::Timeout);
    // While somebody waits, in a set of its own.
    scope(|scope| {
        let (ready, registered) = mpsc::channel();
        let library = fake.library();
        let waiting = scope.spawn(move || {
            let nvml = init(library).unwrap();
            let (device, set) = (nvml.device_by_index(0).unwrap(), nvml.create_event_set().unwrap());
            let set = device.register_events(EventTypes::CRITICAL_XID_ERROR, set).unwrap();
            ready.send(()).unwrap();
            delivered(&set, 0, 94);
        });
        registered.recv().unwrap();
        sleep(Duration::from_millis(50));
        fake.xid(0, 94).unwrap();
        waiting.join().unwrap();
    });
    delivered(&set, 0, 94);
    fake.change(|state| state.coalesce = true).unwrap();
    for (gpu, xid) in [(0, 13), (1, 31), (0, 43)] {
        fake.xid(gpu, xid).unwrap();
    }
    delivered(&set, 0, 43);
    delivered(&set, 1, 31);
    fails!(set.wait(0), NvmlError::Timeout);
    fake.xid(0, 79).unwrap();
    fake.change(|state| state.gpus[0].lost = true).unwrap();
    let event = set.wait(0).unwrap();
    fails!(event.device.uuid(), NvmlError::GpuLost);
    fails!(set.wait(0), NvmlError::GpuLost);
    set.release_events().unwrap();
}
