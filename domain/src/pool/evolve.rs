use super::{Event, Pool};
use crate::{Cluster, Stamp};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Created { name, model: _ } => {
            cluster.pools.insert(name.clone(), Pool::new(name.clone(), at.position));
        }
        Event::Deleted { name } => {
            cluster.pools.remove(name);
        }
    }
}
