//! `/v1/pods`: what Kubernetes runs, mirrored and not recorded.
mod list;
mod summary;

use super::{app::App, auth::Asker};
use projections::mirror::PodFilter;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of pods.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list::list)).routes(routes!(summary::summary))
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
