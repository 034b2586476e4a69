//! Judging what was seen by the table of conditions.
use super::rules::{Rule, Verdict, rules};
use crate::source::{Observation, Sighting, State, Tick};
use domain::{
    device::{Condition, ConditionKind, DeviceId},
    node::{Facts, Seen},
};
use std::collections::BTreeMap;

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

/// What this observation says, given what was so before: what can't be read stays as it was.
pub fn diagnose(before: Option<Present>, observation: Observation, tick: Tick) -> Present {
    let mut before = before.map(|present| present.health).unwrap_or_default();
    let Ok(mut sightings) = observation.devices else {
        for health in before.values_mut() {
            health.readable = false;
        }
        return Present { facts: observation.host, devices: None, health: before };
    };
    sightings.sort_by_key(|sighting| sighting.slot);
    let health = sightings.iter().map(|sighting| {
        let before = before.remove(&sighting.device).unwrap_or_default();
        (sighting.device, examine(before, sighting, tick))
    });
    let health = health.collect();
    let devices = sightings.iter().map(Seen::from).collect();
    Present { facts: observation.host, devices: Some(devices), health }
}

fn examine(before: Health, sighting: &Sighting, tick: Tick) -> Health {
    let mut said = before.said;
    for lines in rules().chunk_by(|one, next| one.kind == next.kind) {
        let kind = &lines[0].kind;
        match judge(lines, sighting) {
            Outcome::Unsaid => {}
            Outcome::Clear => {
                said.insert(kind.clone(), None);
            }
            Outcome::Holds(mut condition) => {
                condition.first_seen = tick.wall;
                condition.last_seen = tick.wall;
                if let Some(old) = said.get(kind).and_then(Option::as_ref) {
                    condition.first_seen = old.first_seen;
                    if old.same_as(&condition) {
                        condition.last_seen = old.last_seen;
                    }
                }
                said.insert(kind.clone(), Some(condition));
            }
        }
    }
    Health { readable: sighting.state != State::Unreadable, said }
}

enum Outcome {
    Holds(Condition),
    Clear,
    Unsaid,
}

/// What the lines of one kind say together: the first that holds, else that it is clear if any line says so.
fn judge(lines: &[Rule], sighting: &Sighting) -> Outcome {
    let mut outcome = Outcome::Unsaid;
    for line in lines {
        match (line.judge)(sighting) {
            Verdict::Holds(xid) => return Outcome::Holds(condition(line, xid)),
            Verdict::Clear => outcome = Outcome::Clear,
            Verdict::Unsaid => {}
        }
    }
    outcome
}

fn condition(line: &Rule, xid: Option<(u32, &'static str)>) -> Condition {
    let reason = xid.map_or_else(|| line.reason.clone(), |(code, says)| format!("XID {code}: {says}").into());
    Condition {
        kind: line.kind.clone(),
        severity: line.severity,
        remedy: line.remedy,
        reason,
        xid: xid.map(|(code, _)| code),
        first_seen: domain::Timestamp::default(),
        last_seen: domain::Timestamp::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Readings, Throttle, Unreadable, Xid};
    use domain::{Timestamp, device::Severity};
    use std::time::Duration;

    const ID: &str = "GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c";

    fn seen(state: State, xids: &[u32]) -> Observation {
        let sighting = Sighting {
            device: ID.parse().unwrap(),
            slot: "0000:b3:00".parse().unwrap(),
            model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
            memory_bytes: 1,
            index: None,
            minor: None,
            instances: vec![],
            processes: None,
            state,
            xids: Some(xids.iter().map(|code| Xid { code: *code, count: 1 }).collect()),
        };
        Observation { host: Facts::default(), devices: Ok(vec![sighting]), xids: vec![] }
    }

    fn readings(throttle: Throttle) -> State {
        State::Read(Box::new(Readings { throttle: Some(throttle), ..Readings::default() }))
    }

    fn at(second: u64) -> Tick {
        Tick {
            elapsed: Duration::from_secs(second),
            wall: Timestamp::default().plus_seconds(i64::try_from(second).unwrap()),
        }
    }

    fn health(present: &Present) -> &Health {
        &present.health[&ID.parse().unwrap()]
    }

    fn kinds(present: &Present) -> Vec<&str> {
        health(present).conditions().map(|condition| condition.kind.as_str()).collect()
    }

    #[test]
    fn a_condition_keeps_its_first_sight_while_it_holds() {
        let first = diagnose(None, seen(readings(Throttle::HW_THERMAL), &[]), at(10));
        let later = diagnose(Some(first.clone()), seen(readings(Throttle::HW_THERMAL), &[]), at(20));
        assert_eq!(later, first, "nothing has changed");
        let over = diagnose(Some(later), seen(readings(Throttle::default()), &[]), at(30));
        assert_eq!(kinds(&over), [""; 0]);
        let again = diagnose(Some(over), seen(readings(Throttle::HW_THERMAL), &[]), at(40));
        assert_eq!(health(&again).conditions().next().unwrap().first_seen, at(40).wall);
    }

    #[test]
    fn what_can_not_be_read_stays_as_it_was() {
        let hot = diagnose(None, seen(readings(Throttle::HW_THERMAL), &[]), at(1));
        let hung = diagnose(Some(hot), seen(State::Unreadable, &[]), at(2));
        assert!(!health(&hung).readable);
        assert_eq!(kinds(&hung), ["thermal.hw_slowdown"]);
        let gone = Observation { host: Facts::default(), devices: Err(Unreadable::Hung), xids: vec![] };
        let blind = diagnose(Some(hung), gone, at(3));
        assert_eq!(blind.devices, None);
        assert_eq!(kinds(&blind), ["thermal.hw_slowdown"]);
        let back = diagnose(Some(blind), seen(readings(Throttle::default()), &[]), at(4));
        assert!(health(&back).readable);
        assert_eq!(kinds(&back), [""; 0]);
    }

    #[test]
    fn a_hung_driver_is_never_healthy() {
        let hung = diagnose(None, seen(State::Unreadable, &[]), at(1));
        assert!(!health(&hung).readable);
        assert!(!health(&hung).said.contains_key(&"gpu.lost".parse().unwrap()), "nobody knows");
    }

    #[test]
    fn a_fault_says_which_xid_it_was() {
        let lost = diagnose(None, seen(State::Lost, &[79]), at(1));
        let condition = health(&lost).conditions().next().unwrap();
        assert_eq!((condition.xid, condition.severity), (Some(79), Severity::Fatal));
        assert_eq!(&*condition.reason, "XID 79: the GPU has fallen off the bus");
        assert!(health(&lost).readable, "that it is lost is an answer");
    }
}
