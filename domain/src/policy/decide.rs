use super::{Command, Event, Guard, HealthPolicy};
use crate::{
    Cluster, Context, Event as Fact, PoolName, Rejection, Subject, Timestamp,
    decide::Facts,
    device::{self, ConditionKind, Device, DeviceId},
    pool::{self, Pool},
};
use std::collections::{BTreeMap, BTreeSet};

/// The most overrides that one upkeep ends: the rest are due at the next.
const DUE_MAX: usize = 1000;

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::Set { policy } => Ok(set(cluster, policy.clone().in_order()?, context.now)),
        Command::ResetBreaker { pool } => reset(cluster, pool.as_ref()),
        Command::Upkeep => Ok(upkeep(cluster, context.now)),
    }
}

fn set(cluster: &Cluster, policy: HealthPolicy, now: Timestamp) -> Vec<Fact> {
    if policy == *cluster.health_policy() {
        return vec![];
    }
    let mut guard = Guard::with(cluster, &policy, now);
    let ill = cluster.devices().values().filter(|device| device.quarantined || !device.conditions.is_empty());
    let follows: Vec<Fact> = ill.filter_map(|device| guard.judge(device)).collect();
    std::iter::once(Fact::Policy(Event::Changed { policy })).chain(follows).collect()
}

/// What the breakers held back is quarantined: an operator has looked. The breaker closes last, so that these do not count.
fn reset(cluster: &Cluster, pool: Option<&PoolName>) -> Facts {
    let pools: Vec<&Pool> = match pool {
        Some(name) => vec![cluster.pool(name).ok_or_else(|| Rejection::NotFound(Subject::Pool(name.clone())))?],
        None => cluster.pools().values().collect(),
    };
    let tripped = pools.into_iter().filter(|pool| pool.breaker.tripped.is_some());
    Ok(tripped
        .flat_map(|pool| {
            let devices = pool.devices.iter().filter_map(|id| cluster.device(*id));
            devices.filter_map(|device| held_back(cluster, device)).chain([closed(pool)])
        })
        .collect())
}

fn held_back(cluster: &Cluster, device: &Device) -> Option<Fact> {
    let worst = device.worst(cluster.health_policy()).filter(|_| !device.quarantined)?;
    Some(Fact::Device(device::Event::Quarantined { device: device.id, condition: worst.kind.clone() }))
}

fn closed(pool: &Pool) -> Fact {
    Fact::Pool(pool::Event::BreakerReset { pool: pool.name.clone() })
}

/// A breaker that closes by itself quarantines nothing: what still ails is judged with the next report of its node, and
/// again only so much at a time.
fn upkeep(cluster: &Cluster, now: Timestamp) -> Vec<Fact> {
    let breaker = cluster.health_policy().breaker;
    let quiet = |pool: &&Pool| pool.breaker.closes_at(breaker).is_some_and(|at| at <= now);
    let mut happened: Vec<Fact> = cluster.pools().values().filter(quiet).map(closed).collect();
    let mut guard = Guard::new(cluster, now);
    let mut due: BTreeMap<DeviceId, BTreeSet<&ConditionKind>> = BTreeMap::new();
    for (_, device, condition) in cluster.overrides.iter().take_while(|(until, ..)| *until <= now).take(DUE_MAX) {
        due.entry(*device).or_default().insert(condition);
    }
    // What ends of one device ends at once: it is judged by what is left.
    for (id, conditions) in due {
        let device = cluster.device(id).into_iter();
        happened.extend(
            device.flat_map(|device| {
                device::end_overrides(device, |condition| conditions.contains(condition), &mut guard)
            }),
        );
    }
    happened
}
