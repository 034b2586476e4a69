//! What agents measure.
use super::{
    Parts,
    agents::{binary, message},
};
use crate::wire::{FRAME_MAX, telemetry_subject};
use serde_json::json;

const ABOUT: &str = "What was measured on a node's GPUs within an interval, column by column, and the processes on them. \
    Lossy and not answered; a number that is left out tells of a loss. It is the node's sign of life too.";

/// Adds the channel of telemetry.
pub(super) fn describe(parts: &mut Parts) {
    let frame = binary("FrameV1", "bus/src/wire/frame.rs", FRAME_MAX);
    parts.messages.insert("Telemetry".to_owned(), message("Telemetry", ABOUT, &frame));
    let channel = json!({
        "address": telemetry_subject("{node}"),
        "title": "What is measured on a node's GPUs.",
        "description": "A frame every ten seconds, unless the agent is told otherwise. Who listens on core NATS may miss some. A \
            request of no bytes asks whether the agent's reports are taken: it is answered as there.",
        "parameters": { "node": { "description": super::agents::NODE } },
        "messages": { "Telemetry": { "$ref": "#/components/messages/Telemetry" } },
    });
    parts.channels.insert("telemetry".to_owned(), channel);
    let operation = json!({
        "action": "receive",
        "channel": { "$ref": "#/channels/telemetry" },
        "title": "Take Telemetry",
        "summary": "The server keeps what it is told in its memory.",
    });
    parts.operations.insert("takeTelemetry".to_owned(), operation);
}
