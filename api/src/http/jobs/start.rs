use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, JobName, Login, Model, Subject, job};
use serde::Deserialize;

/// A claim on devices.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartJob {
    /// What to call it.
    #[schema(value_type = String, example = "train resnet")]
    name: JobName,
    /// For whom, by login; oneself where it is left out.
    #[schema(value_type = Option<String>, example = "ada")]
    user: Option<Login>,
    /// How many devices of the pool of the user's group.
    #[schema(example = 2)]
    devices: u32,
    /// Of which model, where the pool mixes them.
    #[schema(value_type = Option<String>)]
    model: Option<Model>,
}

/// Claims devices for a user.
#[utoipa::path(post, path = "/v1/jobs", tag = "jobs", operation_id = "start_job", params(DryRun),
    request_body = StartJob, responses((status = 200, body = CommandAnswer), (status = 201, body = CommandAnswer)))]
pub(super) async fn start(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<StartJob>,
) -> Result<Accepted, Problem> {
    let StartJob { name, user, devices, model } = body.value;
    let user = user.unwrap_or_else(|| asker.login.clone());
    let named = user.clone();
    let command = Command::Job(job::Command::Start { name, user, devices, model });
    let accepted = carry_out(&app, &asker, &wish, Errand::new(command).naming([named]).with(&body.raw)).await?;
    let made = accepted.recorded.iter().flat_map(|recorded| &recorded.subjects);
    let id = made.into_iter().find_map(|subject| if let Subject::Job(id) = subject { Some(*id) } else { None });
    Ok(match id {
        Some(id) => accepted.made(format!("/v1/jobs/{id}")),
        None => accepted,
    })
}
