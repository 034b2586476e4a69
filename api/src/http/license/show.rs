use crate::http::{
    answer::Shown,
    app::App,
    input::{AsOf, Look},
};
use projections::view::{AlertJobs, AlertView, LicenseState, LicenseView, Severity};

/// The license, how far it is used, and what follows from that. Who may not see everything is not told how many there are.
#[utoipa::path(get, path = "/v1/license", tag = "license", operation_id = "license", params(AsOf),
    responses((status = 200, body = LicenseView)))]
pub(super) async fn show(look: Look) -> Shown<LicenseView> {
    let required = required(look.app());
    let (mut license, position) = look.view(|view| (view.license(required), view.position()));
    if !look.asker.sees_all() {
        (license.users, license.devices) = (None, None);
    }
    let revision = license.license.as_ref().map(|grant| grant.revision);
    Shown { body: license, position, revision }
}

/// Whether growth needs a license.
pub(in crate::http) fn required(app: &App) -> bool {
    app.settings().vendor_key.is_some()
}

/// What of the license needs an operator, where one is required.
pub(in crate::http) fn alerts(license: &LicenseView) -> Option<AlertView> {
    let (severity, code, since) = match (license.state, &license.license) {
        (LicenseState::None, _) | (_, None) => (Severity::Critical, "license.missing", None),
        (LicenseState::Over, Some(grant)) => (Severity::Critical, "license.over", Some(grant.over_at)),
        (LicenseState::Grace, Some(grant)) => (Severity::Critical, "license.grace", Some(grant.ends_at)),
        (LicenseState::Exceeded, Some(_)) => (Severity::Critical, "license.limit", None),
        (LicenseState::Ending, Some(_)) => (Severity::Warning, "license.ending", None),
        (LicenseState::Valid, Some(_)) => return None,
    };
    let ends = license.license.as_ref().map(|grant| format!("the license ends at {}", grant.ends_at));
    let over = license.license.as_ref().filter(|grant| grant.days_left < 0);
    let ended = over.map(|grant| format!("the license ended; from {} nothing new is made", grant.over_at));
    license.required.then(|| AlertView {
        severity,
        code: code.to_owned(),
        subject: "license".to_owned(),
        node: None,
        jobs: AlertJobs::default(),
        since,
        summary: license.refuses.clone().or(ended).or(ends).unwrap_or_default(),
        action: "get a license from the vendor, and install it (dkube license install)".to_owned(),
    })
}
