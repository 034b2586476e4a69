//! The Kubernetes cluster that is watched from here, and where what its agent tells is kept.
use super::{fleet, messages::nats_settings, opened::Opened};
use crate::settings::{Access, Kubernetes, Settings};
use agents::{
    agent::Surroundings,
    kubernetes::{self, ClusterAgent},
    mirror::SimulatedCluster,
};
use anyhow::Context;
use bus::{
    bus::{Bus, Nats, NatsSettings},
    clock::{Clock, SystemClock, SystemEntropy},
    intake,
    wire::mirror::{Answer, Message},
};
use domain::ClusterName;
use projections::mirror::{Mirrors, Took};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// What is mirrored, as the intake wants it.
pub(crate) struct Kept(pub(crate) Mirrors);

impl intake::Mirrors for Kept {
    fn take(&self, cluster: ClusterName, message: Message) -> Answer {
        let Message { stream, link, update } = message;
        match self.0.take(cluster, stream, link, update, SystemClock.now()) {
            Took::Taken => Answer::Taken,
            Took::Resync => Answer::Resync,
            Took::Full => Answer::Refused,
        }
    }
}

/// The agent of a cluster, in this process: it tells over the bus, as one elsewhere does.
pub(crate) enum Watching {
    /// There is none here.
    Nothing,
    /// Of a real cluster.
    Real(ClusterAgent),
    /// Of the cluster around a simulated fleet.
    Simulated(SimulatedCluster),
}

impl Watching {
    /// Starts the agent that the settings ask for.
    ///
    /// # Errors
    /// The access to the cluster can't be used.
    pub(crate) async fn start(settings: &Settings, opened: &Opened, bus: Bus) -> anyhow::Result<Self> {
        if let Some(kubernetes) = &settings.kubernetes {
            let agent = ClusterAgent::start(of(kubernetes), &around(bus)).await;
            return Ok(Self::Real(agent.context("cannot watch the Kubernetes cluster")?));
        }
        Ok(match fleet::of(settings, opened) {
            Some(fleet) => Self::Simulated(SimulatedCluster::start(simulated()?, &fleet, &around(bus))),
            None => Self::Nothing,
        })
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        match self {
            Self::Nothing => {}
            Self::Real(agent) => agent.stop().await,
            Self::Simulated(cluster) => cluster.stop().await,
        }
    }
}

fn simulated() -> anyhow::Result<ClusterName> {
    Ok("simulated".parse()?)
}

fn around(bus: Bus) -> Surroundings {
    Surroundings { bus, clock: Arc::new(SystemClock), entropy: Arc::new(SystemEntropy) }
}

fn of(settings: &Kubernetes) -> kubernetes::Settings {
    let Kubernetes { access, cluster, user_label, gpu_pods_only } = settings.clone();
    let access = match access {
        Access::Kubeconfig(path) => kubernetes::Access::Kubeconfig(path),
        Access::InCluster => kubernetes::Access::InCluster,
    };
    kubernetes::Settings { cluster, access, user_label, gpu_pods_only }
}

/// Runs the agent of a cluster by itself, telling over NATS, until it is asked to stop.
///
/// # Errors
/// The settings name no cluster or no NATS server, or can't be used.
pub async fn cluster_agent(settings: Settings) -> anyhow::Result<()> {
    let kubernetes = settings.kubernetes.as_ref().context("say which cluster: set kubeconfig, or in_cluster")?;
    let nats = settings.nats.as_ref().context("say where the server is: set nats")?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let inbox_prefix = Some(bus::wire::cluster_inbox_prefix(&kubernetes.cluster));
    let nats = NatsSettings { inbox_prefix, ..nats_settings(nats) };
    let bus = Nats::connect(&nats).await.context("cannot use the settings of the NATS server")?;
    let agent = ClusterAgent::start(of(kubernetes), &around(Bus::Nats(bus))).await;
    let agent = agent.context("cannot watch the Kubernetes cluster")?;
    tokio::select! {
        _ = terminate.recv() => tracing::info!("asked to stop (SIGTERM)"),
        _ = interrupt.recv() => tracing::info!("asked to stop (SIGINT)"),
    }
    agent.stop().await;
    Ok(())
}
