//! Facts, in the past tense.
use crate::{ClusterId, PoolName, Subject, device, group, job, node, pool, token, user};
use serde::Serialize;

/// The first fact of every log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Founding {
    /// The cluster, for ever.
    pub cluster: ClusterId,
    /// Whether its devices are simulated: such a log never holds real ones, nor the other way round.
    pub demonstration: bool,
}

/// A fact. Serialises to what is published of it: without personal and secret fields, and without its name.
///
/// This is never what is stored: see [`stored`](crate::stored).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// The cluster was founded.
    Founded(Founding),
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
}

impl Event {
    /// Its name, as subscribers and the audit trail know it. A contract: never changed.
    pub const fn name(&self) -> &'static str {
        use device::Event as D;
        use group::Event as G;
        use job::Event as J;
        use node::Event as N;
        use pool::Event as P;
        use token::Event as T;
        use user::Event as U;
        match self {
            Self::Founded(_) => "ClusterFounded",
            Self::Pool(P::Created { .. }) => "PoolCreated",
            Self::Pool(P::Deleted { .. }) => "PoolDeleted",
            Self::Group(G::Created { .. }) => "GroupCreated",
            Self::Group(G::Deleted { .. }) => "GroupDeleted",
            Self::Group(G::UserAdded { .. }) => "UserAddedToGroup",
            Self::Group(G::UserRemoved { .. }) => "UserRemovedFromGroup",
            Self::Group(G::PoolBound { .. }) => "PoolBound",
            Self::Group(G::PoolUnbound { .. }) => "PoolUnbound",
            Self::User(U::Onboarded { .. }) => "UserOnboarded",
            Self::User(U::PasswordSet { .. }) => "PasswordSet",
            Self::User(U::RoleChanged { .. }) => "RoleChanged",
            Self::User(U::Suspended { .. }) => "UserSuspended",
            Self::User(U::Reinstated { .. }) => "UserReinstated",
            Self::User(U::Deleted { .. }) => "UserDeleted",
            Self::User(U::Erased { .. }) => "UserErased",
            Self::Node(N::Registered { .. }) => "NodeRegistered",
            Self::Node(N::FactsChanged { .. }) => "NodeFactsChanged",
            Self::Node(N::Lost { .. }) => "NodeLost",
            Self::Node(N::Returned { .. }) => "NodeReturned",
            Self::Node(N::Cordoned { .. }) => "NodeCordoned",
            Self::Node(N::Uncordoned { .. }) => "NodeUncordoned",
            Self::Node(N::ExpectationSet { .. }) => "NodeExpectationSet",
            Self::Node(N::Retired { .. }) => "NodeRetired",
            Self::Node(N::Reinstated { .. }) => "NodeReinstated",
            Self::Device(D::Discovered { .. }) => "DeviceDiscovered",
            Self::Device(D::Missing { .. }) => "DeviceMissing",
            Self::Device(D::Returned { .. }) => "DeviceReturned",
            Self::Device(D::Replaced { .. }) => "DeviceReplaced",
            Self::Device(D::Moved { .. }) => "DeviceMoved",
            Self::Device(D::Assigned { .. }) => "DeviceAssigned",
            Self::Device(D::Cordoned { .. }) => "DeviceCordoned",
            Self::Device(D::Uncordoned { .. }) => "DeviceUncordoned",
            Self::Device(D::HealthChanged { .. }) => "DeviceHealthChanged",
            Self::Device(D::Quarantined { .. }) => "DeviceQuarantined",
            Self::Device(D::QuarantineLifted { .. }) => "DeviceQuarantineLifted",
            Self::Device(D::Retired { .. }) => "DeviceRetired",
            Self::Device(D::Reinstated { .. }) => "DeviceReinstated",
            Self::Job(J::Started { .. }) => "JobStarted",
            Self::Job(J::Observed { .. }) => "JobObserved",
            Self::Job(J::DevicesAdded { .. }) => "JobDevicesAdded",
            Self::Job(J::DevicesReleased { .. }) => "JobDevicesReleased",
            Self::Job(J::Finished { .. }) => "JobFinished",
            Self::Token(T::Issued { .. }) => "TokenIssued",
            Self::Token(T::Revoked { .. }) => "TokenRevoked",
        }
    }

    /// What it is about, the main subject first: each thing whose history it belongs to, so all that it changes. Only a
    /// token's end with its user is told by the user's alone.
    pub fn subjects(&self) -> Vec<Subject> {
        use device::Event as D;
        use group::Event as G;
        use job::Event as J;
        use node::Event as N;
        use pool::Event as P;
        use token::Event as T;
        use user::Event as U;
        match self {
            Self::Founded(_) => vec![Subject::Cluster],
            Self::Pool(P::Created { name, .. } | P::Deleted { name }) => vec![Subject::Pool(name.clone())],
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
                | N::Reinstated { node },
            ) => vec![Subject::Node(node.clone())],
            Self::Device(D::Discovered { device, node, .. }) => {
                let pool = PoolName::default_pool();
                vec![Subject::Device(*device), Subject::Node(node.clone()), Subject::Pool(pool)]
            }
            Self::Device(D::Missing { device, node } | D::Returned { device, node }) => {
                vec![Subject::Device(*device), Subject::Node(node.clone())]
            }
            Self::Device(D::Moved { device, from, node, .. }) => {
                let left = (from != node).then(|| Subject::Node(from.clone()));
                [Subject::Device(*device), Subject::Node(node.clone())].into_iter().chain(left).collect()
            }
            Self::Device(D::Replaced { device, replacement, node, from, pool, .. }) => {
                let devices = [Subject::Device(*device), Subject::Device(*replacement)];
                let left = (from != pool).then(|| Subject::Pool(from.clone()));
                devices
                    .into_iter()
                    .chain([Subject::Node(node.clone()), Subject::Pool(pool.clone())])
                    .chain(left)
                    .collect()
            }
            Self::Device(D::Assigned { device, from, pool }) => {
                vec![Subject::Device(*device), Subject::Pool(pool.clone()), Subject::Pool(from.clone())]
            }
            Self::Device(D::Retired { device, pool }) => vec![Subject::Device(*device), Subject::Pool(pool.clone())],
            Self::Device(D::Reinstated { device }) => {
                vec![Subject::Device(*device), Subject::Pool(PoolName::default_pool())]
            }
            Self::Device(
                D::Cordoned { device }
                | D::Uncordoned { device }
                | D::HealthChanged { device, .. }
                | D::Quarantined { device, .. }
                | D::QuarantineLifted { device },
            ) => vec![Subject::Device(*device)],
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
