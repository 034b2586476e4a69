//! The AsyncAPI document: what is said on NATS, made of what says it.
//!
//! Events and their fields come from the domain's tables ([`domain::NOUNS`]), subjects, headers and limits from the
//! functions and constants that the relay and the intake use. `docs/asyncapi.json` is the document as it stands.
mod agents;
mod events;
mod mirror;
mod schema;
mod telemetry;

#[cfg(test)]
mod tests;

use crate::cloudevent;
use schema::Schemas;
use serde_json::{Map, Value, json};

const ABOUT: &str = "What a DKube cluster says on NATS: every event, for whoever subscribes; and what agents report to \
    the server and are answered.\n\n\
    Subscribers should read events from the JetStream stream: it has each event once, in order, from the first one on, \
    and an event's position is its sequence there. Who listens without JetStream may miss events, and sees attempts \
    that the stream refuses.\n\n\
    Data names users by id and holds nothing personal or secret. A later release may add events, and fields to an \
    event's data; what is not known should be ignored. Names and meanings do not change.";

/// Channels, operations and messages, as they come together.
#[derive(Default)]
struct Parts {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Schemas,
}

/// The AsyncAPI document of everything that is said on NATS.
pub fn document() -> Value {
    let mut parts = Parts::default();
    events::describe(&mut parts);
    agents::describe(&mut parts);
    mirror::describe(&mut parts);
    telemetry::describe(&mut parts);
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "DKube Operator",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": cloudevent::DATA_CONTENT_TYPE,
        "channels": parts.channels,
        "operations": parts.operations,
        "components": { "messages": parts.messages, "schemas": parts.schemas.into_map() },
    })
}
