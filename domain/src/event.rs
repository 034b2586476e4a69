//! Facts, in the past tense.
use crate::{
    ClusterId, PoolName, Subject, Timestamp, access, backend, device, group, job, license, node, policy, pool,
    published::{Noun, events},
    token, user,
};
use serde::Serialize;

events! {
    /// What happens to the cluster as a whole.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum ClusterEvent {
        /// The first fact of every log: the cluster was founded.
        Founded = "ClusterFounded" {
            /// The cluster, for ever.
            cluster: ClusterId,
            /// Whether its devices are simulated: such a log never holds real ones, nor the other way round.
            demonstration: bool,
        },
        /// The keys behind personal data and secrets were lost, and given up. Whatever was sealed before is unreadable: logins,
        /// identities, password hashes, source addresses and reasons, and the secrets of the sign-in provider.
        KeysLost = "KeysLost" {
            /// When they were given up.
            at: Timestamp,
            /// How many users' keys were among them.
            users: u32,
        },
    }
}

/// A fact. Serialises to what is published of it: without personal and secret fields, and without its name.
///
/// This is never what is stored: see [`stored`](crate::stored).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// Of the cluster as a whole.
    Cluster(ClusterEvent),
    /// Of what somebody tried.
    Access(access::Event),
    /// Of a pool.
    Pool(pool::Event),
    /// Of a group.
    Group(group::Event),
    /// Of a user.
    User(user::Event),
    /// Of a node.
    Node(node::Event),
    /// Of a device.
    Device(device::Event),
    /// Of a job.
    Job(job::Event),
    /// Of a token.
    Token(token::Event),
    /// Of the health policy.
    Policy(policy::Event),
    /// Of the license.
    License(license::Event),
    /// Of the sign-in backend.
    Backend(backend::Event),
}

/// Every kind of thing with its events; and for an event, which kind it is of and what it is called.
macro_rules! nouns {
    ($($variant:ident($of:ty) = $entity:literal),+ $(,)?) => {
        /// Every event that there is, by the kind of thing that it is about.
        pub const NOUNS: &[Noun] = &[$(Noun { entity: $entity, events: <$of>::PUBLISHED }),+];

        impl Event {
            /// The kind of thing that it is about.
            pub const fn entity(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $entity),+
                }
            }

            /// Its name, as subscribers and the audit trail know it. A contract: never changed.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(event) => <$of>::name(event)),+
                }
            }
        }
    };
}

nouns! {
    Cluster(ClusterEvent) = "cluster",
    Access(access::Event) = "access",
    Pool(pool::Event) = "pool",
    Group(group::Event) = "group",
    User(user::Event) = "user",
    Node(node::Event) = "node",
    Device(device::Event) = "device",
    Job(job::Event) = "job",
    Token(token::Event) = "token",
    Policy(policy::Event) = "policy",
    License(license::Event) = "license",
    Backend(backend::Event) = "auth",
}

impl Event {
    /// What it is about, the main subject first: each thing whose history it belongs to, so all that it changes. Only a
    /// token's end with its user is told by the user's alone.
    pub fn subjects(&self) -> Vec<Subject> {
        use backend::Event as B;
        use group::Event as G;
        use job::Event as J;
        use node::Event as N;
        use pool::Event as P;
        use token::Event as T;
        use user::Event as U;
        match self {
            Self::Cluster(_) => vec![Subject::Cluster],
            Self::Access(event) => event.subjects(),
            Self::Policy(policy::Event::Changed { .. }) => vec![Subject::HealthPolicy],
            Self::License(license::Event::Installed { .. }) => vec![Subject::License],
            Self::Backend(B::Proposed { operator, .. } | B::Withdrawn { operator } | B::Activated { operator, .. }) => {
                vec![Subject::Backend, Subject::User(*operator)]
            }
            Self::Backend(B::CredentialsUpdated { .. }) => vec![Subject::Backend],
            Self::Pool(
                P::Created { name, .. }
                | P::Deleted { name }
                | P::BreakerTripped { pool: name, .. }
                | P::BreakerReset { pool: name },
            ) => vec![Subject::Pool(name.clone())],
            Self::Group(G::Created { name } | G::Deleted { name }) => vec![Subject::Group(name.clone())],
            Self::Group(G::UserAdded { group, user } | G::UserRemoved { group, user }) => {
                vec![Subject::Group(group.clone()), Subject::User(*user)]
            }
            Self::Group(G::PoolBound { group, pool } | G::PoolUnbound { group, pool }) => {
                vec![Subject::Group(group.clone()), Subject::Pool(pool.clone())]
            }
            Self::User(
                U::Onboarded { user, .. }
                | U::PasswordSet { user, .. }
                | U::Invited { user, .. }
                | U::Linked { user, .. }
                | U::LoginChanged { user, .. }
                | U::RoleChanged { user, .. }
                | U::Suspended { user }
                | U::Reinstated { user }
                | U::Deleted { user }
                | U::Erased { user },
            ) => vec![Subject::User(*user)],
            Self::Node(
                N::Registered { node, .. }
                | N::FactsChanged { node, .. }
                | N::Lost { node }
                | N::Returned { node }
                | N::Cordoned { node }
                | N::Uncordoned { node }
                | N::ExpectationSet { node, .. }
                | N::Retired { node }
                | N::Reinstated { node }
                | N::ReportRefused { node, .. },
            ) => vec![Subject::Node(node.clone())],
            Self::Device(event) => of_device(event),
            Self::Job(J::Started { job, user, pool, devices, .. }) => {
                let claim = [Subject::Job(*job), Subject::User(*user), Subject::Pool(pool.clone())];
                claim.into_iter().chain(devices.iter().copied().map(Subject::Device)).collect()
            }
            Self::Job(J::Observed { job, user, devices, .. }) => std::iter::once(Subject::Job(*job))
                .chain(user.map(Subject::User))
                .chain(devices.iter().copied().map(Subject::Device))
                .collect(),
            Self::Job(J::DevicesAdded { job, devices } | J::DevicesReleased { job, devices }) => {
                std::iter::once(Subject::Job(*job)).chain(devices.iter().copied().map(Subject::Device)).collect()
            }
            Self::Job(J::Finished { job, user, pool, devices, .. }) => std::iter::once(Subject::Job(*job))
                .chain(user.map(Subject::User))
                .chain(pool.clone().map(Subject::Pool))
                .chain(devices.iter().copied().map(Subject::Device))
                .collect(),
            Self::Token(T::Issued { token, user, .. } | T::Revoked { token, user }) => {
                vec![Subject::Token(*token), Subject::User(*user)]
            }
        }
    }
}

fn of_device(event: &device::Event) -> Vec<Subject> {
    use device::Event as D;
    match event {
        D::Discovered { device, node, .. } => {
            let pool = PoolName::default_pool();
            vec![Subject::Device(*device), Subject::Node(node.clone()), Subject::Pool(pool)]
        }
        D::Missing { device, node } | D::Returned { device, node } => {
            vec![Subject::Device(*device), Subject::Node(node.clone())]
        }
        D::Moved { device, from, node, .. } => {
            let left = (from != node).then(|| Subject::Node(from.clone()));
            [Subject::Device(*device), Subject::Node(node.clone())].into_iter().chain(left).collect()
        }
        D::Replaced { device, replacement, node, from, pool, .. } => {
            let devices = [Subject::Device(*device), Subject::Device(*replacement)];
            let left = (from != pool).then(|| Subject::Pool(from.clone()));
            devices.into_iter().chain([Subject::Node(node.clone()), Subject::Pool(pool.clone())]).chain(left).collect()
        }
        D::Assigned { device, from, pool } => {
            vec![Subject::Device(*device), Subject::Pool(pool.clone()), Subject::Pool(from.clone())]
        }
        D::Retired { device, pool } => vec![Subject::Device(*device), Subject::Pool(pool.clone())],
        D::Reinstated { device } => {
            vec![Subject::Device(*device), Subject::Pool(PoolName::default_pool())]
        }
        D::Cordoned { device }
        | D::Uncordoned { device }
        | D::HealthChanged { device, .. }
        | D::Quarantined { device, .. }
        | D::QuarantineLifted { device }
        | D::ConditionOverridden { device, .. }
        | D::OverrideEnded { device, .. }
        | D::ConditionCleared { device, .. }
        | D::InstancesChanged { device, .. } => vec![Subject::Device(*device)],
    }
}
