//! `dkube nats-config`: the configuration of a NATS server, with a key and no more rights than needed for each client.
use super::{
    console::{Console, Format},
    error::CliError,
};
use anyhow::Context;
use bus::wire::{self, Kind};
use domain::{ClusterName, NodeName};
use nkeys::KeyPair;
use serde_json::json;
use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, OpenOptions},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Prints the configuration of a NATS server, and makes the clients' keys that are not there yet.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder of the clients' keys: server.nk, node-NAME.nk, … A key that is there is kept; one that is not is made
    #[arg(long, value_name = "FOLDER")]
    keys: PathBuf,
    /// A node whose agent may speak; may be given several times
    #[arg(long = "node", value_name = "NAME")]
    nodes: Vec<NodeName>,
    /// A Kubernetes cluster whose agent may speak; may be given several times
    #[arg(long = "cluster", value_name = "NAME")]
    clusters: Vec<ClusterName>,
    /// A reader of events, by a pull consumer of this name that somebody else has made; may be given several times
    #[arg(long = "reader", value_name = "NAME")]
    readers: Vec<ClusterName>,
    /// Where the NATS server listens
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:4222")]
    listen: String,
    /// Where it keeps its streams
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/nats")]
    store: String,
    /// Its certificate
    #[arg(long, value_name = "FILE", default_value = "/etc/nats/server.pem")]
    tls_cert: String,
    /// Its certificate's key
    #[arg(long, value_name = "FILE", default_value = "/etc/nats/server.key")]
    tls_key: String,
}

/// Somebody who may speak.
struct Client {
    /// The name of its key's file.
    key: String,
    about: String,
    /// What it may publish to and subscribe to; all, if none.
    rights: Option<(Vec<String>, Vec<String>)>,
}

impl Client {
    fn server() -> Self {
        let about = "The server: makes and feeds the stream DKUBE_EVENTS, and answers agents.".to_owned();
        Self { key: "server".to_owned(), about, rights: None }
    }

    fn node(node: &NodeName) -> Self {
        let reports = Kind::ALL.map(|kind| wire::agent(node, kind));
        let publish = reports.into_iter().chain([wire::telemetry(node)]).collect();
        Self {
            key: format!("node-{node}"),
            about: format!("The agent of node {node}."),
            rights: Some((publish, vec![format!("{}.>", wire::inbox_prefix(node))])),
        }
    }

    fn cluster(cluster: &ClusterName) -> Self {
        Self {
            key: format!("cluster-{cluster}"),
            about: format!("The agent of the Kubernetes cluster {cluster}."),
            rights: Some((
                vec![wire::mirror_subject(cluster.as_str())],
                vec![format!("{}.>", wire::cluster_inbox_prefix(cluster))],
            )),
        }
    }

    /// Who may make consumers could let the events be delivered to any subject: so this one may not.
    fn reader(name: &ClusterName) -> Self {
        let publish = ["$JS.API.CONSUMER.INFO.DKUBE_EVENTS.", "$JS.API.CONSUMER.MSG.NEXT.DKUBE_EVENTS."]
            .map(|subject| format!("{subject}{name}"));
        Self {
            key: format!("reader-{name}"),
            about: format!(
                "Who follows the events by the consumer {name}, which somebody else makes:\n    \
                 #   nats consumer add DKUBE_EVENTS {name} --pull --deliver all --ack explicit\n    \
                 # Its client asks with the inbox prefix below."
            ),
            rights: Some((
                publish.into_iter().chain([format!("$JS.ACK.DKUBE_EVENTS.{name}.>")]).collect(),
                vec![format!("_INBOX_READER.{name}.>")],
            )),
        }
    }

    fn entry(&self, keys: &Path) -> anyhow::Result<String> {
        let key = public_key(&keys.join(format!("{}.nk", self.key)))?;
        let Some((publish, subscribe)) = &self.rights else {
            return Ok(format!("    # {}\n    {{ nkey: \"{key}\" }}\n", self.about));
        };
        Ok(format!(
            "    # {}\n    {{\n      nkey: \"{key}\"\n      permissions: {{\n        publish: {publish:?}\n        \
             subscribe: {subscribe:?}\n      }}\n    }}\n",
            self.about
        ))
    }
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<(), CliError> {
    let configuration = configuration(arguments)?;
    match console.format {
        Format::Json => console.json(&json!({ "configuration": configuration }))?,
        Format::Table => console.line(configuration.trim_end())?,
    }
    Ok(())
}

fn configuration(arguments: &Arguments) -> anyhow::Result<String> {
    let Arguments { keys, nodes, clusters, readers, listen, store, tls_cert, tls_key } = arguments;
    let mut folder = DirBuilder::new();
    folder.recursive(true).mode(0o700).create(keys).with_context(|| format!("make the folder {}", keys.display()))?;
    let clients = std::iter::once(Client::server())
        .chain(nodes.iter().map(Client::node))
        .chain(clusters.iter().map(Client::cluster))
        .chain(readers.iter().map(Client::reader));
    let clients: Vec<Client> = clients.collect();
    let names: BTreeSet<&str> = clients.iter().map(|client| client.key.as_str()).collect();
    anyhow::ensure!(names.len() == clients.len(), "somebody is named twice: a NATS server takes each key once");
    let entries = clients.iter().map(|client| client.entry(keys)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(format!(
        "# A NATS server for DKube, 2.10 or later: TLS, a key for each client, and for each no more than it needs.\n\
         # Each client is given its own key's file (nats_nkey) and no other.\n\
         listen: {listen:?}\n\n\
         tls {{\n  cert_file: {tls_cert:?}\n  key_file: {tls_key:?}\n}}\n\n\
         jetstream {{\n  store_dir: {store:?}\n  # Events are confirmed to subscribers once they are on the disk.\n  \
         sync_interval: always\n}}\n\n\
         authorization {{\n  users: [\n{}  ]\n}}\n",
        entries.join("\n")
    ))
}

/// The public key of the seed in this file, which is made if it is not there, for its owner alone to read.
fn public_key(path: &Path) -> anyhow::Result<String> {
    let about = || format!("the key {}", path.display());
    if path.exists() {
        let seed = zeroize::Zeroizing::new(fs::read_to_string(path).with_context(about)?);
        let pair =
            KeyPair::from_seed(seed.trim()).map_err(|_| anyhow::anyhow!("{} holds no nkey seed", path.display()))?;
        return Ok(pair.public_key());
    }
    let pair = KeyPair::new_user();
    let seed = pair.seed().map(zeroize::Zeroizing::new).map_err(|error| anyhow::anyhow!("{}: {error}", about()))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).with_context(about)?;
    file.write_all(seed.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .with_context(about)?;
    Ok(pair.public_key())
}
