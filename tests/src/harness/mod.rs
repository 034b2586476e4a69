//! Real servers and what stands between them, for the end-to-end tests.
mod browser;
mod github;
mod host;
mod kubernetes;
mod log;
mod nats;
mod nats_operator;
mod nvml;
mod oidc;
mod proxy;
mod python;
mod secrets;
mod served;
mod server;
mod tools;

pub use browser::{Browser, Cookie, Hop, Page, SameSite};
pub use github::{GitHubServer, Restriction, Standing, Trouble, s256};
pub use host::{Host, NodeAgent};
pub use kubernetes::{Gone, KubernetesServer, Object, RealKubernetes};
pub use log::MemoryLog;
pub use nats::NatsServer;
pub use nats_operator::NatsOperator;
pub use nvml::{FakeNvml, state as nvml_state};
pub use oidc::OidcProvider;
pub use proxy::Proxy;
pub use python::Script;
pub use secrets::Secrets;
pub use server::{Client, OPERATOR, PASSWORD, Place, Ran, Reply, Running, Server};

use serde_json::Value;
use std::{fmt::Debug, time::Duration};
use tokio::sync::watch;

/// A list's items without what is measured rather than recorded, and so passes while nothing happens.
pub fn recorded_only(mut items: Vec<Value>) -> Vec<Value> {
    for fields in items.iter_mut().filter_map(Value::as_object_mut) {
        fields.retain(|name, _| !["uptime_seconds", "kubernetes", "index"].contains(&name.as_str()));
    }
    items
}

/// How long a test waits for what has to happen.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Waits until the watched value is as wanted, and answers it.
///
/// # Panics
/// It does not come to that within [`LIMIT`].
pub async fn eventually<T: Clone + Debug>(watched: &mut watch::Receiver<T>, wanted: impl Fn(&T) -> bool) -> T {
    let ended = tokio::time::timeout(LIMIT, watched.wait_for(|value| wanted(value))).await;
    let found = ended.ok().and_then(Result::ok).map(|value| value.clone());
    found.unwrap_or_else(|| panic!("it is still {:?}, or for ever", watched.borrow()))
}
