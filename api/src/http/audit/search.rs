//! Pages of the audit trail: candidates from the index, each compared with the event itself.
use super::AuditEvent;
use crate::http::{
    app::App,
    port::{Entry, LogTrouble},
    problem::Problem,
};
use domain::Position;
use projections::{FilterError, Found, Order, Query};

/// A page can't be given.
#[derive(Debug, thiserror::Error)]
pub(super) enum SearchError {
    /// The query asks for more than one may.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The log can't be read.
    #[error(transparent)]
    Log(#[from] LogTrouble),
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match &error {
            SearchError::Filter(_) => Self::new("request.query", error.to_string()),
            SearchError::Log(trouble) => Self::fault("the audit trail can't be read", trouble),
        }
    }
}

/// The events that match, up to this position. Blocks.
///
/// # Errors
/// See [`SearchError`].
pub(super) fn search(app: &App, query: &Query, up_to: Position) -> Result<Found<Entry>, SearchError> {
    let mut query = query.clone();
    if query.order == Order::NewestFirst {
        let end = up_to.next();
        query.after = Some(query.after.map_or(end, |after| after.min(end)));
    }
    let search = app.parts.live.read().audit().search(&query)?;
    let found = search.page(|position| {
        if position > up_to {
            return Ok(None);
        }
        let entry = app.parts.log.pick(&[position])?.pop();
        Ok::<_, LogTrouble>(entry.filter(|entry| match entry {
            Entry::Known(recorded) => query.filter.matches(recorded),
            // What a newer release wrote is in no index.
            Entry::Unknown { .. } => false,
        }))
    })?;
    // The oldest come first: behind the end there is nothing to go on with.
    let next = found.next.filter(|next| *next < up_to);
    Ok(Found { next, ..found })
}

/// The same, off the async threads.
///
/// # Errors
/// The log can't be read, or the query asks for more than one may.
pub(crate) async fn page(app: &App, query: Query, up_to: Position) -> Result<Found<Entry>, Problem> {
    let app = app.clone();
    let found = tokio::task::spawn_blocking(move || search(&app, &query, up_to)).await;
    Ok(found.map_err(|error| Problem::fault("the audit trail can't be read", &error))??)
}

/// A page as those see it who may read the audit trail.
///
/// # Errors
/// As for [`page`].
pub(crate) async fn events(app: &App, query: Query, up_to: Position) -> Result<Vec<AuditEvent>, Problem> {
    let found = page(app, query, up_to).await?;
    Ok(found.items.iter().map(|entry| AuditEvent::of(app, entry)).collect())
}
