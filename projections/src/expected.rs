//! How many devices a node reports, against how many it should have.
use domain::{
    Cluster,
    device::{Device, Presence},
    node::Node,
};

/// A node's devices that are in service: missing and retired ones alike stand in its slots until another takes them.
pub(crate) fn in_service<'a>(cluster: &'a Cluster, node: &'a Node) -> impl Iterator<Item = &'a Device> {
    let devices = node.devices.values().filter_map(|id| cluster.device(*id));
    devices.filter(|device| device.presence != Presence::Retired)
}

/// A node's devices, counted by whether it reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reported {
    /// How many there should be: what an operator said, else those that were seen and are not retired.
    pub(crate) expected: u32,
    /// How many the node reports.
    pub(crate) seen: u32,
    /// How many it reported once and does not now.
    pub(crate) missing: u32,
}

impl Reported {
    /// As the cluster stands.
    pub(crate) fn of(cluster: &Cluster, node: &Node) -> Self {
        let mut counts = Self::default();
        for device in in_service(cluster, node) {
            match device.presence {
                Presence::Present => counts.seen += 1,
                Presence::Missing | Presence::Retired => counts.missing += 1,
            }
        }
        counts.expected = node.expected.map_or(counts.seen + counts.missing, u32::from);
        counts
    }

    /// How many fewer than expected: a fault, but for a node that is out of service.
    pub(crate) const fn short(self, node: &Node) -> u32 {
        if node.retired { 0 } else { self.expected.saturating_sub(self.seen) }
    }

    /// How many more than expected: no fault of the node, and yet somebody is mistaken.
    pub(crate) const fn surplus(self, node: &Node) -> u32 {
        if node.retired { 0 } else { self.seen.saturating_sub(self.expected) }
    }
}
