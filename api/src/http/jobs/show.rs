use crate::http::{
    answer::Shown,
    audit,
    input::{AsOf, Look, Segment},
    port::Entry,
    problem::Problem,
};
use domain::{JobId, Subject};
use projections::{Filter, Order, Query, view::JobView};

/// One job: one that ended too, as the audit trail tells it.
#[utoipa::path(get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "show_job",
    params(("id" = uuid::Uuid, Path, description = "The job"), AsOf), responses((status = 200, body = JobView)))]
pub(super) async fn show(Segment(id): Segment<JobId>, look: Look) -> Result<Shown<JobView>, Problem> {
    let (position, mut job) = look.view(|view| (view.position(), view.job(id)));
    if job.is_none() {
        let filter = Filter { subjects: Some(vec![Subject::Job(id)]), ..Filter::default() };
        let query = Query { filter, order: Order::OldestFirst, after: None, limit: Query::LIMIT_MAX };
        let told = audit::page(look.app(), query, position).await?.items;
        let told = told.iter().filter_map(|entry| match entry {
            Entry::Known(recorded) => Some(&**recorded),
            Entry::Unknown { .. } => None,
        });
        job = look.view(|view| view.past_job(id, told));
    }
    let job = look.found(job, "job.not_found", format_args!("job/{id}"))?;
    Ok(Shown::one(position, job.revision, job))
}
