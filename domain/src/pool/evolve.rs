use super::{Event, Pool};
use crate::{
    Cluster, Stamp,
    policy::{BreakerState, Tripped},
};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Created { name, model: _ } => {
            cluster.pools.insert(name.clone(), Pool::new(name.clone(), at.position));
        }
        Event::BreakerTripped { pool, .. } => {
            if let Some(pool) = cluster.pools.get_mut(pool) {
                pool.breaker.tripped = Some(Tripped { since: at.recorded_at, last: at.recorded_at });
            }
        }
        Event::BreakerReset { pool } => {
            if let Some(pool) = cluster.pools.get_mut(pool) {
                pool.breaker = BreakerState::default();
            }
        }
        Event::Deleted { name } => {
            cluster.pools.remove(name);
        }
    }
}
