//! The bus, the relay of events to it, and the intake of agents' reports from it.
use super::{mirror::Kept, opened::Opened, telemetry::Measured};
use crate::settings::{Identity, Settings};
use anyhow::Context;
use bus::{
    bus::{Bus, BusError, Credentials, InProcess, Nats, NatsSettings, Tls},
    clock::SystemClock,
    engine::Engine,
    intake::{Bounds, FrameCounters, Gauges, Holders, Intake, MirrorIntake, TelemetryIntake, Wanted, Wishes},
    relay::{
        CommittedLog, Fault, Relay, State, Status, StoredLog, StreamSettings, relay_to_jetstream, relay_to_subscribers,
    },
};
use domain::NodeName;
use projections::{Telemetry, mirror::Mirrors};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle};

/// How long to wait before listening to agents is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// How long the reports that were taken may take to be answered when the server stops.
const LAST_REPORTS: Duration = Duration::from_secs(10);

/// What talks to the rest of the cluster.
pub(crate) struct Messages {
    bus: Bus,
    status: watch::Receiver<Status>,
    relay: JoinHandle<()>,
    intake: JoinHandle<()>,
    listening: watch::Receiver<bool>,
    stop: watch::Sender<bool>,
    /// The relay to JetStream ends with its last handle.
    handle: Option<Relay>,
    gauges: Gauges,
    telemetry: Telemetry,
    frames: Arc<FrameCounters>,
    mirrors: Mirrors,
}

impl Messages {
    /// Connects, if there is something to connect to. A NATS server that is away is waited for, for ever.
    ///
    /// # Errors
    /// The settings can't be used.
    pub(crate) async fn start(settings: &Settings, opened: &Opened) -> anyhow::Result<Self> {
        let reader = opened.committed.reader().clone();
        let log = StoredLog::new(reader, Arc::clone(&opened.keyring) as _, opened.engine.watermark());
        let log: Arc<dyn CommittedLog> = Arc::new(log);
        let (stop, stopped) = watch::channel(false);
        let (bus, status, relay, handle) = match &settings.nats {
            None => {
                let bus = InProcess::default();
                let (status, relay) = relay_to_subscribers(bus.clone(), log);
                (Bus::InProcess(bus), status, tokio::spawn(relay), None)
            }
            Some(nats) => {
                let nats = nats_settings(nats);
                let bus = Nats::connect(&nats).await.context("cannot use the settings of the NATS server")?;
                let (handle, relay) = relay_to_jetstream(nats, StreamSettings::default(), log);
                (Bus::Nats(bus), handle.status(), tokio::spawn(relay), Some(handle))
            }
        };
        let live = opened.live.clone();
        let recorded = move |node: &NodeName| {
            live.read().state().cluster().node(node).map(|known| Arc::clone(&known.facts.boot_id))
        };
        let live = opened.live.clone();
        let wishes = Wishes::new(move |node| Wanted::of(live.read().state().cluster(), node));
        let gauges = Gauges { holders: Holders::new(Arc::new(recorded)), wishes, ..Gauges::default() };
        let memory = usize::try_from(settings.telemetry_memory.0).unwrap_or(usize::MAX);
        let (telemetry, frames) = (Telemetry::new(memory), Arc::new(FrameCounters::default()));
        let mirrors = Mirrors::default();
        let sink = Measured { telemetry: telemetry.clone(), live: opened.live.clone(), clock: Arc::new(SystemClock) };
        let (hears, listening) = watch::channel(false);
        let ears = Ears {
            bus: bus.clone(),
            engine: opened.engine.clone(),
            gauges: gauges.clone(),
            sink: Arc::new(sink),
            frames: Arc::clone(&frames),
            mirrors: Arc::new(Kept(mirrors.clone())),
            listening: hears,
        };
        let intake = tokio::spawn(ears.take_in(status.clone(), stopped));
        Ok(Self { bus, status, relay, intake, listening, stop, handle, gauges, telemetry, frames, mirrors })
    }

    pub(crate) fn bus(&self) -> Bus {
        self.bus.clone()
    }

    /// What is known of the reports that come in.
    pub(crate) const fn gauges(&self) -> &Gauges {
        &self.gauges
    }

    /// What is measured.
    pub(crate) const fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// What is mirrored of Kubernetes clusters.
    pub(crate) const fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }

    /// What was done with frames.
    pub(crate) const fn frames(&self) -> &Arc<FrameCounters> {
        &self.frames
    }

    pub(crate) fn relay_status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Whether agents are listened to, as far as the bus lets them through.
    pub(crate) fn listening(&self) -> watch::Receiver<bool> {
        self.listening.clone()
    }

    /// Takes no more reports, answers those that were taken, and ends the relay. What is not relayed yet is relayed
    /// after the next start.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        match tokio::time::timeout(LAST_REPORTS, self.intake).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the intake of reports failed"),
            Err(_) => tracing::warn!("some reports stay unanswered: their agents will send them again"),
        }
        drop(self.handle);
        self.relay.abort();
    }
}

/// Who listens to agents.
struct Ears {
    bus: Bus,
    engine: Engine,
    gauges: Gauges,
    sink: Arc<Measured>,
    frames: Arc<FrameCounters>,
    mirrors: Arc<Kept>,
    listening: watch::Sender<bool>,
}

impl Ears {
    /// Listens as long as the stream is known to be this cluster's: agents behind another cluster's NATS server are not
    /// ours to listen to.
    async fn take_in(self, mut relay: watch::Receiver<Status>, mut stop: watch::Receiver<bool>) {
        let foreign = |status: &Status| matches!(status.state, State::Faulted(Fault::Foreign(_)));
        // Any other fault is about the stream, not about whose server it is.
        let ours = |status: &Status| match &status.state {
            State::Relaying => true,
            State::Faulted(fault) => !matches!(fault, Fault::Foreign(_)),
            State::Connecting | State::Stopped => false,
        };
        loop {
            tokio::select! {
                ours = relay.wait_for(ours) => if ours.is_err() { return },
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let (intake, telemetry, mirrors) = match self.listen().await {
                Ok(listening) => listening,
                Err(error) => {
                    tracing::error!(%error, "agents can't be listened to: trying again");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            };
            self.listening.send_replace(true);
            let stopped = tokio::select! {
                fault = relay.wait_for(foreign) => fault.is_err(),
                _ = stop.wait_for(|stop| *stop) => true,
            };
            self.listening.send_replace(false);
            drop(telemetry);
            mirrors.stop().await;
            intake.stop().await;
            if stopped {
                return;
            }
            tracing::error!("the stream belongs to another cluster: no more reports of agents are taken");
        }
    }

    async fn listen(&self) -> Result<(Intake, TelemetryIntake, MirrorIntake), BusError> {
        let (sink, gauges) = (Arc::clone(&self.sink), self.gauges.clone());
        let telemetry = TelemetryIntake::start(&self.bus, sink, gauges, Arc::clone(&self.frames)).await?;
        let intake = Intake::start(&self.bus, self.engine.clone(), Bounds::default(), self.gauges.clone()).await?;
        let mirrors = MirrorIntake::start(&self.bus, Arc::clone(&self.mirrors) as _).await?;
        Ok((intake, telemetry, mirrors))
    }
}

pub(super) fn nats_settings(nats: &crate::settings::Nats) -> NatsSettings {
    let credentials = match &nats.identity {
        None => Credentials::None,
        Some(Identity::Credentials(path)) => Credentials::File(path.clone()),
        Some(Identity::Nkey(path)) => Credentials::NkeySeedFile(path.clone()),
    };
    let tls = nats.tls.as_ref().map(|tls| Tls {
        required: true,
        first: false,
        authorities: tls.ca.clone(),
        certificate: tls.own.clone(),
    });
    NatsSettings {
        credentials,
        tls: tls.unwrap_or_default(),
        allow_insecure: nats.insecure,
        ..NatsSettings::new(nats.url.as_str(), "dkube")
    }
}
