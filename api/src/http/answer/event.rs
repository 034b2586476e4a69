use super::Names;
use crate::http::{app::App, port::Entry, problem::Named as _};
use bus::cloudevent::CloudEvent;
use domain::{Actor, Event, EventId, Position, Recorded, Timestamp, UserId};
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
    /// The rest, by type. Where it names a `user` by id, their `login` at that position stands beside it.
    #[schema(value_type = Object)]
    data: Value,
}

impl EventView {
    /// One out of the log, for those who may read the audit trail: people as they were called at its position.
    pub(crate) fn of(app: &App, entry: &Entry) -> Self {
        match entry {
            Entry::Known(recorded) => Self::recorded(recorded, &Names::of(app, recorded)),
            Entry::Unknown { position, event_type, version, .. } => Self::unknown(*position, *event_type, *version),
        }
    }

    /// The same as a `CloudEvent`: what NATS carries, but people by login, as everywhere in the API.
    ///
    /// # Errors
    /// None for the events that there are.
    pub(crate) fn cloud(app: &App, recorded: &Recorded) -> serde_json::Result<String> {
        let mut document = serde_json::to_value(CloudEvent::new(app.parts.cluster, recorded))?;
        let Self { subject, actor, data, .. } = Self::recorded(recorded, &Names::of(app, recorded));
        document["subject"] = subject.into();
        document["dkubeactor"] = actor.into();
        document["data"] = data;
        Ok(document.to_string())
    }

    /// One that was recorded.
    pub(crate) fn recorded(recorded: &Recorded, names: &Names<'_>) -> Self {
        Self {
            position: Some(recorded.position),
            id: Some(recorded.id),
            time: Some(recorded.recorded_at),
            subject: recorded.subjects.first().map_or_else(String::new, |subject| names.subject(subject)),
            ..Self::to_come(&recorded.event, &recorded.actor, names)
        }
    }

    /// One that a dry run would record.
    pub(crate) fn to_come(event: &Event, actor: &Actor, names: &Names<'_>) -> Self {
        Self {
            position: None,
            id: None,
            name: event.name().to_owned(),
            subject: event.subjects().first().map_or_else(String::new, |subject| names.subject(subject)),
            time: None,
            actor: names.actor(actor),
            data: data(event, names),
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

fn data(event: &Event, names: &Names<'_>) -> Value {
    let mut data = serde_json::to_value(event).unwrap_or(Value::Null);
    for list in ["about", "users"] {
        for item in data.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            let id = item.as_str().and_then(|text| text.strip_prefix("user/").unwrap_or(text).parse::<UserId>().ok());
            if let Some(login) = id.and_then(|id| names.told(id)) {
                let prefix = if list == "about" { "user/" } else { "" };
                *item = format!("{prefix}{login}").into();
            }
        }
    }
    let operator = data["operator"].as_str().and_then(|id| id.parse::<UserId>().ok());
    if let Some(login) = operator.and_then(|operator| names.told(operator)) {
        data["operator_login"] = login.into();
    }
    let user = data["user"].as_str().and_then(|id| id.parse::<UserId>().ok());
    if let (Some(login), Value::Object(fields)) = (user.and_then(|user| names.told(user)), &mut data) {
        fields.insert("login".to_owned(), login.into());
    }
    data
}
