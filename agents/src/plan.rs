//! Planning: what the server does not know yet. Pure.
use crate::health::{Health, Present, is_again};
use bus::wire::Content;
use domain::{
    device::{Condition, ConditionKind, DeviceId, Finding},
    node::{Facts, Seen},
};
use std::collections::BTreeMap;

/// What the server knows of this host: what it was told, and has taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// What it was told of the host and its devices; none if it may know anything.
    pub inventory: Option<(Facts, Option<Vec<Seen>>)>,
    /// What it was told of each device's health. Of a device that is not here it may know anything: whatever is found
    /// of it is told in full.
    pub health: BTreeMap<DeviceId, Health>,
}

impl Known {
    /// What the server knows once it has taken this.
    pub fn learn(&mut self, content: &Content) {
        match content {
            Content::Inventory { facts, devices } => {
                // A device that leaves may come back after anything: its health is told anew then. So is that of all,
                // once it could not be told which are there.
                self.health.retain(|id, _| devices.iter().flatten().any(|seen| seen.device == *id));
                self.inventory = Some((facts.clone(), devices.clone()));
            }
            Content::Health { findings } => {
                for finding in findings {
                    let health = self.health.entry(finding.device).or_default();
                    health.readable = finding.readable;
                    health.said.extend(finding.cleared.iter().map(|kind| (kind.clone(), None)));
                    health.said.extend(finding.raised.iter().map(|new| (new.kind.clone(), Some(new.clone()))));
                }
            }
        }
    }
}

/// What the server is to be told, the inventory first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// The host and its devices, if anything of that is new.
    pub inventory: Option<Content>,
    /// What is new of each device's health.
    pub findings: Vec<Finding>,
}

/// The difference between what the server knows and what is.
pub fn plan(known: &Known, present: &Present) -> Plan {
    let told = known.inventory.as_ref();
    let told = told.is_some_and(|(facts, devices)| *facts == present.facts && *devices == present.devices);
    let inventory = || Content::Inventory { facts: present.facts.clone(), devices: present.devices.clone() };
    Plan {
        inventory: (!told).then(inventory),
        findings: present.health.iter().filter_map(|(id, now)| find(*id, known.health.get(id), now)).collect(),
    }
}

fn find(device: DeviceId, known: Option<&Health>, now: &Health) -> Option<Finding> {
    let unknown = Health::default();
    let told = known.unwrap_or(&unknown);
    let mut raised: Vec<Condition> = vec![];
    let mut cleared: Vec<ConditionKind> = vec![];
    for (kind, is) in &now.said {
        match (told.said.get(kind), is) {
            (Some(Some(was)), Some(is)) if was.same_as(is) && !is_again(was, is) => {}
            (_, Some(is)) => raised.push(is.clone()),
            (Some(None), None) => {}
            (Some(Some(_)) | None, None) => cleared.push(kind.clone()),
        }
    }
    let same = known.is_some_and(|known| known.readable == now.readable);
    if same && raised.is_empty() && cleared.is_empty() {
        return None;
    }
    Some(Finding { device, readable: now.readable, raised, cleared })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        Timestamp,
        device::{Remedy, Severity},
    };

    fn id(number: u128) -> DeviceId {
        DeviceId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn seen(number: u8) -> Seen {
        Seen {
            device: id(number.into()),
            slot: domain::device::Slot { domain: 0, bus: number, device: 0, function: 0 },
            model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
            memory_bytes: 1,
            instances: vec![],
        }
    }

    fn condition(kind: &str, reason: &str) -> Condition {
        Condition {
            kind: kind.parse().unwrap(),
            severity: Severity::Critical,
            remedy: Remedy::ResetGpu,
            reason: reason.into(),
            xid: None,
            first_seen: Timestamp::default(),
            last_seen: Timestamp::default(),
        }
    }

    fn health(said: &[(&str, Option<&str>)]) -> Health {
        let said = said.iter().map(|(kind, reason)| (kind.parse().unwrap(), reason.map(|text| condition(kind, text))));
        Health { readable: true, said: said.collect() }
    }

    fn present(devices: &[(u8, Health)]) -> Present {
        Present {
            facts: Facts::default(),
            devices: Some(devices.iter().map(|(number, _)| seen(*number)).collect()),
            health: devices.iter().map(|(number, health)| (id((*number).into()), health.clone())).collect(),
        }
    }

    /// What the server knows after it was told all of this, one after the other.
    fn told(all: &[Present]) -> Known {
        let mut known = Known::default();
        for present in all {
            let plan = plan(&known, present);
            for content in plan.inventory.into_iter().chain([Content::Health { findings: plan.findings }]) {
                known.learn(&content);
            }
        }
        known
    }

    #[test]
    fn an_xid_that_is_logged_again_is_told_again() {
        let at = |second| Timestamp::default().plus_seconds(second);
        let logged = |first, last, xid| {
            let condition =
                Condition { xid, first_seen: at(first), last_seen: at(last), ..condition("gpu.lost", "XID 79") };
            present(&[(1, Health { readable: true, said: [(condition.kind.clone(), Some(condition))].into() })])
        };
        let known = told(&[logged(100, 100, Some(79))]);
        let tells = |now: &Present| !plan(&known, now).findings.is_empty();
        assert!(!tells(&logged(100, 100, Some(79))));
        assert!(tells(&logged(100, 101, Some(79))), "who cleared it by hand is to know");
        assert!(tells(&logged(300, 300, Some(79))), "another occurrence");
        let known = told(&[logged(100, 100, None)]);
        assert!(plan(&known, &logged(100, 900, None)).findings.is_empty(), "that it lasts is no news");
    }

    #[test]
    fn at_first_contact_everything_is_told() {
        let now = present(&[(1, health(&[("ecc.uncorrected", Some("x")), ("gpu.lost", None)])), (2, health(&[]))]);
        let Plan { inventory, findings } = plan(&Known::default(), &now);
        assert!(matches!(inventory, Some(Content::Inventory { devices: Some(devices), .. }) if devices.len() == 2));
        assert_eq!(findings.len(), 2, "also of a device with nothing to say: it can be read");
        assert_eq!(findings[0].raised.len(), 1);
        assert_eq!(findings[0].cleared, ["gpu.lost".parse().unwrap()], "an old one may stand in the server's books");
    }

    #[test]
    fn what_is_known_is_not_told_again() {
        let now = present(&[(1, health(&[("ecc.uncorrected", Some("x")), ("gpu.lost", None)]))]);
        assert_eq!(plan(&told(std::slice::from_ref(&now)), &now), Plan::default());
    }

    #[test]
    fn only_the_difference_is_told() {
        let before =
            present(&[(1, health(&[("a.a", Some("x")), ("b.b", None), ("c.c", Some("x"))])), (2, health(&[]))]);
        let now = present(&[(1, health(&[("a.a", Some("y")), ("b.b", Some("x")), ("c.c", None)])), (2, health(&[]))]);
        let Plan { inventory, findings } = plan(&told(&[before]), &now);
        assert_eq!(inventory, None);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].raised, [condition("a.a", "y"), condition("b.b", "x")]);
        assert_eq!(findings[0].cleared, ["c.c".parse().unwrap()]);
    }

    #[test]
    fn another_boot_is_an_inventory() {
        let before = present(&[(1, health(&[]))]);
        let now = Present { facts: Facts { boot_id: "b".into(), ..Facts::default() }, ..before.clone() };
        assert!(plan(&told(&[before]), &now).inventory.is_some());
    }

    #[test]
    fn a_device_that_was_away_is_told_of_in_full() {
        let both = present(&[(1, health(&[("a.a", None)])), (2, health(&[("a.a", Some("x"))]))]);
        let one = present(&[(1, health(&[("a.a", None)]))]);
        let back = present(&[(1, health(&[("a.a", None)])), (2, health(&[("a.a", None)]))]);
        let Plan { inventory, findings } = plan(&told(&[both, one]), &back);
        assert!(inventory.is_some());
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].device, findings[0].cleared.len()), (id(2), 1));
    }

    #[test]
    fn without_a_driver_it_is_told_that_nothing_is_known_and_afterwards_all() {
        let before = present(&[(1, health(&[("a.a", None)]))]);
        let blind = Health { readable: false, ..health(&[("a.a", None)]) };
        let now = Present { devices: None, health: [(id(1), blind)].into(), ..before.clone() };
        let Plan { inventory, .. } = plan(&told(std::slice::from_ref(&before)), &now);
        assert!(matches!(inventory, Some(Content::Inventory { devices: None, .. })), "which is not that none is there");
        let Plan { inventory, findings } = plan(&told(&[before.clone(), now]), &before);
        assert!(inventory.is_some());
        assert!(findings[0].readable && findings[0].cleared.len() == 1);
    }
}
