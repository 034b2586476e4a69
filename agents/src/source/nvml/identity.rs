//! Which GPU is where: asked while it answers, for it can't be asked once it is lost.
use domain::{
    Model,
    device::{DeviceId, Instance, Slot},
    node::Seen,
};
use std::collections::{BTreeMap, BTreeSet};

/// What a GPU is, apart from how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub device: DeviceId,
    pub slot: Slot,
    pub model: Model,
    pub memory_bytes: u64,
    /// Its number in NVML's order when it was last seen.
    pub index: Option<u32>,
    pub minor: Option<u32>,
    pub instances: Vec<Instance>,
}

impl From<Seen> for Identity {
    fn from(seen: Seen) -> Self {
        let Seen { device, slot, model, memory_bytes, instances } = seen;
        Self { device, slot, model, memory_bytes, index: None, minor: None, instances }
    }
}

/// Every GPU that was seen since the host started, by its slot.
#[derive(Debug, Default)]
pub(super) struct Identities {
    seen: BTreeMap<Slot, Identity>,
    /// What was known before the agent's own life.
    before: Vec<Identity>,
}

impl Identities {
    /// Nothing but what was known before.
    pub(super) fn new(before: Vec<Seen>) -> Self {
        Self { seen: BTreeMap::new(), before: before.into_iter().map(Identity::from).collect() }
    }

    /// A GPU answered.
    pub(super) fn note(&mut self, identity: &Identity) {
        self.seen.retain(|slot, old| old.device != identity.device || *slot == identity.slot);
        self.seen.insert(identity.slot, identity.clone());
    }

    /// The one that was last seen in this slot.
    pub(super) fn at(&self, slot: Slot) -> Option<&Identity> {
        self.seen.get(&slot).or_else(|| self.before.iter().find(|identity| identity.slot == slot))
    }

    /// The ones behind numbers that do not answer, given those that do: by the number that each had; where that is not
    /// known, all of before that are not there.
    pub(super) fn behind(&self, silent: &[u32], present: &BTreeSet<DeviceId>) -> Vec<Identity> {
        let mut found: Vec<Identity> = vec![];
        let mut unresolved = false;
        for index in silent {
            let had = |identity: &&Identity| identity.index == Some(*index) && !present.contains(&identity.device);
            match self.seen.values().find(had) {
                Some(identity) => found.push(identity.clone()),
                None => unresolved = true,
            }
        }
        if unresolved {
            let taken: BTreeSet<DeviceId> =
                found.iter().map(|identity| identity.device).chain(present.clone()).collect();
            let left = |identity: &&Identity| {
                !taken.contains(&identity.device) && !self.seen.values().any(|seen| seen.device == identity.device)
            };
            found.extend(self.before.iter().filter(left).cloned());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: u8) -> Seen {
        Seen {
            device: DeviceId::from_uuid(uuid::Uuid::from_u128(number.into())),
            slot: Slot { domain: 0, bus: number, device: 0, function: 0 },
            model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
            memory_bytes: 80 << 30,
            instances: vec![],
        }
    }

    fn identity(number: u8, index: u32) -> Identity {
        Identity { index: Some(index), ..Identity::from(seen(number)) }
    }

    fn ids(identities: &[Identity]) -> Vec<DeviceId> {
        identities.iter().map(|identity| identity.device).collect()
    }

    #[test]
    fn a_number_that_is_lost_is_the_one_that_had_it() {
        let mut table = Identities::new(vec![]);
        for (number, index) in [(1, 0), (2, 1), (3, 2)] {
            table.note(&identity(number, index));
        }
        let present = BTreeSet::from([seen(1).device, seen(3).device]);
        assert_eq!(ids(&table.behind(&[1], &present)), [seen(2).device]);
        assert_eq!(table.at(seen(2).slot).unwrap().device, seen(2).device);
    }

    #[test]
    fn after_a_restart_of_the_agent_the_missing_ones_are_the_lost_ones() {
        let mut table = Identities::new(vec![seen(1), seen(2), seen(3)]);
        table.note(&identity(1, 0));
        table.note(&identity(3, 2));
        let present = BTreeSet::from([seen(1).device, seen(3).device]);
        assert_eq!(ids(&table.behind(&[1], &present)), [seen(2).device]);
        assert_eq!(ids(&table.behind(&[], &present)), []);
    }

    #[test]
    fn one_that_moved_has_one_slot() {
        let mut table = Identities::new(vec![]);
        table.note(&identity(1, 0));
        table.note(&Identity { slot: seen(9).slot, ..identity(1, 0) });
        assert!(table.at(seen(1).slot).is_none());
        assert_eq!(table.at(seen(9).slot).unwrap().device, seen(1).device);
    }

    #[test]
    fn one_that_shows_under_another_number_is_not_lost() {
        let mut table = Identities::new(vec![]);
        table.note(&identity(1, 0));
        table.note(&identity(2, 1));
        // The lost one is gone from the order: the other has moved up.
        let present = BTreeSet::from([seen(2).device]);
        assert_eq!(ids(&table.behind(&[1], &present)), []);
        assert_eq!(ids(&table.behind(&[0], &present)), [seen(1).device]);
    }
}
