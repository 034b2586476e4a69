//! One device, from look to look.
use super::{Health, Remembered, Wear};
use crate::{
    health::{
        damper::{Damper, Latch, Says},
        faults::Faults,
        policy::{Line, Policy, Test},
        signal::{Look, Minute},
    },
    source::{Readings, Sighting, State, Tick},
};
use domain::{
    Timestamp,
    device::{Condition, ConditionKind, Remedy, Severity},
    node::Seen,
};
use std::{sync::Arc, time::Duration};

/// What is known of one device.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) seen: Seen,
    pub(super) health: Health,
    pub(super) faults: Faults,
    dampers: Vec<Damper>,
    /// Since when it can't be read, or is not there.
    unread_since: Option<Duration>,
    absent_since: Option<Duration>,
    /// Whether it is taken to be gone. What is known of it is kept until the next boot: it may come back as it was.
    pub(super) gone: bool,
    /// The counters at the last full minute, and when that was.
    minute: Option<(Duration, Minute)>,
    wear: Wear,
}

const MINUTE: Duration = Duration::from_mins(1);

impl Track {
    /// One that was never seen before.
    pub(super) fn new(seen: Seen, policy: &Policy) -> Self {
        Self::with(seen, policy.lines().map(|_| Damper::default()).collect())
    }

    fn with(seen: Seen, dampers: Vec<Damper>) -> Self {
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
    pub(super) fn recall(old: Remembered, policy: &Policy) -> Self {
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
        let mut track = Self::with(old.seen, dampers.collect());
        (track.health, track.faults, track.wear) = (old.health, old.faults, old.wear);
        track.faults.recall(policy);
        for (kind, said) in &mut track.health.said {
            if !policy.kinds.contains_key(kind) {
                *said = None;
            }
        }
        track
    }

    pub(super) fn remember(&self) -> Remembered {
        let (seen, health, faults) = (self.seen.clone(), self.health.clone(), self.faults.clone());
        Remembered { seen, health, faults, wear: self.wear }
    }

    pub(super) fn happened(&mut self, what: Latch, policy: &Policy, now: Timestamp) {
        if self.health.conditions().any(|condition| is_remedied(condition, what)) {
            self.faults.remedy(policy, now);
        }
        self.faults.happened(what);
        for (damper, (kind, line)) in self.dampers.iter_mut().zip(policy.lines()) {
            damper.happened(what, &line.damping);
            if line.damping.latch.is_some() && damper.is_released() {
                self.faults.released.insert(kind.clone());
            }
        }
        self.wear.begin_anew();
        self.minute = None;
    }

    /// It is not there: gone, once that is overdue, or as soon as another is in its slot.
    pub(super) fn miss(&mut self, now: Duration, patience: Option<Duration>, replaced: bool) {
        let since = *self.absent_since.get_or_insert(now);
        let overdue = patience.is_some_and(|patience| now.saturating_sub(since) >= patience);
        self.gone |= overdue || replaced;
    }

    /// It is there.
    pub(super) const fn find(&mut self) {
        (self.absent_since, self.gone) = (None, false);
    }

    /// Takes in its counters, and a reset if they went back. Whether that is worth remembering at once.
    pub(super) fn note_wear(&mut self, readings: &Readings, policy: &Policy, now: Timestamp) -> bool {
        let back = self.wear.went_back(readings);
        if back {
            // A driver that still asks for something has not seen the end of it: the counters of before are kept.
            if readings.recovery_action.is_some_and(|action| action != 0) {
                return false;
            }
            self.happened(Latch::Reset, policy, now);
        }
        self.wear.note(readings, now) || back
    }

    /// Judges by every line. Whether that changes anything.
    pub(super) fn judge(&mut self, policy: &Policy, sighting: Option<&Sighting>, tick: Tick, uptime: Duration) -> bool {
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
                    let seen = says == Says::Holds;
                    let look = sighting.filter(|_| seen).map(|sighting| self.view(sighting, minute.as_ref()));
                    holds = Some((line, evidence.or_else(|| self.level(kind, line, look)), seen));
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
                let value = sighting.and_then(|sighting| signal.value(self.view(sighting, minute)));
                let says = match value {
                    None => Says::Nothing,
                    Some(value) if holds.contains(value) => Says::Holds,
                    Some(value) if clear_below.is_some_and(|below| value >= below) => Says::Between,
                    Some(_) => Says::Clear,
                };
                (says, None)
            }
            Test::Xid { codes, with, detail, until } => {
                let found = self.faults.standing(codes, with, detail.as_ref().map(|detail| &*detail.key), *until, now);
                logged(found.map(|(code, begun, last)| Evidence {
                    xid: Some(code),
                    reason: policy.says(code),
                    logged: Some((begun, last)),
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
                logged(found.map(|kind| Evidence { xid: None, reason: says(kind), logged: None }))
            }
            Test::Remedied => {
                let found = self.faults.needs_remedies(policy, now);
                let reason = "it was reset or its host restarted for it again and again: that does not make it sound";
                logged(found.then(|| Evidence { xid: None, reason: reason.into(), logged: None }))
            }
        }
    }

    fn view<'a>(&self, sighting: &'a Sighting, minute: Option<&'a Minute>) -> Look<'a> {
        let (links_up, logged_action) = (self.wear.links_up(), self.faults.action());
        Look { sighting, minute, links_up, logged_action, double_bit_growth: self.wear.double_bit_growth() }
    }

    /// What is said of a level, with the figures of the look that raised it: that they move since is no news.
    fn level(&self, kind: &ConditionKind, line: &Line, look: Option<Look<'_>>) -> Option<Evidence> {
        let Test::Level { signal, holds, reason, .. } = &line.test else { return None };
        let raised_by_it = |old: &&Condition| {
            let rest = old.reason.strip_prefix(&**reason);
            (old.severity, old.remedy) == (line.severity, line.remedy)
                && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        };
        let before = self.health.said.get(kind).and_then(Option::as_ref).filter(raised_by_it);
        let figures = || look.and_then(|look| signal.figures(look, holds));
        let reason = match before {
            Some(old) => Arc::clone(&old.reason),
            None => figures().map_or_else(|| Arc::clone(reason), |figures| format!("{reason} ({figures})").into()),
        };
        Some(Evidence { xid: None, reason, logged: None })
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
        let condition = match (evidence, before) {
            (Some(Evidence { xid, reason, logged }), _) => {
                // What is logged again is another occurrence: to who took the last one for over, it is news.
                let before = before.filter(|_| xid.is_some());
                let (first_seen, last_seen) =
                    logged.unwrap_or_else(|| (condition.first_seen, before.map_or(now, |old| old.last_seen)));
                Condition { xid, reason, first_seen, last_seen, ..condition }
            }
            // It is kept for now: by what it was raised for stands in the books.
            (None, Some(old)) => Condition { xid: old.xid, reason: Arc::clone(&old.reason), ..condition },
            (None, None) => condition,
        };
        if let Some(old) = before.filter(|old| old.same_as(&condition)) {
            let due = old.first_seen != condition.first_seen || old.last_seen.plus_seconds(AGAIN_AFTER) <= now;
            let again = seen && due && is_again(old, &condition);
            // When it was last seen is no news by itself: it is told with all else.
            let last_seen =
                if seen && (again || condition.xid.is_none()) { condition.last_seen } else { old.last_seen };
            self.health.said.insert(kind.clone(), Some(Condition { last_seen, ..condition }));
            return again;
        }
        if before.is_none()
            && !matches!(line.test, Test::Flapping | Test::Remedied)
            && line.severity >= Severity::Warning
        {
            self.faults.raise(kind, now);
        }
        self.health.said.insert(kind.clone(), Some(condition));
        true
    }
}

/// So often, in seconds, it is told at most that an XID was logged again.
const AGAIN_AFTER: i64 = 10;

/// Whether the same trouble is another occurrence than what was told, or its XID was logged again since. Who cleared it by hand
/// is to know.
pub fn is_again(told: &Condition, now: &Condition) -> bool {
    told.first_seen != now.first_seen || (now.xid.is_some() && told.last_seen < now.last_seen)
}

/// Whether this is the remedy for a condition as bad as that work has to be kept from the GPU.
fn is_remedied(condition: &Condition, by: Latch) -> bool {
    let remedy = match condition.remedy {
        Remedy::ResetGpu | Remedy::DrainAndReset => true,
        Remedy::RebootNode => by == Latch::Boot,
        _ => false,
    };
    remedy && condition.severity >= Severity::Critical
}

/// The fault behind a condition.
struct Evidence {
    xid: Option<u32>,
    reason: Arc<str>,
    /// When it began, and when it was last seen, where the log says so.
    logged: Option<(Timestamp, Timestamp)>,
}

impl Evidence {
    const fn xid(code: u32, reason: Arc<str>) -> Self {
        Self { xid: Some(code), reason, logged: None }
    }
}
