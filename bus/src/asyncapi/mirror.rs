//! What a cluster agent mirrors and is answered.
use super::{
    Parts,
    agents::{binary, message},
};
use crate::wire::{REPLY_MAX, mirror::MIRROR_MAX, mirror_subject};
use serde_json::json;

const CLUSTER: &str = "What the cluster is called here: a DNS-1123 label.";

const ABOUT: &str = "What a Kubernetes cluster looks like: everything, as a beginning, parts and an end; then what \
    changes; and how the agent reaches the cluster, as a sign of life every two seconds.";

const ANSWER: &str = "Taken: a repeat is answered so too. Resync: something is missing, and everything is wanted from a \
    beginning on. Refused: malformed, or more than is mirrored. Nothing of it is recorded.";

/// Adds the channel of cluster agents, and the one of the answers.
pub(super) fn describe(parts: &mut Parts) {
    let file = "bus/src/wire/mirror/frozen.rs";
    let told = binary("MessageV1", file, MIRROR_MAX);
    parts.messages.insert("ClusterMirror".to_owned(), message("ClusterMirror", ABOUT, &told));
    let answer = binary("AnswerV1", file, REPLY_MAX);
    parts.messages.insert("ClusterMirrorAnswer".to_owned(), message("ClusterMirrorAnswer", ANSWER, &answer));
    let channel = json!({
        "address": mirror_subject("{cluster}"),
        "title": "What a Kubernetes cluster looks like.",
        "description": "Requests of one cluster's agent, one at a time; each is one more than the last.",
        "parameters": { "cluster": { "description": CLUSTER } },
        "messages": { "ClusterMirror": { "$ref": "#/components/messages/ClusterMirror" } },
    });
    parts.channels.insert("clusterMirror".to_owned(), channel);
    let answers = json!({
        "address": null,
        "title": "Answers to cluster agents",
        "description": "Where an agent waits for the answer to a request: the inbox that the request names.",
        "messages": { "ClusterMirrorAnswer": { "$ref": "#/components/messages/ClusterMirrorAnswer" } },
    });
    parts.channels.insert("clusterMirrorAnswer".to_owned(), answers);
    let operation = json!({
        "action": "receive",
        "channel": { "$ref": "#/channels/clusterMirror" },
        "title": "Take ClusterMirror",
        "summary": "The server keeps what it is told in its memory, and answers at once.",
        "reply": {
            "channel": { "$ref": "#/channels/clusterMirrorAnswer" },
            "messages": [{ "$ref": "#/channels/clusterMirrorAnswer/messages/ClusterMirrorAnswer" }],
        },
    });
    parts.operations.insert("takeClusterMirror".to_owned(), operation);
}
