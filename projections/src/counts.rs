//! What the whole cluster has of each kind, counted with every event: so that a glance costs nothing, however large the
//! fleet.
use crate::view::{Health, health};
use domain::{
    Cluster, Event, NodeName, Role, UserId,
    device::{self, Device, DeviceId},
    group, job,
    node::{self, Contact, Node, Reported, recounted},
    user,
};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// How many devices are how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct HealthCounts {
    /// Without a condition that matters.
    pub healthy: u32,
    /// Degraded, and in use.
    pub warning: u32,
    /// That take no new work.
    pub critical: u32,
    /// That are unusable.
    pub fatal: u32,
    /// Of which nobody can tell.
    pub unknown: u32,
}

/// Nodes, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct NodeCounts {
    /// In service.
    pub total: u32,
    /// Of those, the ones that report.
    pub reporting: u32,
    /// Of those, the ones that are silent.
    pub lost: u32,
    /// Of those, the ones that are cordoned as a whole.
    pub cordoned: u32,
    /// Of those, the ones that report fewer devices than expected: a fault.
    pub short: u32,
    /// Of those, the ones that report more devices than expected.
    pub surplus: u32,
    /// Out of service.
    pub retired: u32,
}

/// Users, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct UserCounts {
    /// All.
    pub total: u32,
    /// Operators.
    pub operators: u32,
    /// Auditors.
    pub auditors: u32,
    /// Data scientists.
    pub data_scientists: u32,
    /// Shut out, of any role.
    pub suspended: u32,
    /// In no group.
    pub without_group: u32,
}

/// Active jobs, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct JobCounts {
    /// All.
    pub total: u32,
    /// Started here.
    pub started: u32,
    /// Seen elsewhere.
    pub observed: u32,
    /// Of those, the ones that break a rule.
    pub in_breach: u32,
}

/// All that is counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Of the devices in service.
    pub(crate) health: HealthCounts,
    pub(crate) retired_devices: u32,
    pub(crate) nodes: NodeCounts,
    pub(crate) users: UserCounts,
    pub(crate) jobs: JobCounts,
    /// Every device that is not healthy, retired ones too.
    pub(crate) unwell: BTreeSet<DeviceId>,
}

/// Whether something is counted in or out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    In,
    Out,
}

impl HealthCounts {
    pub(crate) const fn of(&mut self, health: Health) -> &mut u32 {
        match health {
            Health::Healthy => &mut self.healthy,
            Health::Warning => &mut self.warning,
            Health::Critical => &mut self.critical,
            Health::Fatal => &mut self.fatal,
            Health::Unknown => &mut self.unknown,
        }
    }
}

impl Count {
    const fn one(self, count: &mut u32) {
        *count = match self {
            Self::In => count.saturating_add(1),
            Self::Out => count.saturating_sub(1),
        };
    }

    const fn one_if(self, is: bool, count: &mut u32) {
        if is {
            self.one(count);
        }
    }
}

impl Counts {
    /// Everything, counted from the beginning.
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let mut counts = Self::default();
        cluster
            .devices()
            .values()
            .for_each(|device| counts.device(Count::In, device, cluster, cluster.node(&device.node)));
        cluster.nodes().values().for_each(|node| counts.node(Count::In, cluster, node));
        cluster.users().values().for_each(|user| counts.user(Count::In, user));
        cluster.jobs().values().for_each(|job| counts.job(Count::In, job));
        counts
    }

    /// Counts what an event is about out of the state before it, or into the state after it.
    pub(crate) fn touch(&mut self, count: Count, cluster: &Cluster, event: &Event) {
        match event {
            Event::Device(event) => self.touch_devices(count, cluster, event),
            Event::Node(event) => self.touch_node(count, cluster, event),
            Event::User(
                user::Event::Onboarded { user, .. }
                | user::Event::RoleChanged { user, .. }
                | user::Event::Suspended { user }
                | user::Event::Reinstated { user }
                | user::Event::Deleted { user },
            )
            | Event::Group(group::Event::UserAdded { user, .. } | group::Event::UserRemoved { user, .. }) => {
                self.touch_user(count, cluster, *user);
            }
            Event::Job(
                job::Event::Started { job, .. } | job::Event::Observed { job, .. } | job::Event::Finished { job, .. },
            ) => cluster.job(*job).into_iter().for_each(|job| self.job(count, job)),
            Event::Policy(_) => self.touch_ill(count, cluster),
            // Nothing that is counted changes: pools and their devices' availability are counted by the cluster.
            Event::Cluster(_)
            | Event::Access(_)
            | Event::Pool(_)
            | Event::Token(_)
            | Event::License(_)
            | Event::Backend(_)
            | Event::User(
                user::Event::PasswordSet { .. }
                | user::Event::Invited { .. }
                | user::Event::Linked { .. }
                | user::Event::LoginChanged { .. }
                | user::Event::Erased { .. },
            )
            | Event::Job(job::Event::DevicesAdded { .. } | job::Event::DevicesReleased { .. })
            | Event::Group(
                group::Event::Created { .. }
                | group::Event::Deleted { .. }
                | group::Event::PoolBound { .. }
                | group::Event::PoolUnbound { .. },
            ) => {}
        }
    }

    fn touch_devices(&mut self, count: Count, cluster: &Cluster, event: &device::Event) {
        use device::Event as E;
        let touched = match event {
            E::Discovered { device, .. }
            | E::Missing { device, .. }
            | E::Returned { device, .. }
            | E::Moved { device, .. }
            | E::HealthChanged { device, .. }
            | E::ConditionCleared { device, .. }
            | E::Retired { device, .. }
            | E::Reinstated { device } => [Some(*device), None],
            E::Replaced { device, replacement, .. } => [Some(*device), Some(*replacement)],
            // Whether it may be given away is no matter of its health.
            E::Assigned { .. }
            | E::Cordoned { .. }
            | E::Uncordoned { .. }
            | E::Quarantined { .. }
            | E::QuarantineLifted { .. }
            | E::ConditionOverridden { .. }
            | E::OverrideEnded { .. }
            | E::InstancesChanged { .. } => [None, None],
        };
        for device in touched.into_iter().flatten().filter_map(|id| cluster.device(id)) {
            self.device(count, device, cluster, cluster.node(&device.node));
        }
        for node in recounted(cluster, event).into_iter().flatten().filter_map(|name| cluster.node(name)) {
            self.reported(count, cluster, node);
        }
    }

    fn touch_node(&mut self, count: Count, cluster: &Cluster, event: &node::Event) {
        use node::Event as E;
        let name: &NodeName = match event {
            E::Registered { node, .. }
            | E::Lost { node }
            | E::Returned { node }
            | E::Cordoned { node }
            | E::Uncordoned { node }
            | E::ExpectationSet { node, .. }
            | E::Retired { node }
            | E::Reinstated { node } => node,
            E::FactsChanged { .. } | E::ReportRefused { .. } => return,
        };
        let Some(node) = cluster.node(name) else { return };
        self.node(count, cluster, node);
        // The health of its devices is known or not with it.
        if matches!(event, E::Lost { .. } | E::Returned { .. }) {
            for device in node.devices.values().filter_map(|id| cluster.device(*id)) {
                self.device(count, device, cluster, Some(node));
            }
        }
    }

    /// How bad a condition is, the policy says.
    fn touch_ill(&mut self, count: Count, cluster: &Cluster) {
        for device in cluster.devices().values().filter(|device| !device.conditions.is_empty()) {
            self.device(count, device, cluster, cluster.node(&device.node));
        }
    }

    fn touch_user(&mut self, count: Count, cluster: &Cluster, user: UserId) {
        if let Some(user) = cluster.user(user) {
            self.user(count, user);
        }
    }

    fn device(&mut self, count: Count, device: &Device, cluster: &Cluster, node: Option<&Node>) {
        let health = health(device, node, cluster.health_policy());
        if device.retired {
            count.one(&mut self.retired_devices);
        } else {
            count.one(self.health.of(health));
        }
        match count {
            Count::In if health != Health::Healthy => drop(self.unwell.insert(device.id)),
            Count::Out if health != Health::Healthy => drop(self.unwell.remove(&device.id)),
            Count::In | Count::Out => {}
        }
    }

    fn node(&mut self, count: Count, cluster: &Cluster, node: &Node) {
        self.reported(count, cluster, node);
        let counts = &mut self.nodes;
        if node.retired {
            return count.one(&mut counts.retired);
        }
        count.one(&mut counts.total);
        count.one_if(node.cordoned, &mut counts.cordoned);
        count.one(match node.contact {
            Contact::Reporting => &mut counts.reporting,
            Contact::Lost => &mut counts.lost,
        });
    }

    fn reported(&mut self, count: Count, cluster: &Cluster, node: &Node) {
        let reported = Reported::of(cluster, node);
        count.one_if(reported.short(node) > 0, &mut self.nodes.short);
        count.one_if(reported.surplus(node) > 0, &mut self.nodes.surplus);
    }

    fn user(&mut self, count: Count, user: &user::User) {
        let counts = &mut self.users;
        count.one(&mut counts.total);
        count.one_if(user.suspended, &mut counts.suspended);
        count.one_if(user.group.is_none(), &mut counts.without_group);
        count.one(match user.role {
            Role::Operator => &mut counts.operators,
            Role::Auditor => &mut counts.auditors,
            Role::DataScientist => &mut counts.data_scientists,
        });
    }

    fn job(&mut self, count: Count, job: &job::Job) {
        let counts = &mut self.jobs;
        count.one(&mut counts.total);
        match &job.source {
            job::Source::Started { .. } => count.one(&mut counts.started),
            job::Source::Observed { breaches, .. } => {
                count.one(&mut counts.observed);
                count.one_if(!breaches.is_empty(), &mut counts.in_breach);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{State, testing};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Counted event by event, everything is as counted from the beginning.
        #[test]
        fn counting_on_equals_counting_anew(steps in testing::steps(150)) {
            let mut state = State::default();
            for recorded in testing::told(&steps) {
                state.apply(&recorded).unwrap();
                prop_assert_eq!(state.counts(), &Counts::of(state.cluster()), "after {:?}", recorded.event);
            }
        }
    }
}
