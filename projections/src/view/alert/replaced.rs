//! Nodes whose devices were replaced not long ago: somebody changed the hardware, or another host goes by the node's name.
use super::{AlertView, Look, Severity};
use domain::{JobId, NodeName, device::Device};
use std::collections::{BTreeMap, BTreeSet};

/// So long after it, in seconds, a replacement is told.
const TOLD_FOR: i64 = 86_400;
/// The most replacements that are named.
const NAMED_MAX: usize = 8;

/// A device with the one that it replaced.
#[derive(Clone, Copy)]
struct Replacement<'a> {
    old: &'a Device,
    new: &'a Device,
}

impl Replacement<'_> {
    /// Whether it was undone: the old one is in service again, and the new one is not where the old one belongs.
    fn is_undone(self) -> bool {
        !self.old.retired && (self.new.retired || self.new.node != self.old.node)
    }

    fn jobs(self) -> impl Iterator<Item = JobId> {
        self.old.jobs().chain(self.new.jobs())
    }
}

impl Look<'_> {
    /// An alert for each node in service of which devices were replaced within the last day, and not put back since.
    pub(super) fn replaced_alerts(&self) -> impl Iterator<Item = AlertView> {
        let cluster = self.cluster();
        let begin = self.time.plus_seconds(-TOLD_FOR);
        let mut nodes: BTreeMap<&NodeName, Vec<Replacement<'_>>> = BTreeMap::new();
        // One that replaced another was first seen by that.
        for new in cluster.devices().values().filter(|device| device.discovered_at > begin) {
            let Some(old) = new.replaces.and_then(|old| cluster.device(old)) else { continue };
            let replacement = Replacement { old, new };
            if !replacement.is_undone() && cluster.node(&old.node).is_some_and(|node| !node.retired) {
                nodes.entry(&old.node).or_default().push(replacement);
            }
        }
        nodes.into_iter().map(|(node, replaced)| self.replaced_alert(node, &replaced))
    }

    fn replaced_alert(&self, node: &NodeName, replaced: &[Replacement<'_>]) -> AlertView {
        let named = replaced.iter().take(NAMED_MAX).map(|one| format!("{} by {}", one.old.id, one.new.id));
        let more = replaced.len().saturating_sub(NAMED_MAX);
        let named: Vec<String> = named.chain((more > 0).then(|| format!("{more} more"))).collect();
        let jobs: BTreeSet<JobId> = replaced.iter().copied().flat_map(Replacement::jobs).collect();
        AlertView {
            severity: Severity::Warning,
            code: "node.devices_replaced".to_owned(),
            subject: format!("node/{node}"),
            node: Some(node.to_string()),
            since: replaced.iter().map(|one| one.new.discovered_at).min(),
            summary: format!("{} of its devices were replaced by others: {}", replaced.len(), named.join(", ")),
            action:
                "if nobody changed the hardware, another host goes by this node's name: stop it, reinstate the old \
                     devices, retire the new ones; else nothing: this is told for a day"
                    .to_owned(),
            jobs: self.alert_jobs(&jobs),
        }
    }
}
