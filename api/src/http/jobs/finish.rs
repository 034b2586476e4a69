use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{DryRun, Segment, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{Command, JobId, Subject, job};
use serde::Deserialize;

/// How it is finished.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// Whether an operator ends it without its owner: needs `Dkube-Reason`.
    #[serde(default)]
    #[param(required = false)]
    force: bool,
}

/// Finishes a job: its devices are free.
#[utoipa::path(delete, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "finish_job",
    params(("id" = uuid::Uuid, Path, description = "The job"), How, DryRun),
    responses((status = 200, body = CommandAnswer)))]
pub(super) async fn finish(
    State(app): State<App>,
    asker: Asker,
    Segment(job): Segment<JobId>,
    wish: Wish<How>,
) -> Result<Accepted, Problem> {
    let command = Command::Job(job::Command::Finish { job, force: wish.query.force });
    carry_out(&app, &asker, &wish, Errand::new(command).on(Subject::Job(job))).await
}
