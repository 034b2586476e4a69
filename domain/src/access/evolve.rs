use super::Event;
use crate::{Cluster, Stamp};

/// When a user signed in is remembered; the rest is told so that it is known.
pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::SignedIn { user, .. } => {
            if let Some(user) = cluster.users.get_mut(user) {
                user.signed_in_at = Some(at.recorded_at);
            }
        }
        Event::SignInFailed { .. }
        | Event::Denied { .. }
        | Event::Rejected { .. }
        | Event::AuditRead { .. }
        | Event::Omitted { .. } => {}
    }
}
