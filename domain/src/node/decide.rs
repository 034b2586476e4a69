use super::{Command, Contact, Event, Facts as HostFacts, Node, Seen};
use crate::{
    Cluster, Context, Event as Fact, JobId, NodeName, PoolName, Rejection, Subject,
    decide::Facts,
    device::{self, Condition, Device, DeviceId, Finding, Instance, Presence, Slot},
    job,
    policy::Guard,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::ReportInventory { node, facts, devices, settled, .. } => {
            let (happened, after) = match devices {
                Some(devices) => (inventory(cluster, context, node, facts, devices)?, BTreeMap::new()),
                None => blind(cluster, context, node, facts)?,
            };
            let replaced = |id: &DeviceId| {
                let by =
                    |fact: &Fact| matches!(fact, Fact::Device(device::Event::Replaced { device, .. }) if device == id);
                happened.iter().any(by)
            };
            let judged = settled.then(|| judge(cluster, context, node, &after, replaced));
            let judged: Vec<Fact> = judged.into_iter().flatten().collect();
            Ok(happened.into_iter().chain(judged).collect())
        }
        Command::ReportHealth { node, findings, settled, .. } => {
            health(cluster, context, look_up(cluster, node)?, findings, *settled)
        }
        Command::RecordRefusal { node, code, detail } => {
            let (node, code, detail) = (node.clone(), cut(code, 64), cut(detail, Condition::REASON_MAX));
            Ok(vec![Fact::Node(Event::ReportRefused { node, code, detail })])
        }
        Command::Lose { node } => {
            let node = look_up(cluster, node)?;
            let silent = node.contact == Contact::Reporting && !node.retired;
            Ok(silent.then(|| Fact::Node(Event::Lost { node: node.name.clone() })).into_iter().collect())
        }
        Command::Return { node } => {
            let node = look_up(cluster, node)?;
            if node.retired {
                return Err(Rejection::NodeRetired(node.name.clone()));
            }
            Ok(back(node).into_iter().map(Fact::Node).collect())
        }
        Command::Change { node, cordoned, expected_devices, retired } => {
            change(cluster, context, look_up(cluster, node)?, *cordoned, expected_devices.as_ref(), *retired)
        }
    }
}

fn look_up<'a>(cluster: &'a Cluster, name: &NodeName) -> Result<&'a Node, Rejection> {
    cluster.node(name).ok_or_else(|| Rejection::NotFound(Subject::Node(name.clone())))
}

/// The node of that name, if it is known: a retired one reports nothing.
fn reporter<'a>(cluster: &'a Cluster, name: &NodeName) -> Result<Option<&'a Node>, Rejection> {
    let node = cluster.node(name);
    if node.is_some_and(|node| node.retired) { Err(Rejection::NodeRetired(name.clone())) } else { Ok(node) }
}

/// What a host says whose driver gives no answer: nothing of its devices is known from now on.
fn blind(
    cluster: &Cluster,
    context: &Context<'_>,
    name: &NodeName,
    facts: &HostFacts,
) -> Result<(Vec<Fact>, BTreeMap<DeviceId, Device>), Rejection> {
    check(context, facts, &[])?;
    let node = reporter(cluster, name)?;
    let mut happened: Vec<Fact> = greet(node, name, facts).into_iter().map(Fact::Node).collect();
    let mut after = BTreeMap::new();
    for device in node.into_iter().flat_map(|node| devices(cluster, node)) {
        if device.reported && device.readable {
            let (id, readable) = (device.id, false);
            let changed = device::Event::HealthChanged { device: id, readable, raised: vec![], cleared: vec![] };
            happened.push(Fact::Device(changed));
            after.insert(id, Device { readable, ..device.clone() });
        }
    }
    Ok((happened, after))
}

fn inventory(cluster: &Cluster, context: &Context<'_>, name: &NodeName, facts: &HostFacts, seen: &[Seen]) -> Facts {
    check(context, facts, seen)?;
    let node = reporter(cluster, name)?;
    let mut happened: Vec<Fact> = greet(node, name, facts).into_iter().map(Fact::Node).collect();
    let reported: BTreeMap<DeviceId, Slot> = seen.iter().map(|seen| (seen.device, seen.slot)).collect();
    let mut replaced = BTreeSet::new();
    for seen in seen {
        let occupant = node.and_then(|node| node.devices.get(&seen.slot)).and_then(|id| cluster.device(*id));
        // A slot whose device is reported elsewhere was left; one whose device is in no pool, being retired, is free.
        let absent = occupant.filter(|old| !reported.contains_key(&old.id));
        let absent = absent.and_then(|old| Some((old, old.pool.as_ref()?)));
        let fact = match (cluster.device(seen.device), absent) {
            (Some(device), _) => reunite(cluster, device, name, seen)?,
            (None, Some((old, pool))) => {
                replaced.insert(old.id);
                Some(replace(old, pool, name, seen))
            }
            (None, None) => Some(discover(context, name, seen)),
        };
        happened.extend(fact.map(Fact::Device));
        happened.extend(divided(cluster, name, seen).map(Fact::Device));
    }
    // Where a retired one is now, unless in its place, is not followed.
    let there = |device: &Device| reported.get(&device.id).is_some_and(|at| !device.retired || *at == device.slot);
    let gone = node.into_iter().flat_map(|node| devices(cluster, node));
    let gone = gone.filter(|device| device.reported && !there(device) && !replaced.contains(&device.id));
    happened.extend(gone.map(|device| missing(device, name)));
    Ok(happened)
}

fn missing(device: &Device, node: &NodeName) -> Fact {
    Fact::Device(device::Event::Missing { device: device.id, node: node.clone() })
}

/// Refuses a report that no honest agent sends.
fn check(context: &Context<'_>, facts: &HostFacts, seen: &[Seen]) -> Result<(), Rejection> {
    let limit = context.limits.devices_per_node;
    if seen.len() > limit {
        return Err(Rejection::TooManyDevices { devices: seen.len(), limit });
    }
    if !facts.bounded() {
        return Err(Rejection::Malformed("a text of the host's facts is longer than 128 bytes, or there are too many"));
    }
    let mut devices = BTreeSet::new();
    let mut slots = BTreeSet::new();
    for seen in seen {
        if !devices.insert(seen.device) {
            return Err(Rejection::NamedTwice(Subject::Device(seen.device)));
        }
        if seen.instances.len() > Instance::MAX || !seen.instances.iter().all(Instance::bounded) {
            return Err(Rejection::Malformed("a device has at most 16 parts, with texts of at most 64 bytes"));
        }
        if !slots.insert(seen.slot) {
            return Err(Rejection::Malformed("two devices are reported in one slot"));
        }
    }
    Ok(())
}

fn greet(node: Option<&Node>, name: &NodeName, facts: &HostFacts) -> Vec<Event> {
    let Some(node) = node else {
        return vec![Event::Registered { node: name.clone(), facts: facts.clone() }];
    };
    let changed = node.facts != *facts;
    let changed = changed.then(|| Event::FactsChanged { node: name.clone(), facts: facts.clone() });
    back(node).into_iter().chain(changed).collect()
}

/// Any report of a lost node is its return.
fn back(node: &Node) -> Option<Event> {
    (node.contact == Contact::Lost).then(|| Event::Returned { node: node.name.clone() })
}

/// A known device is reported: from its place, from another, or from one node while it is live on another.
fn reunite(
    cluster: &Cluster,
    device: &Device,
    node: &NodeName,
    seen: &Seen,
) -> Result<Option<device::Event>, Rejection> {
    let elsewhere = device.node != *node;
    let live = cluster.node(&device.node).is_some_and(|other| other.contact == Contact::Reporting);
    let id = device.id;
    match device.presence() {
        Presence::Present if elsewhere && live => {
            Err(Rejection::DeviceElsewhere { device: id, node: device.node.clone() })
        }
        Presence::Present | Presence::Missing if elsewhere || device.slot != seen.slot => {
            let from = device.node.clone();
            Ok(Some(device::Event::Moved { device: id, from, node: node.clone(), slot: seen.slot }))
        }
        Presence::Missing => Ok(Some(device::Event::Returned { device: id, node: node.clone() })),
        // It stays out of service until it is reinstated, and is there again by then.
        Presence::Retired if !elsewhere && device.slot == seen.slot && !device.reported => {
            Ok(Some(device::Event::Returned { device: id, node: node.clone() }))
        }
        Presence::Present | Presence::Retired => Ok(None),
    }
}

fn discover(context: &Context<'_>, node: &NodeName, seen: &Seen) -> device::Event {
    device::Event::Discovered {
        device: seen.device,
        node: node.clone(),
        slot: seen.slot,
        model: seen.model.clone(),
        memory_bytes: seen.memory_bytes,
        cordoned: context.limits.cordon_new_devices,
    }
}

/// The new device takes the old one's place in its pool, where its model allows it.
fn replace(old: &Device, from: &PoolName, node: &NodeName, seen: &Seen) -> device::Event {
    let pool = if old.model == seen.model { from.clone() } else { PoolName::default_pool() };
    device::Event::Replaced {
        device: old.id,
        replacement: seen.device,
        node: node.clone(),
        slot: seen.slot,
        model: seen.model.clone(),
        memory_bytes: seen.memory_bytes,
        from: from.clone(),
        pool,
        cordoned: old.cordoned,
    }
}

/// Its parts, if they are others than before.
fn divided(cluster: &Cluster, node: &NodeName, seen: &Seen) -> Option<device::Event> {
    let known = cluster.device(seen.device);
    // Of a retired device that is elsewhere, nothing is followed.
    let elsewhere = known.is_some_and(|device| device.retired && (device.node != *node || device.slot != seen.slot));
    let same = known.map_or(seen.instances.is_empty(), |device| device.instances == seen.instances);
    (!elsewhere && !same)
        .then(|| device::Event::InstancesChanged { device: seen.device, instances: seen.instances.clone() })
}

/// Who of the node's devices is quarantined now, and who no longer; some are after this report as is given, some gone.
fn judge(
    cluster: &Cluster,
    context: &Context<'_>,
    node: &NodeName,
    after: &BTreeMap<DeviceId, Device>,
    gone: impl Fn(&DeviceId) -> bool,
) -> Vec<Fact> {
    let mut guard = Guard::new(cluster, context.now);
    // One that lost its slot to another is told of all the same.
    let slotted = cluster.node(node).into_iter().flat_map(|node| devices(cluster, node));
    let slotted = slotted.map(|device| (device.id, device));
    let devices: BTreeMap<DeviceId, &Device> = slotted.chain(after.iter().map(|(id, after)| (*id, after))).collect();
    devices.into_iter().filter(|(id, _)| !gone(id)).filter_map(|(_, device)| guard.judge(device)).collect()
}

/// At most so many bytes of it.
fn cut(text: &Arc<str>, max: usize) -> Arc<str> {
    if text.len() <= max { Arc::clone(text) } else { text[..text.floor_char_boundary(max)].into() }
}

fn health(cluster: &Cluster, context: &Context<'_>, node: &Node, findings: &[Finding], settled: bool) -> Facts {
    if node.retired {
        return Err(Rejection::NodeRetired(node.name.clone()));
    }
    let mut happened: Vec<Fact> = back(node).into_iter().map(Fact::Node).collect();
    let (mut named, mut after) = (BTreeSet::new(), BTreeMap::new());
    for finding in findings {
        if !named.insert(finding.device) {
            return Err(Rejection::NamedTwice(Subject::Device(finding.device)));
        }
        if finding.raised.len() > Device::CONDITIONS_MAX
            || finding.raised.iter().any(|condition| condition.reason.len() > Condition::REASON_MAX)
        {
            return Err(Rejection::Malformed("a finding has at most 32 conditions, with reasons of at most 256 bytes"));
        }
        let device = cluster.device(finding.device).ok_or(Rejection::NotFound(Subject::Device(finding.device)))?;
        match (device.node == node.name, device.presence()) {
            // Retired or not, it is known what ails it: so that it comes back as it is.
            (true, _) => {
                if let Some((event, changed)) = device::assess(device, finding)? {
                    happened.push(Fact::Device(event));
                    after.insert(device.id, changed);
                }
            }
            // Where a retired device sits is not followed: it is no fault that another node has it now.
            (false, Presence::Retired) => {}
            (false, Presence::Present | Presence::Missing) => {
                return Err(Rejection::DeviceNotOnNode { device: device.id, node: node.name.clone() });
            }
        }
    }
    if settled {
        happened.extend(judge(cluster, context, &node.name, &after, |_| false));
    }
    Ok(happened)
}

fn change(
    cluster: &Cluster,
    context: &Context<'_>,
    node: &Node,
    cordoned: Option<bool>,
    expected: Option<&Option<u16>>,
    retired: Option<bool>,
) -> Facts {
    let name = || node.name.clone();
    let mut happened = vec![];
    match cordoned.filter(|wanted| *wanted != node.cordoned) {
        Some(true) => happened.push(Fact::Node(Event::Cordoned { node: name() })),
        Some(false) => happened.push(Fact::Node(Event::Uncordoned { node: name() })),
        None => {}
    }
    if let Some(&devices) = expected.filter(|wanted| **wanted != node.expected) {
        if devices.is_some_and(|count| usize::from(count) > context.limits.devices_per_node) {
            return Err(Rejection::TooManyDevices {
                devices: usize::from(devices.unwrap_or_default()),
                limit: context.limits.devices_per_node,
            });
        }
        happened.push(Fact::Node(Event::ExpectationSet { node: name(), devices }));
    }
    match retired.filter(|wanted| *wanted != node.retired) {
        Some(true) => happened.extend(retire(cluster, node)?),
        Some(false) => happened.extend(reinstate(cluster, node)),
        None => {}
    }
    Ok(happened)
}

/// The devices in its slots, and the retired ones that it reports in the slots of others, which are missing.
fn devices<'a>(cluster: &'a Cluster, node: &'a Node) -> impl Iterator<Item = &'a Device> {
    let slotted = |device: &Device| node.devices.get(&device.slot) == Some(&device.id);
    let aside = cluster.aside.get(&node.name).into_iter().flatten().filter_map(|id| cluster.device(*id));
    let aside = aside.filter(move |device| !slotted(device));
    node.devices.values().filter_map(|id| cluster.device(*id)).chain(aside)
}

fn retire(cluster: &Cluster, node: &Node) -> Facts {
    let jobs: BTreeSet<JobId> = devices(cluster, node).flat_map(Device::jobs).collect();
    // Nobody will see the end of what was seen on a lost node: it ends with the node.
    let unseen = |id: &JobId| node.contact == Contact::Lost && job::is_only_on(cluster, *id, &node.name);
    let (ended, standing): (Vec<JobId>, Vec<JobId>) = jobs.into_iter().partition(unseen);
    if !standing.is_empty() {
        return Err(Rejection::NodeBusy { node: node.name.clone(), jobs: standing });
    }
    let ended = ended.into_iter().filter_map(|id| cluster.job(id)).flat_map(|seen| job::ended(seen, true));
    let retired = devices(cluster, node).filter_map(|device| {
        match &device.pool {
            Some(pool) => Some(Fact::Device(device::Event::Retired { device: device.id, pool: pool.clone() })),
            // A retired node reports nothing, so that those that were retired before it are not there either.
            None => device.reported.then(|| missing(device, &node.name)),
        }
    });
    let retirement = std::iter::once(Fact::Node(Event::Retired { node: node.name.clone() })).chain(retired);
    Ok(ended.chain(retirement).collect())
}

/// The devices that were retired for the node's sake come back; those that an operator retired stay so.
fn reinstate(cluster: &Cluster, node: &Node) -> Vec<Fact> {
    let retired = devices(cluster, node).filter(|device| device.retired_with_node);
    let back = retired.map(|device| Fact::Device(device::Event::Reinstated { device: device.id }));
    std::iter::once(Fact::Node(Event::Reinstated { node: node.name.clone() })).chain(back).collect()
}
