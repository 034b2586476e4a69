//! What a pool has to give: counted, and laid out so that a claim finds its devices without looking at the fleet.
use crate::{
    Model, NodeName,
    device::{DeviceId, Slot},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a device can be given to a job, and if not, why not: the first of these reasons that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// A job is on it.
    Busy,
    /// Its node does not report it.
    Missing,
    /// Its health can't be known: its agent can't read it, or its node is lost.
    Unknown,
    /// It has a critical or fatal condition.
    Quarantined,
    /// An operator wishes that it takes no job: itself or its node is cordoned.
    Cordoned,
    /// It can be given.
    Free,
}

/// How many devices are available, and how many are not, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// With a job.
    pub busy: u32,
    /// Not reported.
    pub missing: u32,
    /// Of unknown health.
    pub unknown: u32,
    /// With a critical or fatal condition.
    pub quarantined: u32,
    /// Held back by an operator.
    pub cordoned: u32,
    /// To be had.
    pub free: u32,
}

impl Tally {
    /// All of them.
    pub const fn total(&self) -> u32 {
        self.busy + self.missing + self.unknown + self.quarantined + self.cordoned + self.free
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            busy: self.busy + other.busy,
            missing: self.missing + other.missing,
            unknown: self.unknown + other.unknown,
            quarantined: self.quarantined + other.quarantined,
            cordoned: self.cordoned + other.cordoned,
            free: self.free + other.free,
        }
    }

    const fn of(&mut self, availability: Availability) -> &mut u32 {
        match availability {
            Availability::Busy => &mut self.busy,
            Availability::Missing => &mut self.missing,
            Availability::Unknown => &mut self.unknown,
            Availability::Quarantined => &mut self.quarantined,
            Availability::Cordoned => &mut self.cordoned,
            Availability::Free => &mut self.free,
        }
    }
}

/// Where a device sits and what it is: what the stock needs to know of it.
#[derive(PartialEq)]
pub(crate) struct Place {
    pub(crate) device: DeviceId,
    pub(crate) model: Model,
    pub(crate) node: NodeName,
    pub(crate) slot: Slot,
    pub(crate) availability: Availability,
}

/// A pool's devices by model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Stock {
    shelves: BTreeMap<Model, Shelf>,
}

/// One model's devices: the tally of all, and the free ones by node and by how many a node has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Shelf {
    tally: Tally,
    free: BTreeMap<NodeName, BTreeSet<(Slot, DeviceId)>>,
    by_count: BTreeMap<usize, BTreeSet<NodeName>>,
}

impl Stock {
    pub(crate) fn add(&mut self, place: &Place) {
        let of_model = self.shelves.entry(place.model.clone()).or_default();
        *of_model.tally.of(place.availability) += 1;
        if place.availability == Availability::Free {
            of_model.change(&place.node, |free| free.insert((place.slot, place.device)));
        }
    }

    /// Takes out what was added under the same place.
    pub(crate) fn remove(&mut self, place: &Place) {
        let Some(of_model) = self.shelves.get_mut(&place.model) else { return };
        let count = of_model.tally.of(place.availability);
        *count = count.saturating_sub(1);
        if place.availability == Availability::Free {
            of_model.change(&place.node, |free| free.remove(&(place.slot, place.device)));
        }
        if of_model.tally == Tally::default() {
            self.shelves.remove(&place.model);
        }
    }

    /// What was added under one place is now at another.
    pub(crate) fn change(&mut self, before: &Place, after: &Place) {
        let unmoved = (&before.model, &before.node, before.slot) == (&after.model, &after.node, after.slot);
        let Some(of_model) = self.shelves.get_mut(&before.model).filter(|_| unmoved) else {
            self.remove(before);
            return self.add(after);
        };
        let count = of_model.tally.of(before.availability);
        *count = count.saturating_sub(1);
        *of_model.tally.of(after.availability) += 1;
        let entry = (after.slot, after.device);
        match (before.availability == Availability::Free, after.availability == Availability::Free) {
            (true, false) => of_model.change(&after.node, |free| free.remove(&entry)),
            (false, true) => of_model.change(&after.node, |free| free.insert(entry)),
            (true, true) | (false, false) => {}
        }
    }

    /// The models that it holds.
    pub(crate) fn models(&self) -> impl Iterator<Item = &Model> {
        self.shelves.keys()
    }

    /// The tally of one model, or of all.
    pub(crate) fn tally(&self, model: Option<&Model>) -> Tally {
        match model {
            Some(model) => self.shelves.get(model).map(|shelf| shelf.tally).unwrap_or_default(),
            None => self.shelves.values().fold(Tally::default(), |sum, shelf| sum.plus(shelf.tally)),
        }
    }

    /// The tally of one model: the named one, or else the one with the most free. What a claim that found too few is told,
    /// since a claim is never of several models.
    pub(crate) fn nearest(&self, model: Option<&Model>) -> Tally {
        match model {
            Some(_) => self.tally(model),
            None => self.shelves.values().map(|shelf| shelf.tally).max_by_key(|tally| tally.free).unwrap_or_default(),
        }
    }

    /// So many free devices of one model, on as few nodes as can be: the named model, or else the one that needs the
    /// fewest nodes for it. None if there are not enough.
    pub(crate) fn pick(&self, model: Option<&Model>, count: usize) -> Option<Vec<DeviceId>> {
        let shelves = self.shelves.iter().filter(|(have, _)| model.is_none_or(|wanted| wanted == *have));
        shelves
            .filter_map(|(_, shelf)| Some((shelf.nodes_for(count)?, shelf)))
            .min_by_key(|(nodes, shelf)| (nodes.len(), std::cmp::Reverse(shelf.tally.free)))
            .map(|(nodes, shelf)| {
                nodes.into_iter().flat_map(|node| &shelf.free[node]).map(|(_, id)| *id).take(count).collect()
            })
    }
}

impl Shelf {
    fn change(&mut self, node: &NodeName, change: impl FnOnce(&mut BTreeSet<(Slot, DeviceId)>) -> bool) {
        let free = self.free.entry(node.clone()).or_default();
        let before = free.len();
        change(free);
        let after = free.len();
        if after == 0 {
            self.free.remove(node);
        }
        if let Some(level) = self.by_count.get_mut(&before) {
            level.remove(node);
            if level.is_empty() {
                self.by_count.remove(&before);
            }
        }
        if after > 0 {
            self.by_count.entry(after).or_default().insert(node.clone());
        }
    }

    /// The nodes to take them from: the fullest whole, and last the one that the rest fits best.
    fn nodes_for(&self, count: usize) -> Option<Vec<&NodeName>> {
        if (self.tally.free as usize) < count {
            return None;
        }
        let mut nodes = vec![];
        let mut missing = count;
        for (have, node) in
            self.by_count.iter().rev().flat_map(|(have, level)| level.iter().map(move |node| (have, node)))
        {
            if missing <= *have {
                // The nodes taken so far have at least `have`, and so stand behind the first that fits, if not level.
                let mut fitting = self.by_count.range(missing..).flat_map(|(_, level)| level);
                nodes.push(fitting.find(|fits| !nodes.contains(fits)).unwrap_or(node));
                return Some(nodes);
            }
            nodes.push(node);
            missing -= have;
        }
        None
    }
}
