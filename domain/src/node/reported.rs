//! How many devices a node reports, against how many it should have.
use super::Node;
use crate::{
    Cluster, NodeName, Stamp, Timestamp,
    device::{self, Device, Presence},
};

/// A node's devices that are in service: missing and retired ones alike stand in its slots until another takes them.
pub fn in_service<'a>(cluster: &'a Cluster, node: &'a Node) -> impl Iterator<Item = &'a Device> {
    let devices = node.devices.values().filter_map(|id| cluster.device(*id));
    devices.filter(|device| !device.retired)
}

/// A node's devices, counted by whether it reports them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reported {
    /// How many there should be: what an operator said, else those that were seen and are not retired.
    pub expected: u32,
    /// How many the node reports.
    pub seen: u32,
    /// How many it reported once and does not now.
    pub missing: u32,
}

impl Reported {
    /// As the cluster stands.
    pub fn of(cluster: &Cluster, node: &Node) -> Self {
        let mut counts = Self::default();
        for device in in_service(cluster, node) {
            match device.presence() {
                Presence::Present => counts.seen += 1,
                Presence::Missing | Presence::Retired => counts.missing += 1,
            }
        }
        counts.expected = node.expected.map_or(counts.seen + counts.missing, u32::from);
        counts
    }

    /// How many fewer than expected: a fault, but for a node that is out of service.
    pub const fn short(self, node: &Node) -> u32 {
        if node.retired { 0 } else { self.expected.saturating_sub(self.seen) }
    }

    /// How many more than expected: no fault of the node, and yet somebody is mistaken.
    pub const fn surplus(self, node: &Node) -> u32 {
        if node.retired { 0 } else { self.seen.saturating_sub(self.expected) }
    }
}

/// The nodes that may report more or fewer devices by this event, before and after it. Each node has few, so that its own
/// are counted anew.
pub fn recounted<'a>(cluster: &'a Cluster, event: &'a device::Event) -> [Option<&'a NodeName>; 2] {
    use device::Event as E;
    match event {
        E::Discovered { node, .. } | E::Missing { node, .. } | E::Returned { node, .. } | E::Replaced { node, .. } => {
            [Some(node), None]
        }
        E::Moved { from, node, .. } => [Some(node), Some(from).filter(|from| *from != node)],
        E::Retired { device, .. } | E::Reinstated { device } => {
            [cluster.device(*device).map(|device| &device.node), None]
        }
        E::Assigned { .. }
        | E::Cordoned { .. }
        | E::Uncordoned { .. }
        | E::HealthChanged { .. }
        | E::Quarantined { .. }
        | E::QuarantineLifted { .. }
        | E::ConditionOverridden { .. }
        | E::OverrideEnded { .. }
        | E::ConditionCleared { .. }
        | E::InstancesChanged { .. } => [None, None],
    }
}

/// The node remembers since when the number of its devices is wrong: from the event on that made it so, whatever the
/// number is since, until one that makes it right.
pub(crate) fn recount(cluster: &mut Cluster, at: Stamp, name: &NodeName) {
    let Some(node) = cluster.nodes.get(name) else { return };
    let reported = Reported::of(cluster, node);
    let (short, surplus) = (reported.short(node) > 0, reported.surplus(node) > 0);
    if let Some(node) = cluster.nodes.get_mut(name) {
        node.short_since = since(node.short_since, short, at);
        node.surplus_since = since(node.surplus_since, surplus, at);
    }
}

/// Since when something holds, if it does now and did since then before.
pub(crate) fn since(before: Option<Timestamp>, holds: bool, at: Stamp) -> Option<Timestamp> {
    holds.then(|| before.unwrap_or(at.recorded_at))
}
