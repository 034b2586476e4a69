//! What keeps a false alarm from emptying a pool.
use super::Breaker;
use crate::{Timestamp, device::DeviceId};
use std::collections::BTreeSet;

/// A pool's breaker as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BreakerState {
    /// The devices that were quarantined by themselves, and when: the oldest first, those of past windows left out.
    pub(crate) recent: Vec<(Timestamp, DeviceId)>,
    /// Whether it has tripped: then nothing of the pool is quarantined by itself.
    pub tripped: Option<Tripped>,
}

/// Since when a breaker holds quarantines back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tripped {
    /// Since then.
    pub since: Timestamp,
    /// When it last held something back.
    pub last: Timestamp,
}

impl BreakerState {
    /// How many devices were quarantined by themselves within the window that ends now.
    pub(crate) fn recent(&self, breaker: Breaker, now: Timestamp) -> usize {
        let within = self.recent.iter().filter(|(at, _)| *at > breaker.window_before(now));
        within.map(|(_, device)| device).collect::<BTreeSet<_>>().len()
    }

    /// One more was quarantined.
    pub(crate) fn count(&mut self, breaker: Breaker, now: Timestamp, device: DeviceId) {
        self.recent.retain(|(at, _)| *at > breaker.window_before(now));
        self.recent.push((now, device));
    }

    /// When it closes by itself, if it has tripped and nothing more is held back until then.
    pub(crate) fn closes_at(&self, breaker: Breaker) -> Option<Timestamp> {
        self.tripped.map(|tripped| tripped.last.plus_seconds(breaker.window_seconds.into()))
    }
}
