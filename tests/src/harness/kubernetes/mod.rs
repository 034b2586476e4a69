//! A Kubernetes API server that runs nothing: objects are put into it by tests, listed and watched over real HTTP.
//!
//! It speaks what a client that mirrors needs: lists with `limit` and `continue`, watches from a `resourceVersion`,
//! bookmarks, 410 Gone, discovery of groups; and it breaks as told.
mod answer;
mod object;
mod real;
mod store;
mod watch;

pub use object::Object;
pub use real::RealKubernetes;

use super::served::Served;
use anyhow::Context;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use store::Store;
use tempfile::TempDir;

/// A fake API server. Its port stays the same from start to start; it ends when this is dropped.
#[derive(Debug)]
pub struct KubernetesServer {
    folder: TempDir,
    shared: Shared,
    served: Served,
}

/// What the server and its tests share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    store: Arc<Mutex<Store>>,
    changes: tokio::sync::watch::Sender<u64>,
}

/// How a watch or a list that asks for what is too old is told so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// By the status of the answer.
    Status,
    /// By an event of the type `ERROR`, in an answer that is otherwise fine.
    Event,
}

impl KubernetesServer {
    /// Starts one, with nothing in it.
    ///
    /// # Errors
    /// There is no port for it.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the kubeconfig")?;
        let shared = Shared { store: Arc::default(), changes: tokio::sync::watch::Sender::new(0) };
        let server = Self { folder, served: Served::start(answer::router(shared.clone()))?, shared };
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{ "name": "test", "cluster": { "server": server.served.url() } }],
            "users": [{ "name": "test", "user": { "token": "test" } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
        });
        std::fs::write(server.kubeconfig(), config.to_string()).context("write the kubeconfig")?;
        Ok(server)
    }

    /// The file that says how it is reached.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Ends it as a crash would: every connection breaks.
    ///
    /// # Panics
    /// Something in it panicked.
    pub fn stop(&mut self) {
        self.served.stop();
    }

    /// Starts it on the same port, with what it had.
    ///
    /// # Errors
    /// The port is taken.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.served.start_again()
    }

    /// Puts an object there, or changes the one that is.
    pub fn put(&self, object: Object) {
        self.change(|store| store.put(object));
    }

    /// Takes an object away.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        self.change(|store| store.delete(kind, namespace, name));
    }

    /// Tells those who watch a kind how far they are.
    pub fn bookmark(&self, kind: &str) {
        self.change(|store| store.bookmark(kind));
    }

    /// Forgets how everything came about: who asks for what came after an earlier version is told that it is gone. The
    /// watches that there are end.
    pub fn compact(&self, gone: Gone) {
        self.change(|store| store.compact(gone));
    }

    /// Ends every watch, as a proxy would that has had enough.
    pub fn disconnect(&self) {
        self.change(Store::disconnect);
    }

    /// Answers everything with this status; or as it should.
    pub fn refuse(&self, status: Option<u16>) {
        self.change(|store| {
            store.refuse(status);
            store.disconnect();
        });
    }

    /// Serves `resource.k8s.io/v1`, or does not.
    pub fn serve_claims(&self, served: bool) {
        self.change(|store| store.serve_claims(served));
    }

    /// How often a kind was listed from the beginning.
    pub fn lists(&self, kind: &str) -> usize {
        self.shared.store().lists(kind)
    }

    fn change(&self, change: impl FnOnce(&mut Store)) {
        change(&mut self.shared.store());
        self.shared.changes.send_modify(|count| *count += 1);
    }
}

impl Shared {
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
