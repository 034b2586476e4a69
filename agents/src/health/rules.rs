//! The table of conditions: what is wrong with a GPU when, how bad that is, and what to do.
//!
//! Each rule judges one sighting by itself. How often and for how long something has to be seen is not said here: that
//! is for who calls. What NVML can't tell of one moment (rates, repeated application faults, flapping) is no rule.
use super::xid;
use crate::source::{Sighting, State, Throttle};
use domain::device::{ConditionKind, Remedy, Severity};
use std::sync::{Arc, LazyLock};

/// What a rule says of a sighting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The condition holds: with the XID behind it and a better reason than the rule's own, where there is one.
    Holds(Option<(u32, &'static str)>),
    /// The condition does not hold.
    Clear,
    /// What would tell was not to be read: whatever was so before is taken to be so still.
    Unsaid,
}

/// One line of the table. Several lines may be of one kind: the first that holds says how bad it is.
#[derive(Debug)]
pub struct Rule {
    /// The condition.
    pub kind: ConditionKind,
    /// How bad it is.
    pub severity: Severity,
    /// What to do.
    pub remedy: Remedy,
    /// What a person is told.
    pub reason: Arc<str>,
    /// Whether it holds.
    pub judge: fn(&Sighting) -> Verdict,
}

/// Every rule, those of one kind one after the other.
pub fn rules() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        TABLE
            .iter()
            .map(|(kind, severity, remedy, reason, judge)| Rule {
                kind: kind.parse().expect("the table's kinds are well formed"),
                severity: *severity,
                remedy: *remedy,
                reason: Arc::from(*reason),
                judge: *judge,
            })
            .collect()
    });
    &RULES
}

type Line = (&'static str, Severity, Remedy, &'static str, fn(&Sighting) -> Verdict);

use Remedy::{DrainAndReset, Operator, RebootNode, ResetGpu, ServiceRequired};
use Severity::{Critical, Fatal, Warning};

#[rustfmt::skip]
const TABLE: &[Line] = &[
    ("gpu.lost", Fatal, RebootNode, "the GPU has fallen off the bus", lost),
    ("gpu.reset_required", Critical, DrainAndReset, "the driver asks to drain the GPU and reset it", |s| action(s, &[4])),
    ("gpu.reset_required", Critical, ResetGpu, "the driver asks for a reset of the GPU", |s| action(s, &[1])),
    ("gpu.reboot_required", Fatal, RebootNode, "the driver asks for a restart of the node", |s| action(s, &[2, 7])),
    ("gpu.recovery_required", Critical, Operator, "the driver asks for a recovery that has no rule here", |s| read(s, |r| r.recovery_action.map(|action| !matches!(action, 0 | 1 | 2 | 4 | 7)))),
    ("xid.fatal", Critical, ResetGpu, "the driver logged a fatal fault", needs_reset),
    ("ecc.uncorrected", Critical, ResetGpu, "uncorrected memory errors since the last reset", |s| read(s, |r| r.ecc.uncorrected.map(|errors| errors > 0))),
    ("ecc.sram_threshold", Critical, ServiceRequired, "the SRAM has failed too often", |s| read(s, |r| r.ecc.sram_threshold_exceeded)),
    ("row_remap.failed", Critical, ServiceRequired, "a memory row could not be remapped", |s| read(s, |r| r.remap.failed)),
    ("row_remap.pending", Warning, ResetGpu, "a memory row is remapped at the next reset: running work is safe", |s| read(s, |r| r.remap.pending)),
    ("row_remap.exhausting", Warning, ServiceRequired, "the spare memory rows are used up", |s| read(s, |r| r.remap.uncorrected.map(|rows| rows >= 512))),
    ("pages.retired", Critical, ServiceRequired, "too many memory pages are retired", |s| read(s, |r| Some(r.retired.single_bit? + r.retired.double_bit? >= 63))),
    ("pages.retired", Warning, RebootNode, "a memory page is retired at the next restart", |s| read(s, |r| r.retired.pending)),
    ("thermal.over_limit", Critical, Operator, "the GPU is about to switch itself off: it is too hot", |s| hot(s, |t| Some(t.gpu? >= t.shutdown? - 2))),
    ("thermal.over_limit", Warning, Operator, "the GPU or its memory is hotter than its limit", |s| hot(s, over_limit)),
    ("thermal.hw_slowdown", Warning, Operator, "the GPU slows itself down: it is too hot", |s| throttled(s, Throttle::HW_THERMAL)),
    ("power.brake", Warning, Operator, "the power supply slows the GPU down", |s| throttled(s, Throttle::POWER_BRAKE)),
    ("pcie.degraded", Critical, ResetGpu, "the PCI Express link has lost most of its lanes", |s| read(s, |r| Some(r.pcie.width? <= 4 && r.pcie.width_max? > 4))),
    ("pcie.degraded", Warning, ResetGpu, "the PCI Express link has lost lanes", |s| read(s, |r| Some(r.pcie.width? < r.pcie.width_max?))),
    ("inforom.corrupt", Warning, ServiceRequired, "the info ROM is damaged", |s| read(s, |r| r.info_rom_valid.map(|valid| !valid))),
    ("config.ecc_pending", Warning, RebootNode, "error correction changes at the next restart", |s| read(s, |r| Some(r.ecc.enabled? != r.ecc.pending?))),
];

/// What a reading says: nothing, if it is missing.
fn read(sighting: &Sighting, holds: impl Fn(&crate::source::Readings) -> Option<bool>) -> Verdict {
    match sighting.readings().and_then(holds) {
        Some(true) => Verdict::Holds(None),
        Some(false) => Verdict::Clear,
        None => Verdict::Unsaid,
    }
}

fn lost(sighting: &Sighting) -> Verdict {
    let logged = logged(sighting, |code| (code == xid::FALLEN_OFF).then_some("the GPU has fallen off the bus"));
    match (&sighting.state, logged) {
        (_, Verdict::Holds(xid)) => Verdict::Holds(xid),
        (State::Lost, _) => Verdict::Holds(None),
        // It answers, so it is there, whether the log can be read or not.
        (State::Read(_), _) => Verdict::Clear,
        (State::Unreadable, _) => Verdict::Unsaid,
    }
}

fn needs_reset(sighting: &Sighting) -> Verdict {
    let says = |code| xid::NEEDS_RESET.binary_search_by_key(&code, |entry| entry.code).ok();
    logged(sighting, |code| says(code).map(|at| xid::NEEDS_RESET[at].says))
}

/// Whether an XID of this sort was logged: the first, where there are several.
fn logged(sighting: &Sighting, says: impl Fn(u32) -> Option<&'static str>) -> Verdict {
    let Some(xids) = &sighting.xids else { return Verdict::Unsaid };
    let found = xids.iter().find_map(|xid| Some((xid.code, says(xid.code)?)));
    found.map_or(Verdict::Clear, |found| Verdict::Holds(Some(found)))
}

fn action(sighting: &Sighting, actions: &[u32]) -> Verdict {
    read(sighting, |readings| readings.recovery_action.map(|action| actions.contains(&action)))
}

fn throttled(sighting: &Sighting, reasons: Throttle) -> Verdict {
    read(sighting, |readings| readings.throttle.map(|throttle| throttle.contains(reasons)))
}

fn hot(sighting: &Sighting, holds: fn(&crate::source::Temperatures) -> Option<bool>) -> Verdict {
    read(sighting, |readings| holds(&readings.temperatures))
}

/// Either limit that is passed tells; neither is told of by one that can't be read.
fn over_limit(temperatures: &crate::source::Temperatures) -> Option<bool> {
    let gpu = temperatures.gpu.zip(temperatures.slowdown).map(|(is, limit)| is >= limit);
    let memory = temperatures.memory.zip(temperatures.memory_max).map(|(is, limit)| is >= limit);
    match (gpu, memory) {
        (None, None) => None,
        (gpu, memory) => Some(gpu == Some(true) || memory == Some(true)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Readings, Xid};
    use domain::device::{Condition, Device};
    use std::collections::BTreeSet;

    fn sighting(state: State, xids: Option<&[u32]>) -> Sighting {
        Sighting {
            device: "GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c".parse().unwrap(),
            slot: "0000:b3:00".parse().unwrap(),
            model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
            memory_bytes: 1,
            index: None,
            minor: None,
            instances: vec![],
            processes: None,
            state,
            xids: xids.map(|codes| codes.iter().map(|code| Xid { code: *code, count: 1 }).collect()),
        }
    }

    fn readable(change: impl FnOnce(&mut Readings)) -> Sighting {
        let mut readings = Readings::default();
        change(&mut readings);
        sighting(State::Read(Box::new(readings)), Some(&[]))
    }

    fn holding(sighting: &Sighting) -> Vec<(&'static str, Severity, Remedy)> {
        let holds = |rule: &&Rule| matches!((rule.judge)(sighting), Verdict::Holds(_));
        rules().iter().filter(holds).map(|rule| (rule.kind.as_str(), rule.severity, rule.remedy)).collect()
    }

    #[test]
    fn the_table_keeps_the_bounds_of_the_domain() {
        let kinds: BTreeSet<_> = rules().iter().map(|rule| &rule.kind).collect();
        assert!(kinds.len() <= Device::CONDITIONS_MAX);
        assert!(rules().iter().all(|rule| rule.reason.len() <= Condition::REASON_MAX));
        assert!(rules().is_sorted_by_key(|rule| rules().iter().position(|first| first.kind == rule.kind)));
        assert!(xid::NEEDS_RESET.is_sorted_by_key(|entry| entry.code));
    }

    #[test]
    fn what_can_not_be_read_is_neither_good_nor_bad() {
        let nothing = sighting(State::Read(Box::default()), None);
        for rule in rules().iter().filter(|rule| rule.kind.as_str() != "gpu.lost") {
            assert_eq!((rule.judge)(&nothing), Verdict::Unsaid, "{}", rule.kind);
        }
        for rule in rules() {
            assert_eq!((rule.judge)(&sighting(State::Unreadable, None)), Verdict::Unsaid, "{}", rule.kind);
        }
    }

    #[test]
    fn a_lost_gpu_is_fatal() {
        assert_eq!(holding(&sighting(State::Lost, None)), [("gpu.lost", Fatal, RebootNode)]);
        assert_eq!(holding(&sighting(State::Unreadable, Some(&[79]))), [("gpu.lost", Fatal, RebootNode)]);
    }

    #[test]
    fn only_the_codes_that_need_it_ask_for_a_reset() {
        for quiet in [13, 31, 43, 45, 63, 94, 92] {
            assert_eq!(holding(&sighting(State::Read(Box::default()), Some(&[quiet]))), [], "XID {quiet}");
        }
        let found = sighting(State::Read(Box::default()), Some(&[13, 119]));
        assert_eq!(holding(&found), [("xid.fatal", Critical, ResetGpu)]);
        assert_eq!(needs_reset(&found), Verdict::Holds(Some((119, "the GPU system processor did not answer"))));
    }

    #[test]
    fn the_power_cap_is_no_fault() {
        let capped = Throttle(Throttle::POWER_CAP.0 | Throttle::IDLE.0);
        assert_eq!(holding(&readable(|readings| readings.throttle = Some(capped))), []);
        let brake = readable(|readings| readings.throttle = Some(Throttle(0x84)));
        assert_eq!(holding(&brake), [("power.brake", Warning, Operator)]);
    }

    #[test]
    fn limits_are_the_gpus_own() {
        let heat = |gpu| {
            readable(|readings| {
                readings.temperatures.gpu = Some(gpu);
                readings.temperatures.slowdown = Some(90);
                readings.temperatures.shutdown = Some(95);
            })
        };
        assert_eq!(holding(&heat(89)), []);
        assert_eq!(holding(&heat(90)), [("thermal.over_limit", Warning, Operator)]);
        assert_eq!(holding(&heat(93))[0], ("thermal.over_limit", Critical, Operator));
        assert_eq!(holding(&readable(|readings| readings.temperatures.gpu = Some(200))), []);
    }

    #[test]
    fn the_drivers_own_verdict_is_followed() {
        for (number, expected) in [
            (0, vec![]),
            (1, vec![("gpu.reset_required", Critical, ResetGpu)]),
            (2, vec![("gpu.reboot_required", Fatal, RebootNode)]),
            (4, vec![("gpu.reset_required", Critical, DrainAndReset)]),
            (99, vec![("gpu.recovery_required", Critical, Operator)]),
        ] {
            let told = readable(|readings| readings.recovery_action = Some(number));
            assert_eq!(holding(&told), expected, "action {number}");
        }
    }
}
