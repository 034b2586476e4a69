use super::{Event, Proposal};
use crate::{Cluster, Stamp, UserId, cluster::Former, user};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Proposed { provider, operator, linked, login } => {
            drop_proposal(cluster, Some(*operator));
            cluster.sign_in.proposal = Some(Proposal {
                provider: (**provider).clone(),
                operator: *operator,
                linked: *linked,
                login: login.clone(),
                proposed_at: at.recorded_at,
                revision: at.position,
            });
        }
        Event::Withdrawn { .. } => drop_proposal(cluster, None),
        Event::Activated { operator, .. } => {
            let proposal = cluster.sign_in.proposal.take();
            forget(cluster, proposal.as_ref().map(|proposal| proposal.operator), Some(*operator));
            cluster.sign_in.provider = proposal.map(|proposal| proposal.provider);
            cluster.sign_in.since = Some(at.recorded_at);
            cluster.sign_in.credentials_at = Some(at.recorded_at);
            user::end_sign_ins(cluster, at);
        }
        Event::CredentialsUpdated { provider, .. } => {
            cluster.sign_in.provider = Some((**provider).clone());
            cluster.sign_in.credentials_at = Some(at.recorded_at);
        }
    }
    cluster.sign_in.revision = at.position;
}

fn drop_proposal(cluster: &mut Cluster, stays: Option<UserId>) {
    let gone = cluster.sign_in.proposal.take().map(|proposal| proposal.operator);
    forget(cluster, gone, stays);
}

/// Whoever was only to become a user is remembered as one who was: so that their login can be erased.
fn forget(cluster: &mut Cluster, gone: Option<UserId>, stays: Option<UserId>) {
    if let Some(gone) = gone.filter(|gone| Some(*gone) != stays && !cluster.users.contains_key(gone)) {
        cluster.former.entry(gone).or_insert(Former::Deleted);
    }
}
