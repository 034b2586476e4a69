//! `dkube nats-config`: the configuration of a NATS server, with a key and no more rights than needed for each client.
mod client;

use super::{
    console::{Console, Format},
    error::CliError,
};
use anyhow::Context;
use client::Client;
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
    /// A reader of events, by a pull consumer of this name, which is made with the key admin.nk; may be given several times
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
    let admin = (!readers.is_empty()).then(Client::admin);
    let clients = std::iter::once(Client::server())
        .chain(admin)
        .chain(nodes.iter().map(Client::node))
        .chain(clusters.iter().map(Client::cluster))
        .chain(readers.iter().map(Client::reader));
    let clients: Vec<Client> = clients.collect();
    let names: BTreeSet<&str> = clients.iter().map(|client| client.key.as_str()).collect();
    anyhow::ensure!(names.len() == clients.len(), "somebody is named twice: a NATS server takes each key once");
    let entry = |client: &Client| Ok(client.entry(&public_key(&keys.join(format!("{}.nk", client.key)))?));
    let entries = clients.iter().map(entry).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(format!(
        "# A NATS server for DKube, 2.10 or later: TLS, an account of its own, a key for each client, and for each no more than\n\
         # it needs. Each client is given its own key's file (nats_nkey) and no other.\n\
         listen: {listen:?}\n\n\
         tls {{\n  cert_file: {tls_cert:?}\n  key_file: {tls_key:?}\n}}\n\n\
         jetstream {{\n  store_dir: {store:?}\n  # Events are confirmed to subscribers once they are on the disk.\n  \
         sync_interval: always\n}}\n\n\
         accounts {{\n  \
         # What is said in an account, and its stream, no other account sees. Whatever else uses this NATS server gets an\n  \
         # account beside this one, and no user in it.\n  \
         DKUBE {{\n    jetstream: enabled\n    users: [\n{}    ]\n  }}\n\n  \
         # What the NATS server says of itself ($SYS). Nobody is in here, and no user of another account gets in. Whoever looks\n  \
         # after the NATS server may be added, with a key of theirs: {{ nkey: \"U…\" }}\n  \
         SYS {{\n    users: []\n  }}\n}}\n\
         system_account: SYS\n",
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
