//! Event sets: they deliver the XIDs that the state file lists.

use crate::{
    call::{Answer, Call, GPU_IS_LOST, INVALID_ARGUMENT, NOT_SUPPORTED, Place, TIMEOUT, code, put, sound, wait},
    handle::{Held, handle},
    source,
    state::{Event, State},
};
use nvml_wrapper_sys::bindings::{
    nvmlDevice_t, nvmlEventData_t, nvmlEventSet_t, nvmlEventTypeXidCriticalError, nvmlReturn_t,
};
use std::{
    collections::BTreeSet,
    ffi::{c_uint, c_ulonglong},
    thread::sleep,
    time::{Duration, Instant},
};

/// No wait takes longer.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How often a wait looks at the state.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What stands for an instance where there is none.
const NO_INSTANCE: c_uint = c_uint::MAX;

struct EventSet {
    /// Events up to this id were there before.
    after: u64,
    delivered: BTreeSet<u64>,
    /// UUIDs of the GPUs whose XIDs it wants.
    registered: BTreeSet<String>,
}

static SETS: Held<EventSet> = Held::new();

export! {
    fn nvmlDeviceGetSupportedEventTypes(call, device: nvmlDevice_t, types: Place<c_ulonglong>) {
        let known = call.gpu(device)?.event_types;
        put(types, known.ok_or(NOT_SUPPORTED)?)
    }

    fn nvmlEventSetCreate(call, set: Place<nvmlEventSet_t>) {
        let after = call.state.events.iter().map(|event| event.id).max().unwrap_or(0);
        let place = set.ok_or(INVALID_ARGUMENT)?;
        *place = SETS.add(EventSet { after, delivered: BTreeSet::new(), registered: BTreeSet::new() });
        Ok(())
    }

    fn nvmlDeviceRegisterEvents(call, device: nvmlDevice_t, types: c_ulonglong, set: nvmlEventSet_t) {
        let gpu = call.gpu(device)?;
        if types & !gpu.event_types.ok_or(NOT_SUPPORTED)? != 0 {
            return Err(NOT_SUPPORTED);
        }
        SETS.with(set, |set| {
            if types & c_ulonglong::from(nvmlEventTypeXidCriticalError) != 0 {
                set.registered.insert(gpu.uuid.clone());
            }
            Ok(())
        })
    }

    fn nvmlEventSetWait_v2(call, set: nvmlEventSet_t, data: Place<nvmlEventData_t>, timeout: c_uint) {
        put(data, next(&call, set, Duration::from_millis(timeout.into()))?)
    }
}

#[unsafe(no_mangle)]
extern "C" fn nvmlEventSetFree(set: nvmlEventSet_t) -> nvmlReturn_t {
    let call = wait("nvmlEventSetFree");
    // Whatever is answered, the set is gone.
    code(SETS.remove(set).and_then(|_| sound(call?.state.driver.call)))
}

/// Waits for the next event of this set.
fn next(call: &Call, set: nvmlEventSet_t, timeout: Duration) -> Answer<nvmlEventData_t> {
    let begun = Instant::now();
    let timeout = timeout.min(WAIT_MAX);
    let mut state = call.state.clone();
    loop {
        sound(state.driver.call)?;
        if let Some(event) = SETS.with(set, |set| set.take(&state))? {
            return Ok(event);
        }
        let left = timeout.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Err(TIMEOUT);
        }
        sleep(left.min(LOOK_EVERY));
        state = source::state()?;
    }
}

impl EventSet {
    /// The event that is to be delivered now, if any. It is not delivered again.
    fn take(&mut self, state: &State) -> Answer<Option<nvmlEventData_t>> {
        let due = |event: &&Event| {
            let gpu = state.gpus.get(event.gpu);
            event.id > self.after
                && !self.delivered.contains(&event.id)
                && gpu.is_some_and(|gpu| self.registered.contains(&gpu.uuid))
        };
        let Some(first) = state.events.iter().filter(due).min_by_key(|event| event.id) else {
            let lost = state.gpus.iter().any(|gpu| gpu.lost && self.registered.contains(&gpu.uuid));
            return if lost { Err(GPU_IS_LOST) } else { Ok(None) };
        };
        let mut together: Vec<&Event> =
            state.events.iter().filter(due).filter(|event| event.gpu == first.gpu).collect();
        together.retain(|event| state.coalesce || event.id == first.id);
        let latest = together.iter().max_by_key(|event| event.id).map_or(first, |event| *event);
        let uuid = state.gpus.get(latest.gpu).map_or("", |gpu| &gpu.uuid);
        self.delivered.extend(together.iter().map(|event| event.id));
        Ok(Some(nvmlEventData_t {
            device: handle(uuid),
            eventType: nvmlEventTypeXidCriticalError.into(),
            eventData: latest.xid,
            gpuInstanceId: latest.gpu_instance.unwrap_or(NO_INSTANCE),
            computeInstanceId: latest.compute_instance.unwrap_or(NO_INSTANCE),
        }))
    }
}
