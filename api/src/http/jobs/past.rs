//! Jobs that ended: they leave the state, and the audit trail has them.
use crate::http::{app::App, audit, port::Entry, problem::Problem};
use domain::{Event, JobId, Position, Recorded, Subject, job};
use projections::{Filter, Order, Query};

/// A job's own events up to a position, the oldest first.
///
/// # Errors
/// The log can't be read.
pub(super) async fn events(app: &App, id: JobId, up_to: Position) -> Result<Vec<Recorded>, Problem> {
    let filter = Filter { subjects: Some(vec![Subject::Job(id)]), ..Filter::default() };
    let query = Query { filter, order: Order::OldestFirst, after: None, limit: Query::LIMIT_MAX };
    let told = audit::page(app, query, up_to).await?.items.into_iter().filter_map(|entry| match entry {
        Entry::Known(recorded) => Some(*recorded),
        Entry::Unknown { .. } => None,
    });
    Ok(told.collect())
}

/// Where the job of these events ended, if it did.
pub(super) fn end(events: &[Recorded]) -> Option<Position> {
    let finished = |recorded: &&Recorded| matches!(recorded.event, Event::Job(job::Event::Finished { .. }));
    events.iter().find(finished).map(|recorded| recorded.position)
}
