//! What agents report and are answered.
use super::Parts;
use crate::wire::{CONTENT_TYPE, Kind, REPLY_MAX, REPORT_MAX, VERSION, agent_subject};
use serde_json::{Value, json};

pub(super) const NODE: &str = "The node's name as one token: its dots become `_`.";

const REPLY: &str = "What is taken is durable. Taken: every report up to this number. Refused: the rules will not take \
    it, and the number that comes next. Try again: the same bytes, after so long. Expected: the number that is wanted. \
    Held: another agent has this node, ask again after so long in a new life.";

/// A kind of report in words: the channel's name, the message's, and what it says.
const fn words(kind: Kind) -> (&'static str, &'static str, &'static str) {
    match kind {
        Kind::Inventory => ("agentInventory", "AgentInventory", "The host and all devices on it."),
        Kind::Health => ("agentHealth", "AgentHealth", "What changed in the health of devices."),
    }
}

/// Adds a channel for each kind of report, and the one of the answers.
pub(super) fn describe(parts: &mut Parts) {
    for kind in Kind::ALL {
        let (channel, message, about) = words(kind);
        report(parts, kind, channel, message, about);
    }
    let binary = binary("ReplyV1", "bus/src/wire/reply.rs", REPLY_MAX);
    parts.messages.insert("AgentReply".to_owned(), message("AgentReply", REPLY, &binary));
    let channel = json!({
        "address": null,
        "title": "Answers to agents",
        "description": "Where an agent waits for the answer to a request: the inbox that the request names.",
        "messages": { "AgentReply": { "$ref": "#/components/messages/AgentReply" } },
    });
    parts.channels.insert("agentReply".to_owned(), channel);
}

fn report(parts: &mut Parts, kind: Kind, channel: &str, name: &str, about: &str) {
    let frozen = match kind {
        Kind::Inventory => "InventoryV1",
        Kind::Health => "HealthV1",
    };
    let binary = binary(frozen, "bus/src/wire/report.rs", REPORT_MAX);
    parts.messages.insert(name.to_owned(), message(name, about, &binary));
    let described = json!({
        "address": agent_subject("{node}", kind),
        "title": about,
        "description": "Requests of one node's agent, one at a time and numbered: the server takes each once and in order. One \
            of no bytes asks whether reports are taken, and is none: it is answered as taken up to 0, as expected from 1 on \
            if everything should be told anew, or as refused.",
        "parameters": { "node": { "description": NODE } },
        "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
    });
    parts.channels.insert(channel.to_owned(), described);
    let operation = json!({
        "action": "receive",
        "channel": { "$ref": format!("#/channels/{channel}") },
        "title": format!("Take {name}"),
        "summary": "The server takes a report, and answers once what it decided is durable.",
        "reply": {
            "channel": { "$ref": "#/channels/agentReply" },
            "messages": [{ "$ref": "#/channels/agentReply/messages/AgentReply" }],
        },
    });
    parts.operations.insert(format!("take{name}"), operation);
}

pub(super) fn message(name: &str, about: &str, payload: &Value) -> Value {
    json!({
        "name": name,
        "title": name,
        "summary": about,
        "contentType": CONTENT_TYPE,
        "payload": payload,
        "externalDocs": {
            "description": "How postcard writes a struct",
            "url": "https://postcard.jamesmunns.com/wire-format",
        },
    })
}

/// Bytes, and where their form is documented.
pub(super) fn binary(frozen: &str, file: &str, limit: usize) -> Value {
    let about = format!(
        "One byte that is the version, {VERSION}; then `{frozen}`, whose fields are listed in `{file}`, as postcard \
         writes it. Frozen: a change is a new version."
    );
    json!({ "type": "string", "format": "binary", "maxLength": limit, "description": about })
}
