//! Judging what is seen by the policy, with what was seen before.
mod present;
mod track;
mod wear;
mod week;

pub use present::{Health, Memory, Present, Remembered};
pub use track::is_again;
pub use wear::Wear;

use super::{damper::Latch, faults::Faults, policy::Policy};
use crate::source::{Observation, Sighting, Tick, Unreadable, XidEvent};
use domain::{
    Timestamp,
    device::DeviceId,
    node::{Facts, Seen},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use track::Track;

/// Judges one host's devices.
#[derive(Debug)]
pub struct Judge {
    policy: Arc<Policy>,
    boot_id: Arc<str>,
    log_position: Option<u64>,
    facts: Option<Facts>,
    devices: BTreeMap<DeviceId, Track>,
    /// What was logged of GPUs that were not seen yet: the log is read before a slow driver answers.
    early: Vec<XidEvent>,
    /// Whether nothing was remembered: then nobody saw what became of that which was logged before.
    stranger: bool,
    /// When it first looked, by the node's clock.
    began: Option<Timestamp>,
    /// Whether the devices that are there could ever be told.
    told: bool,
    blind_since: Option<Duration>,
    changed: bool,
    remembered: Duration,
}

/// The most faults that wait for their GPU to be seen.
const EARLY_MAX: usize = 256;

/// So often, at least, the counters are remembered.
const REMEMBER_EVERY: Duration = Duration::from_mins(5);

impl Judge {
    /// A judge that goes by this policy, with what one before it remembered.
    pub fn new(policy: Arc<Policy>, memory: Memory) -> Self {
        let stranger = memory.boot_id.is_empty();
        let devices = memory.devices.into_iter().map(|old| (old.seen.device, Track::recall(old, &policy)));
        let devices: BTreeMap<_, _> = devices.collect();
        Self {
            policy,
            boot_id: memory.boot_id,
            log_position: memory.log_position,
            facts: None,
            told: !devices.is_empty(),
            devices,
            early: vec![],
            stranger,
            began: None,
            blind_since: None,
            changed: false,
            remembered: Duration::ZERO,
        }
    }

    /// Takes in what was seen. What is so now; none as long as nothing is known.
    pub fn look(&mut self, tick: Tick, observation: Observation) -> Option<Present> {
        self.began.get_or_insert(tick.wall);
        self.notice_boot(&observation.host.boot_id, tick.wall);
        let answered = self.note_devices(tick, &observation);
        self.note_resets(observation.devices.as_deref().unwrap_or_default(), tick.wall);
        self.note_faults(observation.devices.as_deref().unwrap_or_default(), &observation.xids);
        if observation.logged_up_to.is_some() && observation.logged_up_to != self.log_position {
            self.changed |= !observation.xids.is_empty();
            self.log_position = observation.logged_up_to;
        }
        let uptime = observation.uptime;
        let sightings = observation.devices.as_deref().unwrap_or_default();
        let sightings: BTreeMap<_, _> = sightings.iter().map(|sighting| (sighting.device, sighting)).collect();
        for (id, track) in &mut self.devices {
            self.changed |= track.judge(&self.policy, sightings.get(id).copied(), tick, uptime);
        }
        match answered {
            Answer::Devices => {
                self.told = true;
                self.facts = Some(observation.host);
            }
            // What was known stands until it is plain that nobody answers.
            Answer::NotYet => {}
            Answer::Never => {
                self.facts = Some(observation.host);
                for track in self.devices.values_mut() {
                    track.health.readable = false;
                }
            }
        }
        let facts = self.facts.clone()?;
        let blind = answered == Answer::Never || !self.told;
        let there = || self.devices.values().filter(|track| !track.gone);
        let mut devices: Vec<Seen> = there().map(|track| track.seen.clone()).collect();
        devices.sort_by_key(|seen| seen.slot);
        let health = there().map(|track| (track.seen.device, track.health.clone()));
        Some(Present { facts, devices: (!blind).then_some(devices), health: health.collect() })
    }

    /// What is worth remembering, if it is not what it was the last time, or that is long ago.
    pub fn news(&mut self, now: Duration) -> Option<Memory> {
        let due = now.saturating_sub(self.remembered) >= REMEMBER_EVERY;
        if !std::mem::take(&mut self.changed) && !due {
            return None;
        }
        self.remembered = now;
        Some(self.memory())
    }

    /// What is worth remembering.
    pub fn memory(&self) -> Memory {
        Memory {
            boot_id: Arc::clone(&self.boot_id),
            log_position: self.log_position,
            devices: self.devices.values().map(Track::remember).collect(),
        }
    }

    /// What was logged of each device.
    pub fn faults(&self) -> impl Iterator<Item = (DeviceId, &Faults)> {
        self.devices.iter().map(|(id, track)| (*id, &track.faults))
    }

    fn notice_boot(&mut self, boot_id: &Arc<str>, now: Timestamp) {
        // One that can't be read is no other boot.
        if *boot_id == self.boot_id || boot_id.is_empty() {
            return;
        }
        let first = self.boot_id.is_empty();
        self.boot_id = Arc::clone(boot_id);
        self.changed = true;
        if first {
            return;
        }
        self.log_position = None;
        self.early.clear();
        self.devices.retain(|_, track| !track.gone);
        for track in self.devices.values_mut() {
            track.happened(Latch::Boot, &self.policy, now);
        }
    }

    fn note_devices(&mut self, tick: Tick, observation: &Observation) -> Answer {
        let now = tick.elapsed;
        let sightings = match &observation.devices {
            Ok(sightings) => sightings,
            Err(reason) => {
                let since = *self.blind_since.get_or_insert(now);
                let patience = if *reason == Unreadable::NoLibrary { Duration::ZERO } else { self.policy.hung };
                return if now.saturating_sub(since) < patience { Answer::NotYet } else { Answer::Never };
            }
        };
        self.blind_since = None;
        for sighting in sightings {
            let seen = Seen::from(sighting);
            let track = self.devices.entry(sighting.device).or_insert_with(|| {
                self.changed = true;
                Track::new(seen.clone(), &self.policy)
            });
            if track.seen != seen {
                track.seen = seen;
                self.changed = true;
            }
        }
        let there: BTreeSet<DeviceId> = sightings.iter().map(|sighting| sighting.device).collect();
        let taken: BTreeSet<_> = sightings.iter().map(|sighting| sighting.slot).collect();
        // A host that was started a moment ago may not have found all of them yet.
        let settled = observation.uptime >= self.policy.missing_grace;
        let patience = settled.then_some(self.policy.missing);
        for (id, track) in &mut self.devices {
            if there.contains(id) {
                track.find();
            } else {
                track.miss(now, patience, taken.contains(&track.seen.slot));
            }
        }
        Answer::Devices
    }

    /// Before what was logged meanwhile: it may have come after the reset, and then it stands.
    fn note_resets(&mut self, sightings: &[Sighting], now: Timestamp) {
        for sighting in sightings {
            if let Some(track) = self.devices.get_mut(&sighting.device)
                && let Some(readings) = sighting.readings()
            {
                self.changed |= track.note_wear(readings, &self.policy, now);
            }
        }
    }

    fn note_faults(&mut self, sightings: &[Sighting], xids: &[XidEvent]) {
        let early = std::mem::take(&mut self.early);
        for event in early.iter().chain(xids) {
            let mut here = self.devices.values_mut().filter(|track| track.seen.slot == event.slot);
            let Some(track) = here.find(|track| !track.gone) else {
                if self.early.len() < EARLY_MAX {
                    self.early.push(event.clone());
                } else {
                    tracing::warn!(slot = %event.slot, xid = event.code, "an XID of a GPU that is not there");
                }
                continue;
            };
            // The driver says that nothing is to be done for what was logged before anybody looked.
            let sighting = sightings.iter().find(|sighting| sighting.device == track.seen.device);
            let sound = sighting.and_then(Sighting::readings).is_some_and(|read| read.recovery_action == Some(0));
            let over = sound && self.stranger && self.began.is_some_and(|began| event.at < began);
            if over {
                let (device, xid) = (track.seen.device, event.code);
                tracing::warn!(%device, xid, "an XID from before this agent's time, and the driver asks for nothing: it is counted only");
            }
            track.faults.log(event, track.seen.model.as_str(), &self.policy, over);
            self.changed = true;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Devices,
    NotYet,
    Never,
}

#[cfg(test)]
mod tests;
