use super::{Condition, ConditionKind, Device, DeviceId, Dismissed, Event, Override, Presence, Slot};
use crate::{Cluster, Model, NodeName, PoolName, Position, Stamp, node, pool::Pool};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Discovered { device, node, slot, model, memory_bytes, cordoned } => {
            let pool = PoolName::default_pool();
            enter(cluster, at, *device, (node, *slot), (model, *memory_bytes), &pool, *cordoned);
        }
        Event::Replaced { device, replacement, node, slot, model, memory_bytes, from, pool, cordoned } => {
            retire(cluster, at, *device, false);
            cluster.change_device(*device, |old| old.reported = false);
            enter(cluster, at, *replacement, (node, *slot), (model, *memory_bytes), pool, *cordoned);
            let displaced_from = (from != pool).then(|| from.clone());
            cluster.change_device(*replacement, |new| {
                new.displaced_from = displaced_from;
                new.replaces = Some(*device);
            });
            configured(cluster, at.position, pool);
        }
        Event::Missing { device, .. } => {
            cluster.change_device(*device, |device| device.reported = false);
        }
        Event::Returned { device, .. } => {
            cluster.change_device(*device, |device| device.reported = true);
            take_its_slot(cluster, *device);
        }
        Event::Moved { device, node, slot, .. } => relocate(cluster, at, *device, node, *slot),
        Event::Assigned { device, from, pool } => {
            cluster.change_device(*device, |device| {
                device.revision = at.position;
                device.pool = Some(pool.clone());
                device.displaced_from = None;
            });
            configured(cluster, at.position, from);
            configured(cluster, at.position, pool);
        }
        Event::Cordoned { device } => configure(cluster, at, *device, |device| device.cordoned = true),
        Event::Uncordoned { device } => configure(cluster, at, *device, |device| device.cordoned = false),
        Event::HealthChanged { device, readable, raised, cleared } => {
            cluster.change_device(*device, |device| {
                if device.readable != *readable {
                    device.readable = *readable;
                    device.readable_since = at.recorded_at;
                }
                merge(&mut device.conditions, raised, cleared);
                device.dismissed.retain(|old| raised.iter().all(|new| new.kind != old.kind));
            });
            held_back(cluster, at, *device);
        }
        Event::Quarantined { device, .. } => {
            cluster.change_device(*device, |device| device.quarantined = true);
            let breaker = cluster.health_policy().breaker;
            if let Some(pool) = pool_of(cluster, *device) {
                pool.breaker.count(breaker, at.recorded_at, *device);
            }
        }
        Event::QuarantineLifted { device } => cluster.change_device(*device, |device| device.quarantined = false),
        Event::ConditionOverridden { device, condition, until } => {
            let wish = Override { condition: condition.clone(), until: *until };
            override_with(cluster, at, *device, condition, Some(wish));
        }
        Event::OverrideEnded { device, condition } => override_with(cluster, at, *device, condition, None),
        Event::ConditionCleared { device, condition } => configure(cluster, at, *device, |device| {
            device.dismissed.retain(|old| old.kind != *condition);
            let ended = device.conditions.extract_if(.., |old| old.kind == *condition);
            device.dismissed.extend(ended.map(|old| Dismissed {
                kind: old.kind,
                severity: old.severity,
                first_seen: old.first_seen,
                last_seen: old.last_seen,
            }));
        }),
        Event::InstancesChanged { device, instances } => {
            cluster.change_device(*device, |device| device.instances.clone_from(instances));
        }
        Event::Retired { device, .. } => {
            let node = cluster.devices.get(device).and_then(|device| cluster.nodes.get(&device.node));
            let with_node = node.is_some_and(|node| node.retired);
            retire(cluster, at, *device, with_node);
            if with_node {
                cluster.change_device(*device, |device| device.reported = false);
            }
        }
        Event::Reinstated { device } => {
            configure(cluster, at, *device, |device| {
                // That it is there is told by its return, behind this.
                device.reported = false;
                device.retired = false;
                device.retired_with_node = false;
                device.pool = Some(PoolName::default_pool());
            });
            configured(cluster, at.position, &PoolName::default_pool());
        }
    }
    let recounted: Vec<NodeName> = node::recounted(cluster, event).into_iter().flatten().cloned().collect();
    for name in recounted {
        node::recount(cluster, at, &name);
    }
}

fn pool_of(cluster: &mut Cluster, id: DeviceId) -> Option<&mut Pool> {
    let pool = cluster.devices.get(&id)?.pool.as_ref()?;
    cluster.pools.get_mut(pool)
}

/// A tripped breaker remembers when it last held something back.
fn held_back(cluster: &mut Cluster, at: Stamp, id: DeviceId) {
    let ill = cluster.devices.get(&id).is_some_and(|device| device.worst(cluster.health_policy()).is_some());
    if ill
        && let Some(pool) = pool_of(cluster, id)
        && let Some(tripped) = &mut pool.breaker.tripped
    {
        tripped.last = at.recorded_at;
    }
}

fn override_with(cluster: &mut Cluster, at: Stamp, id: DeviceId, condition: &ConditionKind, wish: Option<Override>) {
    let overrides = cluster.devices.get(&id).into_iter().flat_map(|device| &device.overrides);
    let before = overrides.filter(|old| old.condition == *condition).map(|old| old.until).next();
    if let Some(until) = before {
        cluster.overrides.remove(&(until, id, condition.clone()));
    }
    cluster.overrides.extend(wish.as_ref().map(|new| (new.until, id, new.condition.clone())));
    configure(cluster, at, id, |device| match wish {
        Some(wish) => device.put_override(wish),
        None => device.overrides.retain(|old| old.condition != *condition),
    });
}

fn configured(cluster: &mut Cluster, position: Position, pool: &PoolName) {
    if let Some(pool) = cluster.pools.get_mut(pool) {
        pool.revision = position;
    }
}

fn configure(cluster: &mut Cluster, at: Stamp, id: DeviceId, change: impl FnOnce(&mut Device)) {
    cluster.change_device(id, |device| {
        device.revision = at.position;
        change(device);
    });
}

fn enter(
    cluster: &mut Cluster,
    at: Stamp,
    id: DeviceId,
    (node, slot): (&NodeName, Slot),
    (model, memory_bytes): (&Model, u64),
    pool: &PoolName,
    cordoned: bool,
) {
    // A job may have been seen on it before its node told of it.
    let observed = cluster.awaited.remove(&id).into_iter().flatten().collect();
    let device = Device {
        id,
        node: node.clone(),
        slot,
        model: model.clone(),
        memory_bytes,
        instances: vec![],
        pool: None,
        reported: true,
        retired: false,
        retired_with_node: false,
        readable: true,
        readable_since: at.recorded_at,
        conditions: vec![],
        dismissed: vec![],
        overrides: vec![],
        quarantined: false,
        cordoned,
        displaced_from: None,
        replaces: None,
        job: None,
        observed,
        discovered_at: at.recorded_at,
        revision: at.position,
    };
    cluster.devices.insert(id, device);
    cluster.change_device(id, |device| device.pool = Some(pool.clone()));
    occupy(cluster, id, node, slot);
}

fn occupy(cluster: &mut Cluster, id: DeviceId, node: &NodeName, slot: Slot) {
    if let Some(node) = cluster.nodes.get_mut(node) {
        node.devices.insert(slot, id);
    }
}

/// One in service that is reported may have lost its slot to one that is missing. A retired one leaves it to that, which
/// is missed there.
fn take_its_slot(cluster: &mut Cluster, id: DeviceId) {
    let device = cluster.devices.get(&id).filter(|device| device.presence() == Presence::Present);
    if let Some((node, slot)) = device.map(|device| (device.node.clone(), device.slot)) {
        occupy(cluster, id, &node, slot);
    }
}

/// The device leaves its pool; a job on it keeps its claim until it ends.
fn retire(cluster: &mut Cluster, at: Stamp, id: DeviceId, with_node: bool) {
    let pool = cluster.devices.get(&id).and_then(|device| device.pool.clone());
    configure(cluster, at, id, |device| {
        device.retired = true;
        device.retired_with_node = with_node;
        device.pool = None;
        device.displaced_from = None;
    });
    if let Some(pool) = pool {
        configured(cluster, at.position, &pool);
    }
}

fn relocate(cluster: &mut Cluster, at: Stamp, id: DeviceId, node: &NodeName, slot: Slot) {
    if let Some(device) = cluster.devices.get(&id)
        && let Some(old) = cluster.nodes.get_mut(&device.node)
        && old.devices.get(&device.slot) == Some(&id)
    {
        old.devices.remove(&device.slot);
    }
    configure(cluster, at, id, |device| {
        device.node = node.clone();
        device.slot = slot;
        device.reported = true;
    });
    occupy(cluster, id, node, slot);
}

/// The conditions after a change: those of a kind that is raised again keep their first sight.
pub(super) fn merge(conditions: &mut Vec<Condition>, raised: &[Condition], cleared: &[ConditionKind]) {
    conditions.retain(|condition| !cleared.contains(&condition.kind));
    for new in raised {
        match conditions.binary_search_by(|old| old.kind.cmp(&new.kind)) {
            Ok(at) => {
                let first_seen = conditions[at].first_seen;
                conditions[at] = Condition { first_seen, ..new.clone() };
            }
            Err(at) => conditions.insert(at, new.clone()),
        }
    }
}
