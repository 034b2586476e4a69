use super::{Event, Standing};
use crate::{Cluster, Stamp};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Changed { policy } => {
            cluster.change_policy(Standing { policy: policy.clone(), revision: at.position });
        }
    }
}
