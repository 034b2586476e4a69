use super::{Event, Installed};
use crate::{Cluster, Stamp};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Installed { license } => {
            cluster.license =
                Some(Installed { license: license.clone(), installed_at: at.recorded_at, revision: at.position });
        }
    }
}
