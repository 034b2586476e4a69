//! XIDs by NVML's events, waited for on a thread of their own.
use super::{raw, shared::Shared};
use crate::source::{XidEvent, kernel_log::Listener};
use bus::clock::Clock;
use domain::device::Slot;
use nvml_wrapper::{EventSet, Nvml, error::NvmlError};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// So long, NVML waits for an event.
const WAIT_MS: u32 = 1000;

/// So long, the thread rests where NVML can't be waited for.
const REST: Duration = Duration::from_secs(1);

/// What the session tells the thread: which GPUs to listen to, and when to end.
#[derive(Debug, Default)]
pub(super) struct Watch {
    slots: Mutex<BTreeSet<Slot>>,
    ended: AtomicBool,
}

impl Watch {
    /// Listens to these from now on.
    pub(super) fn these(&self, slots: BTreeSet<Slot>) {
        *self.slots.lock().unwrap_or_else(PoisonError::into_inner) = slots;
    }

    /// Ends the thread, within [`WAIT_MS`].
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    fn slots(&self) -> BTreeSet<Slot> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Listens until the session ends.
pub(super) fn listen(nvml: &Nvml, watch: &Watch, shared: &Shared, clock: &Arc<dyn Clock>) {
    if !raw::has_events(nvml) {
        tracing::debug!("this NVML has no events");
        return;
    }
    let mut ear: Option<Ear<'_>> = None;
    while !watch.ended.load(Ordering::Relaxed) && !shared.is_gone() {
        let slots = watch.slots();
        let current = ear.as_ref().is_some_and(|ear| ear.asked == slots);
        // What a set that is given up has still to tell is heard before.
        let heard = match &ear {
            Some(ear) => ear.wait(if current { WAIT_MS } else { 0 }),
            None => Ok(None),
        };
        let next = match heard {
            Ok(Some((slot, code, gpu_instance))) => {
                let detail = Arc::default();
                let event = XidEvent { slot, code, gpu_instance, pid: None, detail, at: clock.now() };
                shared.xids().told(event, Instant::now());
                continue;
            }
            Ok(None) if current => continue,
            Ok(None) => Ear::open(nvml, slots),
            Err(error) => Err(error),
        };
        ear = match next {
            Ok(ear) => Some(ear),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "NVML's events are not heard for a while");
                thread::park_timeout(REST);
                None
            }
        };
    }
}

/// A set of events of some GPUs.
struct Ear<'n> {
    set: EventSet<'n>,
    /// Those that were wanted, and those that could be had, by their handles.
    asked: BTreeSet<Slot>,
    slots: BTreeMap<usize, Slot>,
}

impl<'n> Ear<'n> {
    fn open(nvml: &'n Nvml, asked: BTreeSet<Slot>) -> Result<Self, NvmlError> {
        let set = nvml.create_event_set()?;
        let mut slots = BTreeMap::new();
        for slot in &asked {
            let device = nvml.device_by_pci_bus_id(slot.to_string());
            match device.and_then(|device| raw::register_xids(&device, &set).map(|()| raw::handle(&device))) {
                Ok(handle) => drop(slots.insert(handle, *slot)),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::debug!(gpu.slot = %slot, error, "NVML gives no events of this GPU");
                }
            }
        }
        Ok(Self { set, asked, slots })
    }

    /// The next XID, if one comes in time.
    fn wait(&self, limit_ms: u32) -> Result<Option<(Slot, u32, Option<u32>)>, NvmlError> {
        if self.slots.is_empty() {
            thread::park_timeout(Duration::from_millis(limit_ms.into()));
            return Ok(None);
        }
        match raw::wait(&self.set, limit_ms) {
            Ok(raw::Event { handle, xid: Some(xid), gpu_instance }) => {
                let code = u32::try_from(xid).ok();
                Ok(self.slots.get(&handle).zip(code).map(|(slot, code)| (*slot, code, gpu_instance)))
            }
            Ok(raw::Event { xid: None, .. }) | Err(NvmlError::Timeout) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
