use super::past;
use crate::http::{
    answer::Shown,
    input::{AsOf, Look, Segment},
    problem::Problem,
};
use domain::JobId;
use projections::view::JobView;

/// One job: one that ended too, as the audit trail tells it.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "show_job",
    params(("id" = uuid::Uuid, Path, description = "The job"), AsOf), responses((status = 200, body = JobView)))]
pub(super) async fn show(Segment(id): Segment<JobId>, look: Look) -> Result<Shown<JobView>, Problem> {
    let (position, mut job) = look.view(|view| (view.position(), view.job(id)));
    if job.is_none() {
        let told = past::events(look.app(), id, position).await?;
        job = look.view(|view| view.past_job(id, &told));
    }
    let job = look.found(job, "job.not_found", format_args!("job/{id}"))?;
    Ok(Shown::one(position, job.revision, job))
}
