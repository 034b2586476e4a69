//! The whole cluster at a glance.
use super::Look;
use crate::counts::{HealthCounts, JobCounts, NodeCounts, UserCounts};
use domain::{ClusterId, GroupName, PoolName, Position, Tally};
use serde::Serialize;
use utoipa::ToSchema;

/// The counts and shares of the dashboard. Pods, alerts, license and lag are not recorded, and come from elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Overview {
    /// Which cluster; null before it is founded.
    pub cluster: Option<ClusterView>,
    /// Nodes.
    pub nodes: NodeCounts,
    /// Devices.
    pub devices: DeviceCounts,
    /// How many pools there are.
    pub pools: u32,
    /// How many groups there are.
    pub groups: u32,
    /// Users.
    pub users: UserCounts,
    /// Active jobs.
    pub jobs: JobCounts,
    /// How much of each pool is in use: the largest pools first, at most 100.
    pub shares: Vec<PoolShare>,
    /// How many pools `shares` leaves out.
    pub shares_left_out: u32,
    /// The position that all this is true at.
    #[schema(value_type = u64)]
    pub position: Position,
}

/// Which cluster it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClusterView {
    /// Its id, for ever.
    #[schema(value_type = String, format = Uuid)]
    pub id: ClusterId,
    /// Whether its devices are simulated.
    pub demonstration: bool,
}

/// Devices, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct DeviceCounts {
    /// In service.
    pub total: u32,
    /// Those by health.
    pub health: HealthCounts,
    /// Those by what keeps a job from them.
    pub availability: AvailabilityCounts,
    /// Out of service.
    pub retired: u32,
}

/// Devices by what keeps a job from them: each is counted once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct AvailabilityCounts {
    /// Can be given.
    pub free: u32,
    /// Have a job.
    pub busy: u32,
    /// Are not reported.
    pub missing: u32,
    /// Are of unknown health.
    pub unknown: u32,
    /// Have a critical or fatal condition.
    pub quarantined: u32,
    /// Are held back by an operator.
    pub cordoned: u32,
}

/// How much of a pool is in use.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct PoolShare {
    /// The pool.
    #[schema(value_type = String)]
    pub pool: PoolName,
    /// The group whose users may claim its devices.
    #[schema(value_type = Option<String>)]
    pub group: Option<GroupName>,
    /// Its devices.
    pub devices: u32,
    /// Those with a job.
    pub busy: u32,
    /// Those that can be given.
    pub idle: u32,
    /// Those that can neither be given nor have a job.
    pub held_back: u32,
    /// `busy` as a share of `devices`, 0 to 1; 0 for an empty pool.
    pub busy_share: f64,
    /// `devices` as a share of all devices in service, 0 to 1.
    pub fleet_share: f64,
}

/// The most pools whose shares are told.
const SHARES_MAX: usize = 100;

impl Look<'_> {
    /// The whole cluster at a glance: for eyes that may see everything.
    pub fn overview(&self) -> Overview {
        let (cluster, counts) = (self.cluster(), self.state.counts());
        let availability = cluster.tally();
        let shares = self.shares();
        let shares_left_out = count(cluster.pools().len().saturating_sub(shares.len()));
        Overview {
            cluster: cluster
                .founded()
                .map(|founded| ClusterView { id: founded.id, demonstration: founded.demonstration }),
            nodes: counts.nodes,
            devices: DeviceCounts {
                total: availability.total(),
                health: counts.health,
                availability: availability.into(),
                retired: counts.retired_devices,
            },
            pools: count(cluster.pools().len()),
            groups: count(cluster.groups().len()),
            users: counts.users,
            jobs: counts.jobs,
            shares,
            shares_left_out,
            position: self.position(),
        }
    }

    fn shares(&self) -> Vec<PoolShare> {
        let all = self.cluster().tally().total();
        let mut pools: Vec<_> = self.cluster().pools().values().map(|pool| (pool, pool.tally())).collect();
        pools.sort_by_key(|(_, tally)| std::cmp::Reverse(tally.total()));
        let share = |part: u32, whole: u32| if whole == 0 { 0.0 } else { f64::from(part) / f64::from(whole) };
        let shares = pools.into_iter().take(SHARES_MAX).map(|(pool, tally)| PoolShare {
            pool: pool.name.clone(),
            group: pool.group.clone(),
            devices: tally.total(),
            busy: tally.busy,
            idle: tally.free,
            held_back: tally.total() - tally.busy - tally.free,
            busy_share: share(tally.busy, tally.total()),
            fleet_share: share(tally.total(), all),
        });
        shares.collect()
    }
}

impl From<Tally> for AvailabilityCounts {
    fn from(tally: Tally) -> Self {
        let Tally { busy, missing, unknown, quarantined, cordoned, free } = tally;
        Self { free, busy, missing, unknown, quarantined, cordoned }
    }
}

fn count(things: usize) -> u32 {
    u32::try_from(things).unwrap_or(u32::MAX)
}
