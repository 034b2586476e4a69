//! Which kinds of conditions are known: so that a wish that names none of them is found to be mistaken.
use super::{ConditionKind, Device};
use crate::{Cluster, policy::HealthPolicy};

impl ConditionKind {
    /// The kinds of the agents' built-in policy, in order. An agent with a policy of its own may raise others.
    pub const BUILT_IN: [&str; 30] = [
        "config.ecc_off",
        "config.ecc_pending",
        "config.persistence_off",
        "ecc.corrected_rate",
        "ecc.sram_threshold",
        "ecc.uncorrected",
        "fabric.unhealthy",
        "gpu.flapping",
        "gpu.lost",
        "gpu.reboot_required",
        "gpu.recovery_required",
        "gpu.reset_required",
        "inforom.corrupt",
        "nvlink.down",
        "nvlink.errors",
        "pages.retired",
        "pcie.degraded",
        "pcie.replay",
        "power.brake",
        "row_remap.exhausting",
        "row_remap.failed",
        "row_remap.pending",
        "thermal.hw_slowdown",
        "thermal.over_limit",
        "xid.app",
        "xid.fatal",
        "xid.link",
        "xid.software",
        "xid.suspect_hw",
        "xid.unknown",
    ];

    /// Whether this kind is known: it is built in, the health policy names it, or the device has it, had it cleared, or has
    /// it overridden.
    pub(crate) fn is_known(&self, device: &Device, policy: &HealthPolicy) -> bool {
        Self::BUILT_IN.contains(&self.as_str()) || beside(device, policy).any(|kind| kind == self)
    }

    /// Whether this kind is known anywhere: it is built in, the health policy names it, or some device knows it.
    pub(crate) fn is_known_in(&self, cluster: &Cluster) -> bool {
        let ruled = || cluster.health_policy().conditions.iter().any(|rule| rule.kind == *self);
        let had = || cluster.devices().values().any(|device| had(device).any(|kind| kind == self));
        Self::BUILT_IN.contains(&self.as_str()) || ruled() || had()
    }

    /// The known kinds that are spelled alike, the likest first: at most 3.
    pub(crate) fn alike(&self, device: &Device, policy: &HealthPolicy) -> Vec<Self> {
        self.likest(beside(device, policy))
    }

    /// The built-in kind that is likest, if one is spelled alike.
    pub(crate) fn likest_built_in(&self) -> Option<Self> {
        self.likest(std::iter::empty()).into_iter().next()
    }

    /// Of the built-in kinds and these, those that are spelled alike, the likest first: at most 3.
    fn likest<'a>(&self, others: impl Iterator<Item = &'a Self>) -> Vec<Self> {
        let built_in = Self::BUILT_IN.iter().map(|kind| Self((*kind).into()));
        let mut alike: Vec<(usize, Self)> = built_in
            .chain(others.cloned())
            .map(|kind| (distance(self.as_str(), kind.as_str()), kind))
            .filter(|(distance, _)| *distance <= FAR)
            .collect();
        alike.sort();
        alike.dedup();
        alike.into_iter().take(ALIKE_MAX).map(|(_, kind)| kind).collect()
    }
}

/// The most kinds that are called alike.
const ALIKE_MAX: usize = 3;
/// Up to so many mistakes, it may be meant.
const FAR: usize = 3;

/// The kinds that are known besides the built-in ones.
fn beside<'a>(device: &'a Device, policy: &'a HealthPolicy) -> impl Iterator<Item = &'a ConditionKind> {
    policy.conditions.iter().map(|rule| &rule.kind).chain(had(device))
}

/// The kinds that the device has, had cleared, or has overridden.
fn had(device: &Device) -> impl Iterator<Item = &ConditionKind> {
    let standing = device.conditions.iter().map(|condition| &condition.kind);
    let cleared = device.dismissed.iter().map(|dismissed| &dismissed.kind);
    let overridden = device.overrides.iter().map(|wish| &wish.condition);
    standing.chain(cleared).chain(overridden)
}

/// How many letters have to be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, letter) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (at, there) in other.bytes().enumerate() {
            let changed = diagonal + usize::from(letter != there);
            diagonal = row[at + 1];
            row[at + 1] = changed.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_in_order_and_holds_kinds() {
        assert!(ConditionKind::BUILT_IN.is_sorted_by(|one, other| one < other));
        assert!(ConditionKind::BUILT_IN.iter().all(|kind| kind.parse::<ConditionKind>().is_ok()));
    }

    #[test]
    fn a_distance_counts_mistakes() {
        let cases =
            [("", "", 0), ("gpu.lost", "gpu.lost", 0), ("gpu.lsot", "gpu.lost", 2), ("a.b", "", 3), ("", "a", 1)];
        for (one, other, mistakes) in cases {
            assert_eq!(distance(one, other), mistakes, "{one} {other}");
        }
    }
}
