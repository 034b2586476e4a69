//! Pools: named sets of devices.
use super::{Listed, Look, Page, PageError};
use domain::{GroupName, Model, PoolName, Position, Timestamp, device::DeviceId, pool::Pool};
use serde::Serialize;
use std::ops::Bound;
use utoipa::ToSchema;

/// A pool as it stands. Each device is counted once, under the first reason that keeps a job from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PoolView {
    /// Its name.
    #[schema(value_type = String)]
    pub name: PoolName,
    /// The model of its devices; null for an empty pool, and for the default pool where it mixes several.
    #[schema(value_type = Option<String>)]
    pub model: Option<Model>,
    /// The models of its devices.
    #[schema(value_type = Vec<String>)]
    pub models: Vec<Model>,
    /// Its devices.
    #[schema(value_type = Vec<String>)]
    pub devices: Vec<DeviceId>,
    /// How many devices can be given to a job.
    pub idle: u32,
    /// How many have a job.
    pub busy: u32,
    /// How many have a critical or fatal condition.
    pub quarantined: u32,
    /// How many an operator holds back.
    pub cordoned: u32,
    /// How many are of unknown health.
    pub unknown: u32,
    /// How many are not reported by their node.
    pub missing: u32,
    /// The group whose users may claim its devices.
    #[schema(value_type = Option<String>)]
    pub group: Option<GroupName>,
    /// Since when its breaker holds quarantines back; null unless it has tripped.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub breaker_tripped: Option<Timestamp>,
    /// Where it was last configured: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// Which pools: those that meet all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolFilter {
    /// Bound to this group; `Some(None)`: to none.
    pub group: Option<Option<GroupName>>,
    /// With devices of this model.
    pub model: Option<Model>,
}

impl Look<'_> {
    /// The pool of this name.
    pub fn pool(&self, name: &PoolName) -> Option<PoolView> {
        let pool = self.cluster().pool(name)?;
        self.sees_pool(Some(name)).then(|| show(pool))
    }

    /// Pools by name.
    ///
    /// # Errors
    /// None at present.
    pub fn pools(&self, filter: &PoolFilter, page: &Page) -> Result<Listed<PoolView>, PageError> {
        let from = page.after().map_or(Bound::Unbounded, Bound::Excluded);
        let pools = self.cluster().pools().range::<str, _>((from, Bound::Unbounded)).map(|(_, pool)| pool);
        let pools = pools.filter(|pool| self.sees_pool(Some(&pool.name)) && filter.admits(pool));
        Ok(page.take(self.position(), pools, |pool| pool.name.to_string(), |pool| show(pool)))
    }
}

fn show(pool: &Pool) -> PoolView {
    let tally = pool.tally();
    let models: Vec<Model> = pool.models().cloned().collect();
    let model = if let [model] = &models[..] { Some(model.clone()) } else { None };
    PoolView {
        name: pool.name.clone(),
        model,
        models,
        devices: pool.devices.iter().copied().collect(),
        idle: tally.free,
        busy: tally.busy,
        quarantined: tally.quarantined,
        cordoned: tally.cordoned,
        unknown: tally.unknown,
        missing: tally.missing,
        group: pool.group.clone(),
        breaker_tripped: pool.breaker.tripped.map(|tripped| tripped.since),
        revision: pool.revision,
    }
}

impl PoolFilter {
    fn admits(&self, pool: &Pool) -> bool {
        self.group.as_ref().is_none_or(|group| *group == pool.group)
            && self.model.as_ref().is_none_or(|model| pool.models().any(|have| have == model))
    }
}
