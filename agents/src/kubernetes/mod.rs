//! The agent of a Kubernetes cluster: watches it, and tells the server what is there. It changes nothing.
//!
//! ```text
//! API server ──list, watch──► follow ──objects──► compact ──► picture ──► teller ──► bus
//! ```
//!
//! Only what is mirrored is kept of each object. What was seen stays while the API server is away, and the server is told
//! that it is.
mod claims;
mod compact;
mod connect;
mod follow;
mod lines;
mod nodes;
mod pods;
#[cfg(test)]
mod tests;

pub use connect::{Access, ConnectError};

use crate::{
    agent::Surroundings,
    mirror::{Pace, Picture, Teller},
};
use claims::Claims;
use domain::ClusterName;
use kube::Client;
use lines::{Kind, Lines};
use nodes::Nodes;
use pods::Pods;
use std::sync::Arc;
use tokio::{sync::watch, task::JoinSet};

/// What a cluster's agent is told before it starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What the cluster is called here.
    pub cluster: ClusterName,
    /// How to reach it.
    pub access: Access,
    /// The label, or else the annotation, that names a pod's user.
    pub user_label: String,
    /// Whether only pods that ask for GPUs are mirrored.
    pub gpu_pods_only: bool,
}

/// The agent of one cluster, at work. Dropped, it ends at once.
#[derive(Debug)]
pub struct ClusterAgent {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl ClusterAgent {
    /// Starts it. An API server that is away is waited for, for ever.
    ///
    /// # Errors
    /// The access can't be read or used.
    pub async fn start(settings: Settings, around: &Surroundings) -> Result<Self, ConnectError> {
        let client = settings.access.connect().await?;
        let (stop, stopped) = watch::channel(false);
        let picture = Picture::new(around.clock.now());
        let lines = Lines::new(picture.clone(), Arc::clone(&around.clock));
        let mut tasks = JoinSet::new();
        watch_all(&client, &settings, &picture, &lines, &mut tasks);
        tracing::info!(cluster.name = %settings.cluster, "watching a Kubernetes cluster");
        let teller = Teller::new(settings.cluster, picture, around.clone(), Pace::default());
        tasks.spawn(teller.run(stopped));
        Ok(Self { stop, tasks })
    }

    /// Stops watching and telling.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        self.tasks.shutdown().await;
    }
}

fn watch_all(client: &Client, settings: &Settings, picture: &Picture, lines: &Lines, tasks: &mut JoinSet<()>) {
    let claims = Claims::new(picture.clone());
    let nodes = Nodes::new(picture.clone());
    tasks.spawn(follow::follow(kube::Api::all(client.clone()), nodes, lines.of(Kind::Nodes)));
    let pods = Pods::new(picture.clone(), claims.clone(), settings.user_label.clone(), settings.gpu_pods_only);
    tasks.spawn(follow::follow(kube::Api::all(client.clone()), pods, lines.of(Kind::Pods)));
    tasks.spawn(claims::watch(client.clone(), claims, lines.clone()));
}
