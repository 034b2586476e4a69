//! Who is quarantined, and who no longer: within what the breakers let through.
use super::HealthPolicy;
use crate::{Cluster, Event as Fact, PoolName, Timestamp, device, device::Device, pool};
use std::collections::{BTreeMap, BTreeSet};

/// Judges devices one after the other, within one command.
pub(crate) struct Guard<'a> {
    cluster: &'a Cluster,
    policy: &'a HealthPolicy,
    now: Timestamp,
    /// How many this command has quarantined of each pool.
    taken: BTreeMap<&'a PoolName, usize>,
    /// The breakers that this command has tripped.
    tripped: BTreeSet<&'a PoolName>,
}

impl<'a> Guard<'a> {
    /// By the policy that holds.
    pub(crate) fn new(cluster: &'a Cluster, now: Timestamp) -> Self {
        Self::with(cluster, cluster.health_policy(), now)
    }

    /// By a policy that will hold.
    pub(crate) const fn with(cluster: &'a Cluster, policy: &'a HealthPolicy, now: Timestamp) -> Self {
        Self { cluster, policy, now, taken: BTreeMap::new(), tripped: BTreeSet::new() }
    }

    /// What follows for a device that is like this now.
    pub(crate) fn judge(&mut self, device: &Device) -> Option<Fact> {
        match (device.quarantined, device.worst(self.policy)) {
            (true, None) => Some(Fact::Device(device::Event::QuarantineLifted { device: device.id })),
            (false, Some(worst)) => {
                let quarantined = device::Event::Quarantined { device: device.id, condition: worst.kind.clone() };
                // One out of service is of no pool, and no pool is emptied by it.
                let pool = device.pool.as_ref().and_then(|name| self.cluster.pool(name));
                pool.map_or(Some(Fact::Device(quarantined.clone())), |pool| self.within(pool, quarantined))
            }
            (false, None) | (true, Some(_)) => None,
        }
    }

    /// The quarantine, if the pool's breaker lets it through; that it trips, if this is what trips it.
    fn within(&mut self, pool: &'a pool::Pool, quarantined: device::Event) -> Option<Fact> {
        if pool.breaker.tripped.is_some() || self.tripped.contains(&pool.name) {
            return None;
        }
        let breaker = self.policy.breaker;
        let taken = self.taken.entry(&pool.name).or_default();
        let recent = pool.breaker.recent(breaker, self.now) + *taken;
        if recent < breaker.limit(pool.devices.len()) {
            *taken += 1;
            return Some(Fact::Device(quarantined));
        }
        self.tripped.insert(&pool.name);
        let quarantined = u32::try_from(recent).unwrap_or(u32::MAX);
        Some(Fact::Pool(pool::Event::BreakerTripped { pool: pool.name.clone(), quarantined }))
    }
}
