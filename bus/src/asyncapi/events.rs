//! The events, as the relay publishes them.
use super::Parts;
use crate::{
    cloudevent::{self, header},
    relay::{STREAM, guards},
};
use domain::NOUNS;
use serde_json::{Map, Value, json};

const ABOUT: &str = "Every event, once it is durable, as CloudEvents 1.0 in binary mode: the attributes are headers, \
    the body is the data.";

/// Adds the channel of the events with a message for each.
pub(super) fn describe(parts: &mut Parts) {
    let headers = parts.schemas.name("EventHeaders", headers());
    let mut messages = Map::new();
    for noun in NOUNS {
        for event in noun.events {
            let kind = json!({ "properties": { header::TYPE.name: { "const": cloudevent::kind(event.name) } } });
            let message = json!({
                "name": event.name,
                "title": event.name,
                "summary": event.about,
                "description": format!("Published on `{}`.", cloudevent::subject_of(noun.entity, event.name)),
                "contentType": cloudevent::DATA_CONTENT_TYPE,
                "headers": { "type": "object", "allOf": [headers, kind] },
                "payload": parts.schemas.object(event.fields),
                "x-nats-subject": cloudevent::subject_of(noun.entity, event.name),
            });
            parts.messages.insert(event.name.to_owned(), message);
            let reference = json!({ "$ref": format!("#/components/messages/{}", event.name) });
            messages.insert(event.name.to_owned(), reference);
        }
    }
    let entities: Vec<_> = NOUNS.iter().map(|noun| noun.entity).collect();
    let names: Vec<_> = NOUNS.iter().flat_map(|noun| noun.events).map(|event| event.name).collect();
    let channel = json!({
        "address": cloudevent::subject_of("{entity}", "{event}"),
        "title": "Events",
        "description": format!("{ABOUT} JetStream keeps all of them in the stream `{STREAM}`."),
        "parameters": {
            "entity": { "description": "The kind of thing that the event is about, or `access` for what somebody tried.", "enum": entities },
            "event": { "description": "The event's name.", "enum": names },
        },
        "messages": messages,
        "x-jetstream": { "stream": STREAM, "subjects": [cloudevent::SUBJECTS] },
    });
    parts.channels.insert("events".to_owned(), channel);
    let operation = json!({
        "action": "send",
        "channel": { "$ref": "#/channels/events" },
        "title": "Publish events",
        "summary": "The server publishes what was recorded: each event once and in order, to JetStream consumers.",
    });
    parts.operations.insert("publishEvents".to_owned(), operation);
}

fn headers() -> Value {
    let mut properties = Map::new();
    for header in header::ALL {
        let schema = json!({ "type": "string", "description": header.about, "pattern": header.pattern });
        properties.insert(header.name.to_owned(), schema);
    }
    for (name, about) in guards() {
        properties.insert(name.to_string(), json!({ "type": "string", "description": about }));
    }
    let required = header::ALL.map(|header| header.name);
    json!({ "type": "object", "properties": properties, "required": required })
}
