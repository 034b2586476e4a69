//! Nodes: hosts with devices.
use super::{Contact, Health, HealthCounts, Listed, Look, Page, PageError, health};
use domain::{
    Model, NodeName, Position, Timestamp,
    device::Device,
    node::{self, Node, Reported, in_service},
};
use serde::Serialize;
use std::{ops::Bound, sync::Arc};
use utoipa::ToSchema;

/// A node as it stands. What its agent says of the host is as it was last said; an empty text is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct NodeView {
    /// Its name.
    #[schema(value_type = String)]
    pub name: NodeName,
    /// Its addresses.
    #[schema(value_type = Vec<String>)]
    pub addresses: Vec<Arc<str>>,
    /// The operating system.
    #[schema(value_type = String)]
    pub os: Arc<str>,
    /// The kernel's release.
    #[schema(value_type = String)]
    pub kernel: Arc<str>,
    /// Logical processors.
    pub cpus: u32,
    /// Main memory in bytes.
    pub memory_bytes: u64,
    /// The GPU driver's version.
    #[schema(value_type = String)]
    pub driver: Arc<str>,
    /// The agent's version.
    #[schema(value_type = String)]
    pub agent: Arc<str>,
    /// The kernel's boot id: another one after every start.
    #[schema(value_type = String)]
    pub boot_id: Arc<str>,
    /// When it started, by its own clock; null if it did not say.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub booted_at: Option<Timestamp>,
    /// How long ago that was, in seconds; null if it did not say, or is lost.
    pub uptime_seconds: Option<u64>,
    /// Its devices, counted.
    pub devices: NodeDevices,
    /// What is wrong with their number, in words: fewer than expected, which is a fault, or more. Null if nothing is.
    pub attention: Option<String>,
    /// Whether it speaks.
    pub contact: Contact,
    /// Since when it does, or does not.
    #[schema(value_type = String, format = DateTime)]
    pub contact_since: Timestamp,
    /// Whether an operator wishes that its devices take no job.
    pub cordoned: bool,
    /// Whether it is out of service.
    pub retired: bool,
    /// When it was first seen here.
    #[schema(value_type = String, format = DateTime)]
    pub registered_at: Timestamp,
    /// Where it was last configured: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// A node's devices, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct NodeDevices {
    /// How many there should be: what an operator said, else those that were seen and are not retired.
    pub expected: u32,
    /// How many the node reports.
    pub seen: u32,
    /// Of those, the ones without a condition that matters, and the degraded ones that still take work.
    pub healthy: u32,
    /// Of those, the ones that take no new work because of a critical or fatal condition.
    pub unhealthy: u32,
    /// How many the node reported once and does not now.
    pub missing: u32,
    /// How many fewer than expected it reports: a fault.
    pub short: u32,
    /// How many more than expected it reports.
    pub surplus: u32,
    /// Those in service (seen or missing) by health.
    pub health: HealthCounts,
}

/// Which nodes: those that meet all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeFilter {
    /// That speak so.
    pub contact: Option<Contact>,
    /// With a device of this model.
    pub model: Option<Model>,
    /// With a device that is so healthy.
    pub health: Option<Health>,
    /// With a device of this pool.
    pub pool: Option<domain::PoolName>,
    /// Cordoned as a whole, or not.
    pub cordoned: Option<bool>,
    /// Out of service, or in it.
    pub retired: Option<bool>,
}

impl NodeDevices {
    /// What is wrong with their number, in words.
    fn attention(&self) -> Option<String> {
        let Self { expected, seen, short, surplus, .. } = self;
        match (short, surplus) {
            (0, 0) => None,
            (0, _) => Some(format!("more devices than expected: {seen} instead of {expected}")),
            (_, _) => Some(format!("fewer devices than expected: {seen} instead of {expected}")),
        }
    }
}

impl<'a> Look<'a> {
    /// The node of this name, a retired one too.
    pub fn node(&self, name: &NodeName) -> Option<NodeView> {
        let node = self.cluster().node(name)?;
        self.sees_all().then(|| self.show_node(node))
    }

    /// Nodes by name, retired ones too.
    ///
    /// # Errors
    /// None at present.
    pub fn nodes(&self, filter: &NodeFilter, page: &Page) -> Result<Listed<NodeView>, PageError> {
        let from = page.after().map_or(Bound::Unbounded, Bound::Excluded);
        let nodes = self.cluster().nodes().range::<str, _>((from, Bound::Unbounded)).map(|(_, node)| node);
        let nodes = nodes.filter(|node| self.sees_all() && self.admits_node(filter, node));
        Ok(page.take(self.position(), nodes, |node| node.name.to_string(), |node| self.show_node(node)))
    }

    /// The node's devices that are in service.
    fn in_service(&self, node: &'a Node) -> impl Iterator<Item = &'a Device> {
        in_service(self.cluster(), node)
    }

    fn admits_node(&self, filter: &NodeFilter, node: &'a Node) -> bool {
        filter.contact.is_none_or(|contact| contact == node.contact.into())
            && filter.cordoned.is_none_or(|cordoned| cordoned == node.cordoned)
            && filter.retired.is_none_or(|retired| retired == node.retired)
            && filter.model.as_ref().is_none_or(|model| self.in_service(node).any(|device| device.model == *model))
            && filter.health.is_none_or(|wanted| {
                self.in_service(node).any(|device| health(device, Some(node), self.cluster().health_policy()) == wanted)
            })
            && filter
                .pool
                .as_ref()
                .is_none_or(|pool| self.in_service(node).any(|device| device.pool.as_ref() == Some(pool)))
    }

    fn count_devices(&self, node: &'a Node) -> NodeDevices {
        let mut by_health = HealthCounts::default();
        for device in self.in_service(node) {
            *by_health.of(health(device, Some(node), self.cluster().health_policy())) += 1;
        }
        let reported = Reported::of(self.cluster(), node);
        NodeDevices {
            expected: reported.expected,
            seen: reported.seen,
            healthy: by_health.healthy + by_health.warning,
            unhealthy: by_health.critical + by_health.fatal,
            missing: reported.missing,
            short: reported.short(node),
            surplus: reported.surplus(node),
            health: by_health,
        }
    }

    fn show_node(&self, node: &'a Node) -> NodeView {
        let facts = &node.facts;
        let booted_at = Some(facts.booted_at).filter(|at| at.micros() > 0);
        let speaks = node.contact == node::Contact::Reporting && !node.retired;
        let uptime = booted_at.filter(|_| speaks).map(|at| self.time.micros().saturating_sub(at.micros()) / 1_000_000);
        let devices = self.count_devices(node);
        NodeView {
            name: node.name.clone(),
            addresses: facts.addresses.clone(),
            os: Arc::clone(&facts.os),
            kernel: Arc::clone(&facts.kernel),
            cpus: facts.cpus,
            memory_bytes: facts.memory_bytes,
            driver: Arc::clone(&facts.driver),
            agent: Arc::clone(&facts.agent),
            boot_id: Arc::clone(&facts.boot_id),
            booted_at,
            // A clock that runs ahead of ours gives no negative time.
            uptime_seconds: uptime.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
            attention: devices.attention(),
            devices,
            contact: node.contact.into(),
            contact_since: node.contact_since,
            cordoned: node.cordoned,
            retired: node.retired,
            registered_at: node.registered_at,
            revision: node.revision,
        }
    }
}
