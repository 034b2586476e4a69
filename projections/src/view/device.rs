//! Devices: single GPUs.
use super::{Availability, Health, Listed, Look, Nodes, Page, PageError, Presence, Remedy, Severity};
use domain::{
    JobId, Model, NodeName, PoolName, Position, Timestamp,
    device::{self, Condition, ConditionKind, Device, DeviceId, Slot},
    node::{self, Node},
    policy::{HealthPolicy, Judgement},
};
use serde::Serialize;
use std::{ops::Bound, sync::Arc};
use utoipa::ToSchema;

/// A device as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeviceView {
    /// Its UUID.
    #[serde(rename = "uuid")]
    #[schema(value_type = String)]
    pub id: DeviceId,
    /// Its node.
    #[schema(value_type = String)]
    pub node: NodeName,
    /// Its slot there: a PCI bus id.
    #[schema(value_type = String)]
    pub slot: Slot,
    /// Its model.
    #[schema(value_type = String)]
    pub model: Model,
    /// Its memory in bytes.
    pub memory_bytes: u64,
    /// The pool that holds it; null for a retired one.
    #[schema(value_type = Option<String>)]
    pub pool: Option<PoolName>,
    /// Whether it is there.
    pub presence: Presence,
    /// How it is.
    pub health: Health,
    /// Its troubles, by kind; of one whose health is unknown, the last that were known.
    pub conditions: Vec<ConditionView>,
    /// The conditions that keep no work from it for a time, by an operator's wish: by kind.
    pub overrides: Vec<OverrideView>,
    /// Whether it can be given to a job, and if not, why not.
    pub availability: Availability,
    /// Why it is held back, in words; null if it can be given to a job, has one, or is retired.
    pub held_back: Option<String>,
    /// The active jobs on it.
    #[schema(value_type = Vec<String>)]
    pub jobs: Vec<JobId>,
    /// Whether an operator wishes that it takes no job. Its node may be cordoned besides.
    pub cordoned: bool,
    /// Whether it was quarantined.
    pub quarantined: bool,
    /// The pool that it would be in, had it the model of the device that it replaced: it waits to be given to a pool.
    #[schema(value_type = Option<String>)]
    pub displaced_from: Option<PoolName>,
    /// The device in whose place it was found, which is retired by it; null if it replaced none.
    #[schema(value_type = Option<String>)]
    pub replaces: Option<DeviceId>,
    /// Its parts, if it is divided (MIG).
    pub instances: Vec<InstanceView>,
    /// When it was first seen here.
    #[schema(value_type = String, format = DateTime)]
    pub discovered_at: Timestamp,
    /// Where it was last configured: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// A condition that keeps no work from its device for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OverrideView {
    /// Which condition, there or not.
    #[schema(value_type = String)]
    pub condition: ConditionKind,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// What was seen, if the device has that condition now.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Arc<str>>,
}

/// A part of a device that is divided (NVIDIA's Multi-Instance GPU).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct InstanceView {
    /// Its UUID, as `MIG-…`.
    #[schema(value_type = String)]
    pub uuid: Arc<str>,
    /// The number of its GPU instance.
    pub gpu_instance: u32,
    /// The number of its compute instance in that.
    pub compute_instance: u32,
    /// Its profile, as `1g.10gb`.
    #[schema(value_type = String)]
    pub profile: Arc<str>,
    /// Its memory in bytes.
    pub memory_bytes: u64,
}

impl OverrideView {
    fn of(device: &Device, wish: &device::Override) -> Self {
        let standing = device.conditions.iter().find(|condition| condition.kind == wish.condition);
        let reason = standing.map(|condition| Arc::clone(&condition.reason));
        Self { condition: wish.condition.clone(), until: wish.until, reason }
    }
}

impl InstanceView {
    fn of(instance: &device::Instance) -> Self {
        let device::Instance { uuid, gpu_instance, compute_instance, profile, memory_bytes } = instance.clone();
        Self { uuid, gpu_instance, compute_instance, profile, memory_bytes }
    }
}

/// One trouble of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ConditionView {
    /// Which trouble, as in `gpu.lost`.
    #[schema(value_type = String)]
    pub kind: ConditionKind,
    /// How bad, by the health policy.
    pub severity: Severity,
    /// How bad by the agent's word.
    pub reported_severity: Severity,
    /// Whether the health policy lets it keep no work from the device.
    pub dry_run: bool,
    /// What was seen.
    #[schema(value_type = String)]
    pub reason: Arc<str>,
    /// What to do, by the health policy.
    pub remedy: Remedy,
    /// The XID behind it, where there was one.
    pub xid: Option<u32>,
    /// When it was first seen, by the node's clock.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// When it was last seen changing, by the node's clock.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
}

/// Which devices: those that meet all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceFilter {
    /// In this pool.
    pub pool: Option<PoolName>,
    /// On this node.
    pub node: Option<NodeName>,
    /// Of this model.
    pub model: Option<Model>,
    /// So healthy.
    pub health: Option<Health>,
    /// So available.
    pub availability: Option<Availability>,
    /// That can be given to a job, or can't.
    pub free: Option<bool>,
    /// In service, and neither free nor with a job; or not so.
    pub held_back: Option<bool>,
    /// Cordoned themselves, or not.
    pub cordoned: Option<bool>,
    /// With a condition that is overridden, or without.
    pub overridden: Option<bool>,
    /// Out of service, or in it.
    pub retired: Option<bool>,
}

impl Look<'_> {
    /// The device with this UUID, a retired one too.
    pub fn device(&self, id: DeviceId) -> Option<DeviceView> {
        let device = self.cluster().device(id)?;
        self.sees_pool(device.pool.as_ref()).then(|| self.show_device(device))
    }

    /// Devices by UUID, retired ones too.
    ///
    /// # Errors
    /// The cursor is none.
    pub fn devices(&self, filter: &DeviceFilter, page: &Page) -> Result<Listed<DeviceView>, PageError> {
        let after = page.after_id::<DeviceId>()?;
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        // Where a pool bounds what can be shown, only its devices are looked at.
        let pool = if self.sees_all() { filter.pool.as_ref() } else { self.own_pool() };
        let devices: Box<dyn Iterator<Item = &Device>> = match pool {
            Some(name) => {
                let ids = self.cluster().pool(name).into_iter().flat_map(|pool| pool.devices.range(range));
                Box::new(ids.filter_map(|id| self.cluster().device(*id)))
            }
            // All but the healthy ones are known by name, and mostly few.
            None if self.sees_all() && filter.health.is_some_and(|health| health != Health::Healthy) => {
                let ids = self.state.counts().unwell.range(range);
                Box::new(ids.filter_map(|id| self.cluster().device(*id)))
            }
            None if self.sees_all() => Box::new(self.cluster().devices().range(range).map(|(_, device)| device)),
            None => Box::new(std::iter::empty()),
        };
        let judges = filter.health.is_some() || filter.availability.is_some();
        let judges = judges || filter.free.is_some() || filter.held_back.is_some();
        let nodes = if judges { self.nodes_at_hand() } else { Nodes::new() };
        let policy = self.cluster().health_policy();
        let devices =
            devices.filter(|device| filter.admits(device, policy, || nodes.get(device.node.as_str()).copied()));
        Ok(page.take(self.position(), devices, |device| device.id.to_string(), |device| self.show_device(device)))
    }

    fn own_pool(&self) -> Option<&PoolName> {
        match self.sight {
            super::Sight::All => None,
            super::Sight::Own(me) => self.pool_of(me),
        }
    }

    fn show_device(&self, device: &Device) -> DeviceView {
        let (node, policy) = (self.cluster().node(&device.node), self.cluster().health_policy());
        DeviceView {
            id: device.id,
            node: device.node.clone(),
            slot: device.slot,
            model: device.model.clone(),
            memory_bytes: device.memory_bytes,
            pool: device.pool.clone(),
            presence: device.presence().into(),
            health: health(device, node, policy),
            conditions: device.conditions.iter().map(|condition| show_condition(condition, policy)).collect(),
            overrides: device.overrides.iter().map(|wish| OverrideView::of(device, wish)).collect(),
            availability: availability(device, node, policy),
            held_back: held_back(device, node, policy),
            jobs: device.jobs().collect(),
            cordoned: device.cordoned,
            quarantined: device.quarantined,
            displaced_from: device.displaced_from.clone(),
            replaces: device.replaces,
            instances: device.instances.iter().map(InstanceView::of).collect(),
            discovered_at: device.discovered_at,
            revision: device.revision,
        }
    }
}

/// How the device is, being on this node, by this policy.
pub(crate) fn health(device: &Device, node: Option<&Node>, policy: &HealthPolicy) -> Health {
    let lost = node.is_none_or(|node| node.contact == node::Contact::Lost);
    if device.presence() != device::Presence::Present || lost || !device.readable {
        return Health::Unknown;
    }
    match device.conditions.iter().map(|condition| policy.judge(condition).severity).max() {
        None | Some(device::Severity::Info) => Health::Healthy,
        Some(device::Severity::Warning) => Health::Warning,
        Some(device::Severity::Critical) => Health::Critical,
        Some(device::Severity::Fatal) => Health::Fatal,
    }
}

fn availability(device: &Device, node: Option<&Node>, policy: &HealthPolicy) -> Availability {
    match device.availability(node, policy) {
        // The domain does not tell why it is not there.
        domain::Availability::Missing if device.retired => Availability::Retired,
        availability => availability.into(),
    }
}

/// Whether something keeps it from being given to a job, though it is in service and has none.
const fn is_held_back(availability: Availability) -> bool {
    match availability {
        Availability::Missing | Availability::Unknown | Availability::Quarantined | Availability::Cordoned => true,
        Availability::Free | Availability::Busy | Availability::Retired => false,
    }
}

fn held_back(device: &Device, node: Option<&Node>, policy: &HealthPolicy) -> Option<String> {
    let why = match availability(device, node, policy) {
        Availability::Free | Availability::Busy | Availability::Retired => return None,
        Availability::Missing => "its node does not report it",
        Availability::Unknown if device.readable => "its node is silent",
        Availability::Unknown => "its node's driver does not answer for it",
        Availability::Quarantined => {
            let worst = device.worst(policy).map(|condition| format!("{}: {}", condition.kind, condition.reason));
            return worst.or_else(|| Some("it is quarantined until its node's next report".to_owned()));
        }
        Availability::Cordoned if device.cordoned => "an operator cordoned it",
        Availability::Cordoned => "an operator cordoned its node",
    };
    Some(why.to_owned())
}

impl DeviceFilter {
    fn admits<'a>(&self, device: &Device, policy: &HealthPolicy, node: impl Fn() -> Option<&'a Node>) -> bool {
        let availability = || availability(device, node(), policy);
        self.pool.as_ref().is_none_or(|pool| device.pool.as_ref() == Some(pool))
            && self.node.as_ref().is_none_or(|node| device.node == *node)
            && self.model.as_ref().is_none_or(|model| device.model == *model)
            && self.retired.is_none_or(|retired| retired == (device.retired))
            && self.cordoned.is_none_or(|wanted| wanted == device.cordoned)
            && self.overridden.is_none_or(|wanted| wanted != device.overrides.is_empty())
            && self.health.is_none_or(|wanted| health(device, node(), policy) == wanted)
            && self.availability.is_none_or(|wanted| availability() == wanted)
            && self.held_back.is_none_or(|wanted| wanted == is_held_back(availability()))
            && self.free.is_none_or(|free| free == (availability() == Availability::Free))
    }
}

fn show_condition(condition: &Condition, policy: &HealthPolicy) -> ConditionView {
    let Judgement { severity, remedy, dry_run } = policy.judge(condition);
    ConditionView {
        kind: condition.kind.clone(),
        severity: severity.into(),
        reported_severity: condition.severity.into(),
        dry_run,
        reason: Arc::clone(&condition.reason),
        remedy: remedy.into(),
        xid: condition.xid,
        first_seen: condition.first_seen,
        last_seen: condition.last_seen,
    }
}
