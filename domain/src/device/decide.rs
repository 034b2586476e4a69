use super::{Command, Condition, ConditionKind, Device, DeviceId, Event, Finding, Presence, evolve::merge};
use crate::{Cluster, Event as Fact, Rejection, Subject, decide::Facts};
use std::collections::BTreeSet;

pub(crate) fn decide(cluster: &Cluster, command: &Command) -> Facts {
    let look_up = |id: &DeviceId| cluster.device(*id).ok_or(Rejection::NotFound(Subject::Device(*id)));
    let fact = match command {
        Command::Cordon { device, cordoned } => cordon(look_up(device)?, *cordoned)?,
        Command::Retire { device, retired } => retire(look_up(device)?, *retired)?,
    };
    Ok(fact.map(Fact::Device).into_iter().collect())
}

fn cordon(device: &Device, cordoned: bool) -> Result<Option<Event>, Rejection> {
    if device.presence == Presence::Retired {
        return Err(Rejection::DeviceRetired { devices: vec![device.id] });
    }
    let device_id = device.id;
    Ok(match (device.cordoned, cordoned) {
        (false, true) => Some(Event::Cordoned { device: device_id }),
        (true, false) => Some(Event::Uncordoned { device: device_id }),
        (false, false) | (true, true) => None,
    })
}

fn retire(device: &Device, retired: bool) -> Result<Option<Event>, Rejection> {
    // One in service is in a pool, and one that is retired is in none.
    match (&device.pool, retired) {
        (Some(_), true) if device.jobs().next().is_some() => {
            Err(Rejection::DeviceBusy { device: device.id, jobs: device.jobs().collect() })
        }
        (Some(pool), true) => Ok(Some(Event::Retired { device: device.id, pool: pool.clone() })),
        (None, false) => Ok(Some(Event::Reinstated { device: device.id })),
        (Some(_), false) | (None, true) => Ok(None),
    }
}

/// What a finding changes: nothing, or the health and with it perhaps the quarantine.
///
/// # Errors
/// The finding contradicts itself, or the device would have too many conditions.
pub(crate) fn assess(device: &Device, finding: &Finding) -> Result<Vec<Event>, Rejection> {
    let kinds: BTreeSet<&ConditionKind> =
        finding.raised.iter().map(|condition| &condition.kind).chain(&finding.cleared).collect();
    if kinds.len() < finding.raised.len() + finding.cleared.len() {
        return Err(Rejection::Malformed("a finding names a condition twice"));
    }
    let known = |new: &Condition| device.conditions.iter().any(|old| old.same_as(new));
    let raised: Vec<Condition> = finding.raised.iter().filter(|new| !known(new)).cloned().collect();
    let had = |kind: &ConditionKind| device.conditions.iter().any(|old| old.kind == *kind);
    let cleared: Vec<_> = finding.cleared.iter().filter(|kind| had(kind)).cloned().collect();
    if raised.is_empty() && cleared.is_empty() && device.readable == finding.readable {
        return Ok(vec![]);
    }
    let mut after = Device { readable: finding.readable, ..device.clone() };
    merge(&mut after.conditions, &raised, &cleared);
    if after.conditions.len() > Device::CONDITIONS_MAX {
        return Err(Rejection::Malformed("a device has at most 32 conditions at a time"));
    }
    let id = device.id;
    let changed = Event::HealthChanged { device: id, readable: finding.readable, raised, cleared };
    let follows = match (device.quarantined, after.worst()) {
        (false, Some(worst)) => Some(Event::Quarantined { device: id, condition: worst.kind.clone() }),
        (true, None) => Some(Event::QuarantineLifted { device: id }),
        (false, None) | (true, Some(_)) => None,
    };
    Ok(std::iter::once(changed).chain(follows).collect())
}
