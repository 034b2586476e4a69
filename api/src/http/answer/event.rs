use super::Names;
use crate::http::{port::Entry, problem::Named as _};
use domain::{Actor, Event, EventId, Position, Recorded, Timestamp, user};
use serde::Serialize;
use serde_json::{Map, Value};

/// An event as it is answered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// Its place in the global order; left out in a dry run, as are the id and the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, example = 41)]
    position: Option<Position>,
    /// Unique in the world.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    id: Option<EventId>,
    /// What happened.
    #[serde(rename = "type")]
    #[schema(example = "PoolCreated")]
    name: String,
    /// What it is about first of all.
    #[schema(example = "pool/vision")]
    subject: String,
    /// When it was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    time: Option<Timestamp>,
    /// Who brought it about.
    #[schema(example = "user/ada")]
    actor: String,
    /// The rest, by type. Users are named by id.
    #[schema(value_type = Object)]
    data: Value,
}

impl EventView {
    /// One out of the log, for those who may read the audit trail.
    pub(crate) fn of(entry: &Entry, names: &Names<'_>) -> Self {
        match entry {
            Entry::Known(recorded) => Self::recorded(recorded, names, true),
            Entry::Unknown { position, event_type, version, .. } => Self::unknown(*position, *event_type, *version),
        }
    }

    /// One that was recorded. `people`: whether the reader may see whose login an event brings.
    pub(crate) fn recorded(recorded: &Recorded, names: &Names<'_>, people: bool) -> Self {
        Self {
            position: Some(recorded.position),
            id: Some(recorded.id),
            time: Some(recorded.recorded_at),
            subject: recorded.subjects.first().map_or_else(String::new, |subject| names.subject(subject)),
            ..Self::to_come(&recorded.event, &recorded.actor, names, people)
        }
    }

    /// One that a dry run would record.
    pub(crate) fn to_come(event: &Event, actor: &Actor, names: &Names<'_>, people: bool) -> Self {
        Self {
            position: None,
            id: None,
            name: event.name().to_owned(),
            subject: event.subjects().first().map_or_else(String::new, |subject| names.subject(subject)),
            time: None,
            actor: names.actor(actor),
            data: data(event, people),
        }
    }

    /// One that a newer release wrote: only where it stands is known.
    pub(crate) fn unknown(position: Position, event_type: u16, version: u8) -> Self {
        Self {
            position: Some(position),
            id: None,
            name: format!("Unknown{event_type}v{version}"),
            subject: String::new(),
            time: None,
            actor: String::new(),
            data: Value::Object(Map::new()),
        }
    }
}

fn data(event: &Event, people: bool) -> Value {
    let mut data = serde_json::to_value(event).unwrap_or(Value::Null);
    if let (true, Event::User(user::Event::Onboarded { login, .. }), Value::Object(fields)) = (people, event, &mut data)
    {
        fields.insert("login".to_owned(), Value::String(login.to_string()));
    }
    data
}
