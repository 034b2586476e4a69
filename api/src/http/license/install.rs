use crate::{
    http::{
        answer::{Accepted, CommandAnswer, Errand, carry_out},
        app::App,
        auth::Asker,
        input::{Body, DryRun, Wish},
        problem::Problem,
    },
    license::{Unfit, verify},
};
use axum::extract::State;
use domain::{Command, Subject, license};
use serde::Deserialize;

/// A license as its vendor gave it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InstallLicense {
    /// The token, whole.
    token: String,
}

/// Installs a license. Of the token only what it grants is kept.
#[utoipa::path(put, path = "/v1/license", tag = "license", operation_id = "install_license", params(DryRun),
    request_body = InstallLicense, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn install(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<InstallLicense>,
) -> Result<Accepted, Problem> {
    let key = app.settings().vendor_key.as_ref().ok_or_else(|| {
        Problem::new("license.not_required", "no vendor's key is set (license_key): everything works without limits")
    })?;
    let license = verify(&body.value.token, key).map_err(|unfit| {
        let code = match unfit {
            Unfit::Form => "license.malformed",
            Unfit::Elsewhere => "license.other_product",
            Unfit::Foreign => "license.foreign",
        };
        Problem::new(code, unfit.to_string())
    })?;
    let command = Command::License(license::Command::Install { license });
    carry_out(&app, &asker, &wish, Errand::new(command).on(Subject::License).with(&body.raw)).await
}
