use super::{Command, Condition, ConditionKind, Device, DeviceId, Event, Finding, Override, Presence, evolve::merge};
use crate::{
    Cluster, Context, Event as Fact, Rejection, Subject, Timestamp,
    decide::Facts,
    policy::{Guard, HealthPolicy},
};
use std::collections::BTreeSet;

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    let look_up = |id: &DeviceId| cluster.device(*id).ok_or(Rejection::NotFound(Subject::Device(*id)));
    let mut guard = Guard::new(cluster, context.now);
    let fact = match command {
        Command::Cordon { device, cordoned } => cordon(look_up(device)?, *cordoned)?,
        Command::Retire { device, retired: true } => retire(look_up(device)?)?,
        Command::Retire { device, retired: false } => return Ok(reinstate(cluster, look_up(device)?)),
        Command::Override { device, condition, until } => {
            let device = in_service(look_up(device)?)?;
            known(device, condition, cluster.health_policy())?;
            return override_condition(device, condition, *until, context.now, &mut guard);
        }
        Command::EndOverrides { device, condition } => {
            let wished = |kind: &ConditionKind| condition.as_ref().is_none_or(|wished| wished == kind);
            return Ok(end_overrides(look_up(device)?, wished, &mut guard));
        }
        Command::Clear { device, condition } => return clear(look_up(device)?, condition, &mut guard),
    };
    Ok(fact.map(Fact::Device).into_iter().collect())
}

/// Refuses what nobody could mean of a device that is retired.
fn in_service(device: &Device) -> Result<&Device, Rejection> {
    if device.retired { Err(Rejection::DeviceRetired { devices: vec![device.id] }) } else { Ok(device) }
}

/// The longest override, in days: who needs more wants another policy.
const OVERRIDE_DAYS_MAX: i64 = 90;

/// Refuses a kind that nobody knows: an override of it would wait for nothing.
fn known(device: &Device, condition: &ConditionKind, policy: &HealthPolicy) -> Result<(), Rejection> {
    if condition.is_known(device, policy) {
        return Ok(());
    }
    let standing = device.conditions.iter().map(|condition| condition.kind.clone()).collect();
    let alike = condition.alike(device, policy);
    Err(Rejection::UnknownCondition { device: device.id, condition: condition.clone(), alike, standing })
}

fn override_condition(
    device: &Device,
    condition: &ConditionKind,
    until: Timestamp,
    now: Timestamp,
    guard: &mut Guard<'_>,
) -> Facts {
    if until <= now || until > now.plus_seconds(OVERRIDE_DAYS_MAX * 86_400) {
        return Err(Rejection::Malformed("an override lasts until a time to come, at most 90 days from now"));
    }
    let wish = Override { condition: condition.clone(), until };
    if device.overrides.contains(&wish) {
        return Ok(vec![]);
    }
    let mut after = device.clone();
    after.put_override(wish);
    if after.overrides.len() > Device::CONDITIONS_MAX {
        return Err(Rejection::Malformed("at most 32 conditions of a device are overridden at a time"));
    }
    let overridden = Event::ConditionOverridden { device: device.id, condition: condition.clone(), until };
    Ok(std::iter::once(Fact::Device(overridden)).chain(guard.judge(&after)).collect())
}

/// The end of those of its overrides whose condition is so, and what follows of all of that.
pub(crate) fn end_overrides(
    device: &Device,
    ends: impl Fn(&ConditionKind) -> bool,
    guard: &mut Guard<'_>,
) -> Vec<Fact> {
    let (ended, left): (Vec<_>, Vec<_>) = device.overrides.iter().cloned().partition(|wish| ends(&wish.condition));
    if ended.is_empty() {
        return vec![];
    }
    let after = Device { overrides: left, ..device.clone() };
    let ended = ended.into_iter().map(|wish| Event::OverrideEnded { device: device.id, condition: wish.condition });
    ended.map(Fact::Device).chain(guard.judge(&after)).collect()
}

fn clear(device: &Device, condition: &ConditionKind, guard: &mut Guard<'_>) -> Facts {
    let mut after = device.clone();
    after.conditions.retain(|old| old.kind != *condition);
    if after.conditions.len() == device.conditions.len() {
        return Err(Rejection::NoSuchCondition { device: device.id, condition: condition.clone() });
    }
    let cleared = Event::ConditionCleared { device: device.id, condition: condition.clone() };
    Ok(std::iter::once(Fact::Device(cleared)).chain(guard.judge(&after)).collect())
}

fn cordon(device: &Device, cordoned: bool) -> Result<Option<Event>, Rejection> {
    let device_id = in_service(device)?.id;
    Ok(match (device.cordoned, cordoned) {
        (false, true) => Some(Event::Cordoned { device: device_id }),
        (true, false) => Some(Event::Uncordoned { device: device_id }),
        (false, false) | (true, true) => None,
    })
}

fn retire(device: &Device) -> Result<Option<Event>, Rejection> {
    // One in service is in a pool, and one that is retired is in none.
    let Some(pool) = &device.pool else { return Ok(None) };
    if device.jobs().next().is_some() {
        return Err(Rejection::DeviceBusy { device: device.id, jobs: device.jobs().collect() });
    }
    Ok(Some(Event::Retired { device: device.id, pool: pool.clone() }))
}

/// It is there at once, if its node reports it.
fn reinstate(cluster: &Cluster, device: &Device) -> Vec<Fact> {
    if !device.retired {
        return vec![];
    }
    let returned = Event::Returned { device: device.id, node: device.node.clone() };
    let back = Event::Reinstated { device: device.id };
    std::iter::once(back).chain(is_there(cluster, device).then_some(returned)).map(Fact::Device).collect()
}

/// Whether its node reports it in its slot. Older logs do not say when a retired device ceased to be reported: with its node's
/// retirement, or by another in its slot.
fn is_there(cluster: &Cluster, device: &Device) -> bool {
    let Some(node) = cluster.node(&device.node).filter(|node| !node.retired && device.reported) else { return false };
    let other = node.devices.get(&device.slot).filter(|id| **id != device.id).and_then(|id| cluster.device(*id));
    other.is_none_or(|other| other.presence() != Presence::Present)
}

/// What a finding changes of a device's health, and the device after it; none, if nothing.
///
/// # Errors
/// The finding contradicts itself, or the device would have too many conditions.
pub(crate) fn assess(device: &Device, finding: &Finding) -> Result<Option<(Event, Device)>, Rejection> {
    let kinds: BTreeSet<&ConditionKind> =
        finding.raised.iter().map(|condition| &condition.kind).chain(&finding.cleared).collect();
    if kinds.len() < finding.raised.len() + finding.cleared.len() {
        return Err(Rejection::Malformed("a finding names a condition twice"));
    }
    let known = |new: &Condition| device.is_dismissed(new) || device.conditions.iter().any(|old| old.same_as(new));
    let raised: Vec<Condition> = finding.raised.iter().filter(|new| !known(new)).cloned().collect();
    let had = |kind: &ConditionKind| device.conditions.iter().any(|old| old.kind == *kind);
    let cleared: Vec<_> = finding.cleared.iter().filter(|kind| had(kind)).cloned().collect();
    if raised.is_empty() && cleared.is_empty() && device.readable == finding.readable {
        return Ok(None);
    }
    let mut after = Device { readable: finding.readable, ..device.clone() };
    merge(&mut after.conditions, &raised, &cleared);
    if after.conditions.len() > Device::CONDITIONS_MAX {
        return Err(Rejection::Malformed("a device has at most 32 conditions at a time"));
    }
    let changed = Event::HealthChanged { device: device.id, readable: finding.readable, raised, cleared };
    Ok(Some((changed, after)))
}
