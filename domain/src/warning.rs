//! What else follows from an accepted command: nothing forbids it, but its author should know.
use crate::{
    Cluster, Event, GroupName, JobId, PoolName, UserId,
    backend::{self, BackendKind, SignIn},
    device::{ConditionKind, Device},
    group, license, policy, user,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A consequence that its author may not have had in mind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Warning {
    /// A user leaves a group while their jobs run: the jobs keep their devices.
    JobsKeepDevices {
        /// The user.
        user: UserId,
        /// Their jobs.
        jobs: Vec<JobId>,
    },
    /// A group loses its pool while jobs run on it: the jobs keep their devices.
    PoolUnboundUnderJobs {
        /// The group.
        group: GroupName,
        /// The pool.
        pool: PoolName,
        /// The jobs.
        jobs: Vec<JobId>,
    },
    /// A group has no pool now: its users may claim nothing.
    GroupWithoutPool {
        /// The group.
        group: GroupName,
    },
    /// A user may do more now, and their tokens may not: a promotion never raises what was made before.
    TokensKeepRole {
        /// The user.
        user: UserId,
    },
    /// A license grants fewer users or devices than there are: where one is required, nothing new is made, and an older one
    /// does not follow it.
    LicenseExceeded,
    /// The health policy names a kind of condition that nobody knows: it may be misspelt, or one that an agent's own policy is
    /// to raise.
    UnknownCondition {
        /// The kind.
        kind: ConditionKind,
        /// The built-in one that it may have been meant to be.
        alike: Option<ConditionKind>,
    },
    /// Users of the backend that held until then: each is shut out until somebody links them to who they are at the new one.
    UsersNotLinked {
        /// How many.
        users: u32,
    },
}

impl Warning {
    /// The most jobs that the warnings of one command name, all together.
    pub const JOBS_MAX: usize = 100;

    /// The most warnings of one command: they are kept with its outcome, and so are bounded.
    pub const MAX: usize = 100;
}

/// What follows from these events, which were decided on `before`.
pub fn warnings(before: &Cluster, events: &[Event]) -> Vec<Warning> {
    let rebound = |name: &GroupName| {
        events.iter().any(|event| matches!(event, Event::Group(group::Event::PoolBound { group, .. }) if group == name))
    };
    let (mut found, mut room) = (vec![], Room(Warning::JOBS_MAX));
    for event in events {
        if let Event::User(user::Event::RoleChanged { user, role, .. }) = event {
            let tokens = before.user(*user).into_iter().flat_map(|user| &user.tokens);
            if tokens.filter_map(|id| before.token(*id)).any(|token| token.role != *role && role.includes(token.role)) {
                found.push(Warning::TokensKeepRole { user: *user });
            }
        }
        if let Event::License(license::Event::Installed { license }) = event
            && license.grants_too_little(before)
        {
            found.push(Warning::LicenseExceeded);
        }
        if let Event::Policy(policy::Event::Changed { policy }) = event {
            let strange = policy.conditions.iter().filter(|rule| !rule.kind.is_known_in(before));
            found.extend(
                strange.map(|rule| Warning::UnknownCondition {
                    kind: rule.kind.clone(),
                    alike: rule.kind.likest_built_in(),
                }),
            );
        }
        if let Event::Backend(event) = event
            && let Some(users) = left_behind(before, event)
        {
            found.push(Warning::UsersNotLinked { users });
        }
        let Event::Group(event) = event else { continue };
        match event {
            group::Event::UserRemoved { user, .. } => {
                let jobs: Vec<JobId> = before.user(*user).into_iter().flat_map(|user| &user.jobs).copied().collect();
                if !jobs.is_empty() {
                    found.push(Warning::JobsKeepDevices { user: *user, jobs: room.take(jobs) });
                }
            }
            group::Event::PoolUnbound { group, pool } => {
                let jobs: Vec<JobId> = jobs_on(before, pool).into_iter().collect();
                if !jobs.is_empty() {
                    let (group, pool, jobs) = (group.clone(), pool.clone(), room.take(jobs));
                    found.push(Warning::PoolUnboundUnderJobs { group, pool, jobs });
                }
                if !rebound(group) {
                    found.push(Warning::GroupWithoutPool { group: group.clone() });
                }
            }
            group::Event::Created { .. }
            | group::Event::Deleted { .. }
            | group::Event::UserAdded { .. }
            | group::Event::PoolBound { .. } => {}
        }
    }
    found.truncate(Warning::MAX);
    found
}

/// How many users the backend that this event brings does not know; none where it knows all.
fn left_behind(before: &Cluster, event: &backend::Event) -> Option<u32> {
    let (provider, operator) = match event {
        backend::Event::Proposed { provider, operator, .. } => (Some(&**provider), operator),
        backend::Event::Activated { kind: BackendKind::Local, operator } => (None, operator),
        backend::Event::Activated { operator, .. } => {
            (before.sign_in().proposal.as_ref().map(|proposal| &proposal.provider), operator)
        }
        backend::Event::Withdrawn { .. } | backend::Event::CredentialsUpdated { .. } => return None,
    };
    let left = before.users().values().filter(|user| user.id != *operator && !SignIn::knows_at(provider, user)).count();
    u32::try_from(left).ok().filter(|left| *left > 0)
}

/// How many more jobs may be named.
struct Room(usize);

impl Room {
    fn take(&mut self, mut jobs: Vec<JobId>) -> Vec<JobId> {
        jobs.truncate(self.0);
        self.0 -= jobs.len();
        jobs
    }
}

/// The active jobs on the pool's devices, whoever's they are: their users may have moved on since.
fn jobs_on(cluster: &Cluster, pool: &PoolName) -> BTreeSet<JobId> {
    let devices = cluster.pool(pool).into_iter().flat_map(|pool| &pool.devices);
    devices.filter_map(|id| cluster.device(*id)).flat_map(Device::jobs).collect()
}
