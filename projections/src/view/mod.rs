//! Views: what people see, as functions of one [`State`], of who looks, and of the time that expiries are judged at.
mod alert;
mod device;
mod group;
mod job;
mod license;
mod node;
mod overview;
mod page;
mod policy;
mod pool;
mod sign_in;
mod token;
mod user;
mod words;

#[cfg(test)]
mod tests;

pub use crate::counts::{HealthCounts, JobCounts, NodeCounts, UserCounts};
pub use alert::{AlertJob, AlertJobs, AlertView};
pub(crate) use device::health;
pub use device::{ConditionView, DeviceFilter, DeviceView, InstanceView, OverrideView};
pub use group::{GroupFilter, GroupView};
pub use job::{JobFilter, JobSource, JobView};
pub use license::{GrantView, LicenseView, Use};
pub use node::{NodeDevices, NodeFilter, NodeView};
pub use overview::{AvailabilityCounts, ClusterView, DeviceCounts, Overview, PoolShare};
pub use page::{Listed, Page, PageError};
pub use policy::{BreakerView, HealthPolicyView, KindRuleView, XidRuleView};
pub use pool::{PoolFilter, PoolView};
pub use sign_in::{ProposalView, ProviderView, SignInView};
pub use token::{TokenFilter, TokenView};
pub use user::{UserFilter, UserRef, UserView};
pub use words::{
    Availability, BackendKind, Breach, Contact, Health, LicenseState, Presence, Remedy, Role, Scope, Severity,
    UnknownWord,
};

use crate::{names::Names, state::State};
use domain::{Cluster, GroupName, PoolName, Position, Timestamp, UserId, node::Node};
use std::collections::HashMap;

/// Whose eyes look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Everything is shown.
    All,
    /// Only what is this user's own: themselves, their tokens and jobs, their group, its pool, and that pool's devices.
    /// All else is as if it were not there.
    Own(UserId),
}

/// A look at a state.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    state: &'a State,
    sight: Sight,
    time: Timestamp,
}

impl State {
    /// A look at this state: by whom, and at which time, which is now or the past moment that is asked for.
    pub const fn look(&self, sight: Sight, time: Timestamp) -> Look<'_> {
        Look { state: self, sight, time }
    }
}

type Nodes<'a> = HashMap<&'a str, &'a Node>;

impl<'a> Look<'a> {
    /// The position that everything here is true at.
    pub fn position(&self) -> Position {
        self.state.position()
    }

    fn cluster(&self) -> &'a Cluster {
        self.state.cluster()
    }

    fn names(&self) -> &'a Names {
        self.state.names()
    }

    const fn sees_all(&self) -> bool {
        matches!(self.sight, Sight::All)
    }

    /// Whether what belongs to this user is shown.
    fn sees_of(&self, owner: Option<UserId>) -> bool {
        match self.sight {
            Sight::All => true,
            Sight::Own(me) => owner == Some(me),
        }
    }

    fn sees_group(&self, name: &GroupName) -> bool {
        match self.sight {
            Sight::All => true,
            Sight::Own(me) => self.group_of(me) == Some(name),
        }
    }

    fn sees_pool(&self, name: Option<&PoolName>) -> bool {
        match self.sight {
            Sight::All => true,
            Sight::Own(me) => name.is_some() && self.pool_of(me) == name,
        }
    }

    /// The nodes by name, for a walk over many devices: their names have long beginnings in common, so that to find one
    /// in order is slow.
    fn nodes_at_hand(&self) -> Nodes<'a> {
        self.cluster().nodes().values().map(|node| (node.name.as_str(), node)).collect()
    }

    fn group_of(&self, user: UserId) -> Option<&'a GroupName> {
        self.cluster().user(user)?.group.as_ref()
    }

    fn pool_of(&self, user: UserId) -> Option<&'a PoolName> {
        self.cluster().group(self.group_of(user)?)?.pool.as_ref()
    }
}
