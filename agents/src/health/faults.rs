//! What one GPU's driver logged: counted for good, and standing until a reset, a restart or a quiet time.
use super::{
    damper::Latch,
    detail::Detail,
    policy::{Policy, Until},
};
use crate::source::XidEvent;
use domain::{Timestamp, device::ConditionKind, telemetry::XidCount};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

/// The most codes that are told apart.
const CODES_MAX: usize = bus::wire::XIDS_MAX;

/// The most bursts of one code, and beginnings of one kind, that are remembered.
const REMEMBERED_MAX: usize = super::policy::BURSTS_MAX as usize;

/// One GPU's faults.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Faults {
    codes: BTreeMap<u32, Logged>,
    last: Option<u32>,
    raised: BTreeMap<ConditionKind, VecDeque<Timestamp>>,
    /// When it was reset, or its host restarted, because it needed that.
    remedied: VecDeque<Timestamp>,
    /// Conditions whose reset or restart has happened, and which were not seen since: the next agent is to know that.
    pub(super) released: BTreeSet<ConditionKind>,
    /// What the driver asks for, as it last logged; 0, once a reset or a restart has happened since.
    action: Option<u32>,
}

/// What is known of one code.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Logged {
    /// How often it was logged, since the agent first ran on this host.
    count: u32,
    /// When it was logged last.
    at: Timestamp,
    /// What of that which the policy looks for was said, since what ends it: the keys of [`Detail`](super::detail::Detail).
    said: BTreeSet<Arc<str>>,
    /// Whether it was logged since the last event of its kind that ends it.
    since_reset: bool,
    since_boot: bool,
    bursts: VecDeque<Burst>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Burst {
    at: Timestamp,
    last: Timestamp,
    pid: Option<u32>,
}

impl Faults {
    /// Takes in what was logged of a GPU of this model. What is over is counted, and does not stand.
    pub fn log(&mut self, event: &XidEvent, model: &str, policy: &Policy, over: bool) {
        if self.codes.len() >= CODES_MAX && !self.codes.contains_key(&event.code) {
            return;
        }
        self.last = Some(event.code);
        let logged = self.codes.entry(event.code).or_default();
        logged.count = logged.count.saturating_add(1);
        if over {
            return;
        }
        if event.code == XidEvent::RECOVERY_ACTION_CHANGED {
            self.action = recovery_action(&event.detail).or(self.action);
        }
        logged.at = logged.at.max(event.at);
        let said = policy.details(event.code).filter(|detail| detail.is_in(&event.detail, model));
        logged.said.extend(said.map(|detail| Arc::clone(&detail.key)));
        let stood = std::mem::replace(&mut logged.since_reset, true);
        logged.since_boot = true;
        match logged.bursts.back_mut() {
            Some(burst) if stood && within(burst.last, event.at, policy.suspect.burst) => burst.last = event.at,
            _ => {
                if logged.bursts.len() >= REMEMBERED_MAX {
                    logged.bursts.pop_front();
                }
                logged.bursts.push_back(Burst { at: event.at, last: event.at, pid: event.pid });
            }
        }
    }

    /// Goes on by this policy. What was said and is not looked for in these words any more may be the worst of what is: the text is not
    /// remembered.
    pub(super) fn recall(&mut self, policy: &Policy) {
        for (code, logged) in &mut self.codes {
            let known: BTreeSet<Arc<str>> = policy.details(*code).map(|detail| Arc::clone(&detail.key)).collect();
            let before = logged.said.len();
            logged.said.retain(|key| known.contains(key));
            if logged.said.len() < before {
                let beyond = known.iter().any(|key| key.starts_with(Detail::BEYOND));
                logged.said.extend(known.into_iter().filter(|key| !beyond || key.starts_with(Detail::BEYOND)));
            }
        }
    }

    /// The GPU was reset, or the host restarted: what that ends stands no more.
    pub fn happened(&mut self, what: Latch) {
        self.action = self.action.map(|_| 0);
        for logged in self.codes.values_mut() {
            logged.since_reset = false;
            logged.said.clear();
            if what == Latch::Boot {
                logged.since_boot = false;
            }
        }
    }

    /// What the driver asks for by its log (`NVML_GPU_RECOVERY_ACTION_…`), if it ever said so.
    pub(super) const fn action(&self) -> Option<u32> {
        self.action
    }

    /// How often each code was logged, the last one first.
    pub fn counts(&self) -> Vec<XidCount> {
        let mut counts: Vec<_> =
            self.codes.iter().map(|(code, logged)| XidCount { code: *code, count: logged.count }).collect();
        counts.sort_by_key(|xid| Some(xid.code) != self.last);
        counts
    }

    /// That of these codes which began last of those that stand, when it last began to be logged, and when it was last; see
    /// [`Test::Xid`](super::policy::Test::Xid).
    pub(super) fn standing(
        &self,
        codes: &BTreeSet<u32>,
        with: &BTreeSet<u32>,
        detail: Option<&str>,
        until: Until,
        now: Timestamp,
    ) -> Option<(u32, Timestamp, Timestamp)> {
        let stands = |logged: &Logged| match until {
            Until::Quiet(time) => within(logged.at, now, time),
            Until::Reset => logged.since_reset,
            Until::Boot => logged.since_boot,
        };
        let says = |logged: &Logged| detail.is_none_or(|key| logged.said.contains(key));
        let accompanied = with.is_empty() || with.iter().filter_map(|code| self.codes.get(code)).any(stands);
        let found = codes.iter().filter_map(|code| Some((*code, self.codes.get(code)?)));
        let standing = found.filter(|(_, logged)| accompanied && stands(logged) && says(logged));
        let begun = |logged: &Logged| logged.bursts.back().map_or(logged.at, |burst| burst.at);
        standing.map(|(code, logged)| (code, begun(logged), logged.at)).max_by_key(|(_, begun, _)| *begun)
    }

    /// The first code that the policy does not know, if it was logged within this time.
    pub(super) fn unknown(&self, policy: &Policy, time: Duration, now: Timestamp) -> Option<u32> {
        let mut recent = self.codes.iter().filter(|(_, logged)| within(logged.at, now, time));
        recent.find(|(code, _)| !policy.knows(**code)).map(|(code, _)| *code)
    }

    /// The first code by which the hardware is suspect; see [`Suspect`](super::policy::Suspect).
    pub(super) fn suspect(&self, policy: &Policy, now: Timestamp) -> Option<u32> {
        let rule = &policy.suspect;
        let often = |logged: &Logged| {
            let recent: Vec<_> = logged.bursts.iter().filter(|burst| within(burst.at, now, rule.within)).collect();
            let processes: BTreeSet<u32> = recent.iter().filter_map(|burst| burst.pid).collect();
            recent.len() >= rule.bursts && processes.len() >= rule.processes
        };
        let mut all = self.codes.iter();
        all.find(|(code, logged)| rule.codes.contains(code) && often(logged)).map(|(code, _)| *code)
    }

    /// A condition of this kind begins.
    pub(super) fn raise(&mut self, kind: &ConditionKind, now: Timestamp) {
        let times = self.raised.entry(kind.clone()).or_default();
        if times.len() >= REMEMBERED_MAX {
            times.pop_front();
        }
        times.push_back(now);
    }

    /// The first kind that came and went too often; see [`Flapping`](super::policy::Flapping).
    pub(super) fn flapping(&self, policy: &Policy, now: Timestamp) -> Option<&ConditionKind> {
        let rule = &policy.flapping;
        let often = |times| too_often(times, rule.times, rule.within, rule.keep, now);
        self.raised.iter().find(|(_, times)| often(times)).map(|(kind, _)| kind)
    }

    /// It was reset, or its host restarted, and needed that.
    pub(super) fn remedy(&mut self, policy: &Policy, now: Timestamp) {
        if self.remedied.back().is_some_and(|last| within(*last, now, policy.remedied.burst)) {
            return;
        }
        if self.remedied.len() >= REMEMBERED_MAX {
            self.remedied.pop_front();
        }
        self.remedied.push_back(now);
    }

    /// Whether it needed that too often; see [`Remedied`](super::policy::Remedied).
    pub(super) fn needs_remedies(&self, policy: &Policy, now: Timestamp) -> bool {
        let rule = &policy.remedied;
        too_often(&self.remedied, rule.times, rule.within, rule.keep, now)
    }
}

/// Whether so many of these times lie within so long, the last of them less than `keep` ago: so it is believed from when it
/// was too often on.
fn too_often(times: &VecDeque<Timestamp>, count: usize, span: Duration, keep: Duration, now: Timestamp) -> bool {
    let lasts = times.iter().skip(count.saturating_sub(1));
    times.iter().zip(lasts).any(|(first, last)| within(*first, *last, span) && within(*last, now, keep))
}

/// Whether less than this time lies between, whichever comes first: a clock may be set back, and what was logged by one
/// that ran far ahead is not to stand for ever.
fn within(from: Timestamp, to: Timestamp, time: Duration) -> bool {
    let between = to.micros().saturating_sub(from.micros());
    u128::from(between.unsigned_abs()) < time.as_micros()
}

/// The new one in `GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)`.
fn recovery_action(text: &str) -> Option<u32> {
    let (_, change) = text.split_once("recovery action changed")?;
    let (_, new) = change.rsplit_once(" to 0x")?;
    let digits = new.split(|c: char| !c.is_ascii_hexdigit()).next()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Arc<Policy> {
        Policy::built_in()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(1_772_366_400_000_000).plus_seconds(second)
    }

    fn log(faults: &mut Faults, code: u32, second: i64, pid: Option<u32>) {
        let (slot, detail) = ("0000:b3:00".parse().unwrap(), Arc::from(""));
        let event = XidEvent { slot, code, gpu_instance: None, pid, detail, at: at(second) };
        faults.log(&event, "NVIDIA H100 80GB HBM3", &policy(), false);
    }

    #[test]
    fn what_another_policy_found_in_a_text_may_be_the_worst_of_what_this_one_looks_for() {
        let (mut faults, policy) = (Faults::default(), policy());
        log(&mut faults, 74, 0, None);
        let by_this = faults.codes[&74].said.clone();
        assert!(by_this.iter().all(|key| key.starts_with(Detail::BEYOND)) && !by_this.is_empty(), "no registers");
        faults.recall(&policy);
        assert_eq!(faults.codes[&74].said, by_this);
        let logged = faults.codes.get_mut(&74).unwrap();
        logged.said = BTreeSet::from(["bits:of another policy".into()]);
        faults.recall(&policy);
        assert_eq!(faults.codes[&74].said, by_this);
        // What was found harmless stays so.
        faults.codes.get_mut(&74).unwrap().said.clear();
        faults.recall(&policy);
        assert!(faults.codes[&74].said.is_empty());
    }

    #[test]
    fn what_is_logged_is_counted_for_good() {
        let mut faults = Faults::default();
        for second in [0, 5, 9] {
            log(&mut faults, 13, second, None);
        }
        log(&mut faults, 31, 10, None);
        faults.happened(Latch::Boot);
        assert_eq!(faults.counts(), [XidCount { code: 31, count: 1 }, XidCount { code: 13, count: 3 }]);
    }

    #[test]
    fn a_fault_stands_until_its_event_or_its_time() {
        let mut faults = Faults::default();
        log(&mut faults, 79, 0, None);
        let (codes, none) = ([79].into(), BTreeSet::new());
        let stands = |faults: &Faults, until, now| {
            faults.standing(&codes, &none, None, until, at(now)) == Some((79, at(0), at(0)))
        };
        assert!(stands(&faults, Until::Quiet(Duration::from_secs(10)), 9));
        assert!(!stands(&faults, Until::Quiet(Duration::from_secs(10)), 10));
        assert!(stands(&faults, Until::Quiet(Duration::from_secs(10)), -9), "the clock was set back");
        assert!(!stands(&faults, Until::Quiet(Duration::from_secs(10)), -1000), "it ran far ahead");
        faults.happened(Latch::Reset);
        assert!(!stands(&faults, Until::Reset, 1) && stands(&faults, Until::Boot, 1));
        faults.happened(Latch::Boot);
        assert!(!stands(&faults, Until::Boot, 1));
    }

    #[test]
    fn an_application_fault_is_suspect_once_it_meets_several_applications() {
        let suspect = |faults: &Faults, now| faults.suspect(&policy(), at(now));
        let mut faults = Faults::default();
        for nth in 0..5 {
            assert_eq!(suspect(&faults, nth * 600), None);
            log(&mut faults, 13, nth * 600, Some(u32::try_from(nth % 3).unwrap()));
        }
        assert_eq!(suspect(&faults, 3000), Some(13));
        assert_eq!(suspect(&faults, 90_000), None, "a day of quiet");

        let mut burst = Faults::default();
        let mut churn = Faults::default();
        let mut alone = Faults::default();
        for nth in 0..20 {
            log(&mut burst, 13, nth * 100, Some(u32::try_from(nth).unwrap()));
            log(&mut churn, 45, nth * 600, Some(u32::try_from(nth).unwrap()));
            log(&mut alone, 13, nth * 600, Some(7));
        }
        assert_eq!(suspect(&burst, 2000), None, "one burst");
        assert_eq!(suspect(&churn, 12_000), None, "every job leaves that");
        assert_eq!(suspect(&alone, 12_000), None, "one application");
    }

    #[test]
    fn a_code_that_nobody_knows_is_told() {
        let mut faults = Faults::default();
        log(&mut faults, 13, 0, None);
        assert_eq!(faults.unknown(&policy(), Duration::from_mins(1), at(1)), None);
        log(&mut faults, 9999, 0, None);
        assert_eq!(faults.unknown(&policy(), Duration::from_mins(1), at(1)), Some(9999));
        assert_eq!(faults.unknown(&policy(), Duration::from_mins(1), at(61)), None);
    }

    #[test]
    fn what_comes_and_goes_is_told_and_believed_for_a_while() {
        let kind: ConditionKind = "nvlink.down".parse().unwrap();
        let mut faults = Faults::default();
        for nth in 0..4 {
            faults.raise(&kind, at(nth * 600));
        }
        assert_eq!(faults.flapping(&policy(), at(1800)), None);
        faults.raise(&kind, at(2400));
        assert_eq!(faults.flapping(&policy(), at(2400)), Some(&kind));
        assert_eq!(faults.flapping(&policy(), at(80_000)), Some(&kind));
        assert_eq!(faults.flapping(&policy(), at(90_000)), None);
        for nth in 0..9 {
            faults.raise(&"thermal.over_limit".parse().unwrap(), at(100_000 + nth * 1000));
        }
        assert_eq!(faults.flapping(&policy(), at(110_000)), None, "too seldom");
    }

    #[test]
    fn remedies_that_come_together_are_one() {
        let mut faults = Faults::default();
        for minute in 0..9 {
            faults.remedy(&policy(), at(minute * 60));
        }
        assert!(!faults.needs_remedies(&policy(), at(600)));
        for nth in 1..5 {
            faults.remedy(&policy(), at(nth * 600));
        }
        assert!(faults.needs_remedies(&policy(), at(2400)));
        for nth in 5..1000 {
            faults.remedy(&policy(), at(nth * 600));
        }
        assert_eq!(faults.remedied.len(), REMEMBERED_MAX);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut faults = Faults::default();
        for code in 0..1000 {
            for nth in 0..100 {
                log(&mut faults, code, nth * 1000, None);
            }
        }
        assert_eq!(faults.codes.len(), CODES_MAX);
        assert!(faults.codes.values().all(|logged| logged.bursts.len() <= REMEMBERED_MAX));
    }

    #[test]
    fn the_action_that_the_driver_asks_for_is_the_later_one_of_its_text() {
        let action = |change: &str| recovery_action(&format!("GPU recovery action changed from {change}"));
        assert_eq!(action("0x0 (None) to 0x1 (GPU Reset Required)"), Some(1));
        assert_eq!(action("0x1 (GPU Reset Required) to 0x0 (None)"), Some(0));
        assert_eq!(action("0x0 (None) to 0x2 (Node Reboot Required)"), Some(2));
        assert_eq!(action("0x0 (None) to 0x1f"), Some(31));
        for other in ["0x0 (None)", "0x0 (None) to 0x", "0x0 to 0xfffffffff"] {
            assert_eq!(action(other), None, "{other}");
        }
        assert_eq!(recovery_action("something else, to 0x1"), None);
    }
}
