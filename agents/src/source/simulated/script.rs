//! What goes wrong in a simulated fleet, and when.
use super::{chance, fleet::Size};
use std::time::Duration;

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The GPU falls off the bus (XID 79). For the last third of the time the node is down, and after it the node is
    /// back with a new boot and a sound GPU.
    FallenOff,
    /// An uncorrected memory error (XID 48), until the GPU is reset.
    UncorrectedEcc,
    /// A row waits to be remapped, until the GPU is reset.
    RemapPending,
    /// The GPU is too hot, and slows itself down.
    Overheated,
    /// The driver gives no answer for this GPU.
    Hung,
    /// The node no longer sees the GPU; afterwards it is back.
    Missing,
    /// The GPU is taken out; afterwards another one is in its slot.
    Replaced,
    /// The whole node is silent; afterwards it goes on as if nothing had been.
    NodeSilent,
    /// The whole node is down; afterwards it is back with a new boot.
    NodeRestart,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 9] = [
        Self::FallenOff,
        Self::UncorrectedEcc,
        Self::RemapPending,
        Self::Overheated,
        Self::Hung,
        Self::Missing,
        Self::Replaced,
        Self::NodeSilent,
        Self::NodeRestart,
    ];
}

/// One fault, from when until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When it begins, since the simulation began.
    pub at: Duration,
    /// How long it lasts.
    pub lasts: Duration,
    /// The node, from 0.
    pub node: u32,
    /// The slot on it, from 0; of no meaning for a fault of the whole node.
    pub device: u16,
    /// What goes wrong.
    pub fault: Fault,
}

impl Entry {
    pub(super) fn ends(&self) -> Duration {
        self.at.saturating_add(self.lasts)
    }

    /// Whether the node is down or cut off at that time, which is within the fault's.
    pub(super) fn silences(&self, at: Duration) -> bool {
        match self.fault {
            Fault::NodeSilent | Fault::NodeRestart => true,
            Fault::FallenOff => at.saturating_sub(self.at) >= self.lasts * 2 / 3,
            _ => false,
        }
    }
}

/// Faults in the order in which they begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script(Vec<Entry>);

impl Script {
    /// These faults. They may overlap.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by_key(|entry| entry.at);
        Self(entries)
    }

    /// The faults.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

/// A calm life: one fault about every minute in the whole fleet, whatever its size, and at most one GPU in ten (but at
/// least one) at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calm {
    pub(super) size: Size,
    pub(super) seed: u64,
}

impl Calm {
    const EVERY: u64 = 60;
    const FIRST: u64 = 30;
    const JITTER: u64 = 15;
    const SHORTEST: u64 = 30;
    const AT_A_TIME_MAX: u64 = 3;

    /// The fault number `nth` (from 0), if it is this node's. Each begins after the one before.
    pub(super) fn entry(self, nth: u64, node: u32) -> (Duration, Option<Entry>) {
        let draw = |purpose, end| chance::below(end, self.seed, purpose, &[nth]);
        let at = Duration::from_secs(Self::FIRST + nth * Self::EVERY + draw("when", Self::JITTER));
        if draw("node", u64::from(self.size.nodes)) != u64::from(node) {
            return (at, None);
        }
        let at_a_time = (self.size.devices() / 10).clamp(1, Self::AT_A_TIME_MAX);
        let longest = Self::EVERY * at_a_time - Self::JITTER - 5;
        let lasts = Self::SHORTEST + draw("lasts", longest - Self::SHORTEST);
        let device = u16::try_from(draw("device", u64::from(self.size.gpus_per_node))).unwrap_or_default();
        let fault = match draw("fault", 20) {
            0..5 => Fault::UncorrectedEcc,
            5..9 => Fault::Overheated,
            9..13 => Fault::RemapPending,
            13..16 => Fault::FallenOff,
            16 => Fault::Hung,
            17 => Fault::Missing,
            18 => Fault::Replaced,
            _ => Fault::NodeSilent,
        };
        (at, Some(Entry { at, lasts: Duration::from_secs(lasts), node, device, fault }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(size: Size, seed: u64, count: u64) -> Vec<Entry> {
        let calm = Calm { size, seed };
        let all = (0..count).flat_map(|nth| (0..size.nodes).filter_map(move |node| calm.entry(nth, node).1));
        all.collect()
    }

    #[test]
    fn every_fault_is_exactly_one_nodes_and_they_begin_in_order() {
        let size = Size { nodes: 4, gpus_per_node: 8 };
        let entries = entries(size, 1, 500);
        assert_eq!(entries.len(), 500);
        assert!(entries.is_sorted_by_key(|entry| entry.at));
        assert!(entries.iter().all(|entry| entry.device < 8));
        assert!(entries[0].at < Duration::from_mins(1), "the demonstration shows something soon");
    }

    #[test]
    fn at_most_one_device_in_ten_at_a_time() {
        for (nodes, gpus_per_node, most) in [(1, 1, 1), (1, 8, 1), (2, 8, 1), (4, 8, 3), (100, 8, 3)] {
            let entries = entries(Size { nodes, gpus_per_node }, 9, 300);
            for entry in &entries {
                let under_way = entries.iter().filter(|other| other.at <= entry.at && entry.at < other.ends()).count();
                assert!(under_way <= most, "{under_way} in {nodes}x{gpus_per_node}");
            }
        }
    }
}
