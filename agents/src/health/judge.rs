//! Judging what is seen by the policy, with what was seen before.
use super::{
    damper::{Damper, Latch, Says},
    faults::Faults,
    policy::{Line, Policy, Test},
    signal::{Look, Minute},
};
use crate::source::{Observation, Readings, Sighting, State, Tick, Unreadable, XidEvent};
use domain::{
    Timestamp,
    device::{Condition, ConditionKind, DeviceId, Severity},
    node::{Facts, Seen},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// What is known of one device's health.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Whether the driver answers for it, be it that the device is lost.
    pub readable: bool,
    /// By kind: the condition that it has, or that it is known not to have it. A kind that is not here is open.
    pub said: BTreeMap<ConditionKind, Option<Condition>>,
}

impl Health {
    /// The conditions that it has.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.said.values().flatten()
    }
}

/// A host as it stands now: what the server should know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// What it says of itself.
    pub facts: Facts,
    /// Its devices by slot; none if it can't be told which are there.
    pub devices: Option<Vec<Seen>>,
    /// The health of each of them; of those that were there last, where it can't be told which are.
    pub health: BTreeMap<DeviceId, Health>,
}

/// What is worth remembering when an agent begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// In which boot it was so.
    pub boot_id: Arc<str>,
    /// Up to where the kernel's log of that boot was read.
    pub log_position: Option<u64>,
    /// What was there.
    pub devices: Vec<Remembered>,
}

/// One remembered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The device.
    pub seen: Seen,
    /// How it was.
    pub health: Health,
    /// What was logged of it.
    pub faults: Faults,
    /// What it showed.
    pub wear: Wear,
}

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

/// What is known of one device.
#[derive(Debug)]
struct Track {
    seen: Seen,
    health: Health,
    faults: Faults,
    dampers: Vec<Damper>,
    /// Since when it can't be read, or is not there.
    unread_since: Option<Duration>,
    absent_since: Option<Duration>,
    /// Whether it is taken to be gone. What is known of it is kept until the next boot: it may come back as it was.
    gone: bool,
    /// The counters at the last full minute, and when that was.
    minute: Option<(Duration, Minute)>,
    wear: Wear,
}

/// What a GPU showed, and is needed to tell what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wear {
    /// What it used since it was reset or its driver loaded, and what was sent again: only that sets them back.
    energy_mj: Option<u64>,
    pcie_replays: Option<u64>,
    /// The most `NVLinks` that it had up.
    links_up: u8,
}

/// The most faults that wait for their GPU to be seen.
const EARLY_MAX: usize = 256;

/// So often, at least, the counters are remembered.
const REMEMBER_EVERY: Duration = Duration::from_mins(5);

const MINUTE: Duration = Duration::from_mins(1);

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
        self.notice_boot(&observation.host.boot_id);
        let answered = self.note_devices(tick, &observation);
        self.note_resets(observation.devices.as_deref().unwrap_or_default());
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

    fn notice_boot(&mut self, boot_id: &Arc<str>) {
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
            track.happened(Latch::Boot, &self.policy);
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
            let lines = self.policy.lines().count();
            let track = self.devices.entry(sighting.device).or_insert_with(|| {
                self.changed = true;
                Track::new(seen.clone(), vec![Damper::default(); lines])
            });
            if track.seen != seen {
                track.seen = seen;
                self.changed = true;
            }
        }
        let there: BTreeSet<DeviceId> = sightings.iter().map(|sighting| sighting.device).collect();
        let taken: BTreeSet<_> = sightings.iter().map(|sighting| sighting.slot).collect();
        let settled = observation.uptime >= self.policy.missing_grace;
        for (id, track) in &mut self.devices {
            if there.contains(id) {
                (track.absent_since, track.gone) = (None, false);
                continue;
            }
            let since = *track.absent_since.get_or_insert(now);
            let overdue = settled && now.saturating_sub(since) >= self.policy.missing;
            track.gone |= overdue || taken.contains(&track.seen.slot);
        }
        Answer::Devices
    }

    /// Before what was logged meanwhile: it may have come after the reset, and then it stands.
    fn note_resets(&mut self, sightings: &[Sighting]) {
        for sighting in sightings {
            let (Some(track), Some(readings)) = (self.devices.get_mut(&sighting.device), sighting.readings()) else {
                continue;
            };
            if track.wear.went_back(readings) {
                // A driver that still asks for something has not seen the end of it: the counters of before are kept.
                if readings.recovery_action.is_some_and(|action| action != 0) {
                    continue;
                }
                track.happened(Latch::Reset, &self.policy);
                self.changed = true;
            }
            self.changed |= track.wear.note(readings);
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
            track.faults.log(event, &self.policy, over);
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

impl Track {
    fn new(seen: Seen, dampers: Vec<Damper>) -> Self {
        Self {
            seen,
            health: Health::default(),
            faults: Faults::default(),
            dampers,
            unread_since: None,
            absent_since: None,
            gone: false,
            minute: None,
            wear: Wear::default(),
        }
    }

    /// As it was remembered, by this policy: a kind that it does not know is over.
    fn recall(old: Remembered, policy: &Policy) -> Self {
        let dampers = policy.kinds.iter().flat_map(|(kind, lines)| {
            let had = old.health.said.get(kind).and_then(Option::as_ref);
            let same =
                move |line: &Line| had.is_some_and(|had| (had.severity, had.remedy) == (line.severity, line.remedy));
            // Raised by any of the lines that say the same; or by any at all, where how bad it is is said differently now.
            let told_anew = had.is_some() && !lines.iter().any(same);
            let released = old.faults.released.contains(kind);
            lines.iter().map(move |line| {
                if same(line) || told_anew { Damper::raised(&line.damping, released) } else { Damper::default() }
            })
        });
        let mut track = Self::new(old.seen, dampers.collect());
        (track.health, track.faults, track.wear) = (old.health, old.faults, old.wear);
        for (kind, said) in &mut track.health.said {
            if !policy.kinds.contains_key(kind) {
                *said = None;
            }
        }
        track
    }

    fn remember(&self) -> Remembered {
        let (seen, health, faults) = (self.seen.clone(), self.health.clone(), self.faults.clone());
        Remembered { seen, health, faults, wear: self.wear }
    }

    fn happened(&mut self, what: Latch, policy: &Policy) {
        self.faults.happened(what);
        for (damper, (kind, line)) in self.dampers.iter_mut().zip(policy.lines()) {
            damper.happened(what, &line.damping);
            if line.damping.latch.is_some() && damper.is_released() {
                self.faults.released.insert(kind.clone());
            }
        }
        self.wear = Wear { links_up: self.wear.links_up, ..Wear::default() };
        self.minute = None;
    }

    /// Judges by every line. Whether that changes anything.
    fn judge(&mut self, policy: &Policy, sighting: Option<&Sighting>, tick: Tick, uptime: Duration) -> bool {
        let readings = sighting.and_then(Sighting::readings);
        let readable = self.readable(sighting, tick.elapsed, policy.hung);
        let minute = readings.and_then(|readings| self.minute(readings, tick.elapsed));
        let mut changed = readable != self.health.readable;
        self.health.readable = readable;
        let mut at = 0;
        for (kind, lines) in &policy.kinds {
            let mut holds = None;
            let mut clear = false;
            for line in lines {
                let (says, evidence) = self.ask(policy, line, sighting, minute.as_ref(), tick.wall);
                let damper = &mut self.dampers[at];
                at += 1;
                let early = uptime < line.grace && !damper.is_raised();
                let raised = !early && damper.step(says, tick.elapsed, minute.is_some(), &line.damping);
                clear |= says == Says::Clear;
                if matches!(says, Says::Holds | Says::Clear) {
                    self.faults.released.remove(kind);
                }
                if raised && holds.is_none() {
                    holds = Some((line, evidence, says == Says::Holds));
                }
            }
            changed |= self.conclude(kind, holds, clear, tick.wall);
        }
        changed
    }

    /// One that can't be read is readable until it is plain that it is not.
    fn readable(&mut self, sighting: Option<&Sighting>, now: Duration, patience: Duration) -> bool {
        if sighting.is_some_and(|sighting| sighting.state != State::Unreadable) {
            self.unread_since = None;
            return true;
        }
        let since = *self.unread_since.get_or_insert(now);
        self.health.readable && now.saturating_sub(since) < patience
    }

    /// What the last minute added, once it is over.
    fn minute(&mut self, readings: &Readings, now: Duration) -> Option<Minute> {
        let standing = Minute::standing(readings);
        let (began, before) = *self.minute.get_or_insert((now, standing));
        let took = now.saturating_sub(began);
        if took < MINUTE {
            return None;
        }
        self.minute = Some((now, standing));
        Some(standing.since(&before, took))
    }

    /// What a line's test says, and the fault behind it.
    fn ask(
        &self,
        policy: &Policy,
        line: &Line,
        sighting: Option<&Sighting>,
        minute: Option<&Minute>,
        now: Timestamp,
    ) -> (Says, Option<Evidence>) {
        let read = sighting.is_some_and(|sighting| sighting.readings().is_some());
        // That a fault is over is believed of a GPU that can be read.
        let logged = |found: Option<Evidence>| match found {
            Some(evidence) => (Says::Holds, Some(evidence)),
            None => (if read { Says::Clear } else { Says::Nothing }, None),
        };
        match &line.test {
            Test::Level { signal, holds, clear_below, .. } => {
                let value =
                    sighting.and_then(|sighting| signal.value(Look { sighting, minute, links_up: self.wear.links_up }));
                let says = match value {
                    None => Says::Nothing,
                    Some(value) if holds.contains(value) => Says::Holds,
                    Some(value) if clear_below.is_some_and(|below| value >= below) => Says::Between,
                    Some(_) => Says::Clear,
                };
                (says, None)
            }
            Test::Xid { codes, with, detail, until } => {
                let found = self.faults.standing(codes, with, detail.as_deref(), *until, now);
                logged(found.map(|(code, since)| Evidence {
                    xid: Some(code),
                    reason: policy.says(code),
                    since: Some(since),
                }))
            }
            Test::UnknownXid(time) => {
                let found = self.faults.unknown(policy, *time, now);
                logged(
                    found.map(|code| Evidence::xid(code, format!("XID {code}, which the policy does not know").into())),
                )
            }
            Test::Suspect => {
                let found = self.faults.suspect(policy, now);
                let says = |code| format!("{}, again and again, from different processes", policy.says(code)).into();
                logged(found.map(|code| Evidence::xid(code, says(code))))
            }
            Test::Flapping => {
                let found = self.faults.flapping(policy, now);
                let says = |kind| format!("{kind} comes and goes: it is not believed to be over").into();
                logged(found.map(|kind| Evidence { xid: None, reason: says(kind), since: None }))
            }
        }
    }

    /// Whether what is said of this kind is another thing than before.
    fn conclude(
        &mut self,
        kind: &ConditionKind,
        holds: Option<(&Line, Option<Evidence>, bool)>,
        clear: bool,
        now: Timestamp,
    ) -> bool {
        let old = self.health.said.get(kind);
        let Some((line, evidence, seen)) = holds else {
            let news = clear && old != Some(&None);
            if news {
                self.health.said.insert(kind.clone(), None);
            }
            return news;
        };
        let before = old.and_then(Option::as_ref);
        let condition = Condition {
            kind: kind.clone(),
            severity: line.severity,
            remedy: line.remedy,
            reason: Arc::from(""),
            xid: None,
            first_seen: before.map_or(now, |old| old.first_seen),
            last_seen: now,
        };
        let condition = match (evidence, &line.test, before) {
            (Some(Evidence { xid, reason, since }), ..) => {
                // What is logged again is another occurrence: to who took the last one for over, it is news.
                let first_seen = since.unwrap_or(condition.first_seen);
                let last_seen = since.unwrap_or(now);
                Condition { xid, reason, first_seen, last_seen, ..condition }
            }
            (None, Test::Level { reason, .. }, _) => Condition { reason: Arc::clone(reason), ..condition },
            // It is kept for now: by what it was raised for stands in the books.
            (None, _, Some(old)) => Condition { xid: old.xid, reason: Arc::clone(&old.reason), ..condition },
            (None, _, None) => condition,
        };
        if let Some(old) = before.filter(|old| old.same_as(&condition)) {
            let again = old.first_seen != condition.first_seen;
            // When it was last seen is no news by itself: it is told with all else.
            let last_seen = if seen { condition.last_seen } else { old.last_seen };
            self.health.said.insert(kind.clone(), Some(Condition { last_seen, ..condition }));
            return again;
        }
        if before.is_none() && !matches!(line.test, Test::Flapping) && line.severity >= Severity::Warning {
            self.faults.raise(kind, now);
        }
        self.health.said.insert(kind.clone(), Some(condition));
        true
    }
}

/// The fault behind a condition.
struct Evidence {
    xid: Option<u32>,
    reason: Arc<str>,
    /// When it began, where the log says so.
    since: Option<Timestamp>,
}

impl Evidence {
    const fn xid(code: u32, reason: Arc<str>) -> Self {
        Self { xid: Some(code), reason, since: None }
    }
}

impl Wear {
    /// Takes in what it shows; what it does not show stays as it was. Whether it has more links up than ever.
    fn note(&mut self, readings: &Readings) -> bool {
        self.energy_mj = readings.energy_mj.or(self.energy_mj);
        self.pcie_replays = readings.pcie.replays.or(self.pcie_replays);
        let up = readings.nvlinks.map_or(0, |links| links.active);
        let more = up > self.links_up;
        self.links_up = self.links_up.max(up);
        more
    }

    /// Whether a counter went back: the GPU was reset, or its driver loaded anew. Memory errors are not among the counters: a
    /// command sets them back.
    fn went_back(self, readings: &Readings) -> bool {
        let back = |then: Option<u64>, now: Option<u64>| then.zip(now).is_some_and(|(then, now)| now < then);
        back(self.energy_mj, readings.energy_mj) || back(self.pcie_replays, readings.pcie.replays)
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
