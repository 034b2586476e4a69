//! `/v1/pods`: what Kubernetes runs, mirrored and not recorded.
mod list;
mod summary;

use super::{app::App, auth::Asker};
use domain::ClusterName;
use projections::mirror::{MirrorView, PodFilter};
use std::collections::BTreeSet;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of pods.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list)).routes(routes!(summary::summary))
}

/// Who sees only their own sees of clusters those that their pods are in, and not what keeps agents from them.
fn leave_own(asker: &Asker, mirrors: &mut Vec<MirrorView>, own: &BTreeSet<ClusterName>) {
    if asker.sees_all() {
        return;
    }
    mirrors.retain(|mirror| own.contains(&mirror.cluster));
    for mirror in mirrors {
        mirror.error = None;
    }
}

/// Who sees only their own sees the pods that name them.
fn of(asker: &Asker, filter: PodFilter) -> PodFilter {
    if asker.sees_all() {
        return filter;
    }
    let own = asker.login.to_string();
    // A filter for somebody else is met by none of one's own.
    match &filter.user {
        Some(user) if *user != own => PodFilter { user: Some(String::new()), ..filter },
        Some(_) | None => PodFilter { user: Some(own), ..filter },
    }
}
