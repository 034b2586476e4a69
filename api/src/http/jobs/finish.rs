use super::past;
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
    /// Whether an operator ends somebody else's job: needs `Dkube-Reason`.
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
    match carry_out(&app, &asker, &wish, Errand::new(command).on(Subject::Job(job))).await {
        // Where what happened can't be read, the refusal stands as it is: one that is answered otherwise would not be recorded,
        // and would tell of a foreign job that there was one.
        Err(refused) if matches!(refused.code(), "job.not_found" | "auth.forbidden" | "condition.failed") => {
            Err(ended(&app, &asker, job).await.ok().flatten().unwrap_or(refused))
        }
        answer => answer,
    }
}

/// What to say of a job that has ended, to those who may see it: the state, which refused, knows it no more.
async fn ended(app: &App, asker: &Asker, job: JobId) -> Result<Option<Problem>, Problem> {
    app.catch_up().await;
    let events = past::events(app, job, app.parts.live.position()).await?;
    let sees = app.present(|state| state.look(asker.sight(), app.now()).past_job(job, &events).is_some());
    let end = past::end(&events).filter(|_| sees);
    Ok(end.map(|at| Problem::new("job.not_found", format!("job/{job} has finished already, at position {at}"))))
}
