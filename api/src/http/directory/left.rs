//! Users who left the organization: told, and never acted upon. What a provider lists is no proof, and its list may be wrong.
use super::fetch::place_now;
use crate::http::app::App;
use projections::view::{AlertJobs, AlertView, Severity};

/// An alert for each user who is in the provider's list no more and can come in still.
pub(in crate::http) fn alerts(app: &App) -> Vec<AlertView> {
    let Some(place) = place_now(app) else { return vec![] };
    let organization = place.organization().unwrap_or("the organization");
    app.present(|state| {
        let users = state.cluster().users().values().filter(|user| !user.suspended);
        let left = app.directory.left(&place, users).into_iter().map(|(user, _, since)| AlertView {
            severity: Severity::Warning,
            code: "user.left_organization".to_owned(),
            subject: format!("user/{}", user.id),
            node: None,
            since,
            summary: format!(
                "{} is no member of {organization} any more, and what they came in with, tokens too, goes on",
                user.login
            ),
            action: format!(
                "suspend or delete them (`dkube user suspend {0}`, `dkube user delete {0}`), unless the list is wrong",
                user.login
            ),
            jobs: AlertJobs::default(),
        });
        left.collect()
    })
}
