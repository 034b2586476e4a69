use super::view::AuditEvent;
use crate::http::{
    answer::{EventView, Shown},
    app::App,
    input::{AsOf, Look, Moment, Segment},
    port::{Entry, LogTrouble},
    problem::Problem,
};
use domain::{Position, Recorded};
use serde::Serialize;

/// The most of a command's other events that are shown.
const OTHERS_MAX: u64 = 1000;

/// An event, and what else its command brought about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct AuditEventWithCommand {
    /// The event.
    #[serde(flatten)]
    event: AuditEvent,
    /// The other events of its command, in order: at most the first 1000.
    command_events: Vec<EventView>,
}

/// One event of the audit trail.
#[utoipa::path(get, path = "/v1/audit/{position}", tag = "audit", operation_id = "show_audit_event",
    params(("position" = u64, Path, description = "The event's position"), AsOf),
    responses((status = 200, body = AuditEventWithCommand)))]
pub(super) async fn show(Segment(position): Segment<u64>, look: Look) -> Result<Shown<AuditEventWithCommand>, Problem> {
    let (app, position) = (look.app().clone(), Position(position));
    let up_to = match &look.moment {
        Moment::Present => app.durable(),
        Moment::Past(state, _) => state.position(),
    };
    let missing = || Problem::new("event.not_found", format!("there is no event at position {position}"));
    if position > up_to {
        return Err(missing());
    }
    let read = tokio::task::spawn_blocking(move || read(&app, position, up_to));
    let read = read.await.map_err(|error| Problem::fault("the audit trail can't be read", &error))?;
    let found = read.map_err(|error| Problem::fault("the audit trail can't be read", &error))?.ok_or_else(missing)?;
    Ok(Shown::at(up_to, found))
}

fn read(app: &App, position: Position, up_to: Position) -> Result<Option<AuditEventWithCommand>, LogTrouble> {
    let Some(entry) = app.parts.log.pick(&[position])?.into_iter().next() else { return Ok(None) };
    let command_events = match &entry {
        Entry::Known(recorded) => others(app, recorded, up_to)?,
        Entry::Unknown { .. } => vec![],
    };
    Ok(Some(AuditEventWithCommand { event: AuditEvent::of(app, &entry), command_events }))
}

/// A command's events stand side by side.
fn others(app: &App, recorded: &Recorded, up_to: Position) -> Result<Vec<EventView>, LogTrouble> {
    let first = recorded.position.0.saturating_sub(u64::from(recorded.index));
    let last = first + u64::from(recorded.count).min(OTHERS_MAX + 1);
    let beside = (first..last).map(Position).filter(|at| *at != recorded.position && *at <= up_to);
    let entries = app.parts.log.pick(&beside.collect::<Vec<_>>())?;
    let shown = usize::try_from(OTHERS_MAX).unwrap_or(usize::MAX);
    Ok(entries.iter().take(shown).map(|entry| EventView::of(app, entry)).collect())
}
