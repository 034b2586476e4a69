//! Who may speak by NATS, and about what: for each no more than it needs.
use bus::{
    cloudevent,
    relay::{STREAM, STREAM_REQUESTS},
    wire::{self, Kind},
};
use domain::{ClusterName, NodeName};

/// Where an answer comes to whose asker names no other prefix.
const INBOXES: &str = "_INBOX.>";

/// Somebody who may speak.
pub(super) struct Client {
    /// The name of its key's file.
    pub(super) key: String,
    /// Who it is, line by line.
    about: Vec<String>,
    publish: Vec<String>,
    subscribe: Vec<String>,
}

impl Client {
    pub(super) fn server() -> Self {
        let publish = [cloudevent::SUBJECTS].into_iter().chain(STREAM_REQUESTS);
        let answers = [wire::AGENTS_INBOXES, wire::CLUSTERS_INBOXES, wire::MIRRORS, INBOXES];
        let hears = [wire::AGENTS_INVENTORY, wire::AGENTS_HEALTH, wire::AGENTS_TELEMETRY, wire::MIRRORS, INBOXES];
        Self {
            key: "server".to_owned(),
            about: lines(&[
                "The server: makes the stream DKUBE_EVENTS and feeds it, hears agents and answers them, and may watch a Kubernetes",
                "cluster itself. It may not speak for a node: a simulated fleet (--simulate) wants a NATS server without rights.",
            ]),
            publish: publish.chain(answers).map(str::to_owned).collect(),
            subscribe: hears.map(str::to_owned).to_vec(),
        }
    }

    pub(super) fn node(node: &NodeName) -> Self {
        let reports = Kind::ALL.map(|kind| wire::agent(node, kind));
        Self {
            key: format!("node-{node}"),
            about: vec![format!("The agent of node {node}.")],
            publish: reports.into_iter().chain([wire::telemetry(node)]).collect(),
            subscribe: vec![format!("{}.>", wire::inbox_prefix(node))],
        }
    }

    pub(super) fn cluster(cluster: &ClusterName) -> Self {
        Self {
            key: format!("cluster-{cluster}"),
            about: vec![format!("The agent of the Kubernetes cluster {cluster}.")],
            publish: vec![wire::mirror_subject(cluster.as_str())],
            subscribe: vec![format!("{}.>", wire::cluster_inbox_prefix(cluster))],
        }
    }

    /// Who may make consumers could let the events be delivered to any subject: so this one may not.
    pub(super) fn reader(name: &ClusterName) -> Self {
        let asks = ["CONSUMER.INFO", "CONSUMER.MSG.NEXT"].map(|what| format!("$JS.API.{what}.{STREAM}.{name}"));
        Self {
            key: format!("reader-{name}"),
            about: vec![
                format!("Who follows the events by the consumer {name}, which admin makes:"),
                format!("  nats --nkey admin.nk --inbox-prefix _INBOX_ADMIN consumer add {STREAM} {name} \\"),
                "    --pull --deliver all --ack explicit --defaults".to_owned(),
                "Its client asks with the inbox prefix below.".to_owned(),
            ],
            publish: asks.into_iter().chain([format!("$JS.ACK.{STREAM}.{name}.>")]).collect(),
            subscribe: vec![format!("_INBOX_READER.{name}.>")],
        }
    }

    /// Who makes the consumers of readers.
    pub(super) fn admin() -> Self {
        let account = ["INFO", "STREAM.NAMES", "STREAM.LIST"].map(|what| format!("$JS.API.{what}"));
        let stream = ["STREAM.INFO", "CONSUMER.NAMES", "CONSUMER.LIST"].map(|what| format!("$JS.API.{what}.{STREAM}"));
        let consumers = ["CREATE", "DURABLE.CREATE", "INFO", "DELETE"];
        let consumers = consumers.map(|what| format!("$JS.API.CONSUMER.{what}.{STREAM}.>"));
        Self {
            key: "admin".to_owned(),
            about: lines(&[
                "Whoever makes and removes the consumers of readers, by hand. A consumer can be made to send events to any subject",
                "here: so this key is given to no program.",
            ]),
            publish: account.into_iter().chain(stream).chain(consumers).collect(),
            subscribe: vec!["_INBOX_ADMIN.>".to_owned()],
        }
    }

    /// It as one of an account's users, by its public key.
    pub(super) fn entry(&self, key: &str) -> String {
        let about = self.about.iter().map(|line| format!("      # {line}")).collect::<Vec<_>>().join("\n");
        let (publish, subscribe) = (list(&self.publish), list(&self.subscribe));
        format!(
            "{about}\n      {{\n        nkey: \"{key}\"\n        permissions: {{\n          publish: {publish}\n          \
             subscribe: {subscribe}\n        }}\n      }}\n"
        )
    }
}

fn lines(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Subjects as the configuration has them: one on a line, if there are several.
fn list(subjects: &[String]) -> String {
    let subjects: Vec<String> = subjects.iter().map(|subject| format!("{subject:?}")).collect();
    match &subjects[..] {
        [one] => format!("[{one}]"),
        all => format!("[\n            {}\n          ]", all.join("\n            ")),
    }
}
