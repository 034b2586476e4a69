//! The server's side of agents' reports: takes each from the bus, has it decided, and answers once that is durable.
//!
//! Reports of one node are taken in the order in which they arrive, those of different nodes side by side. Nothing waits
//! without a bound: what finds no room is asked for again. Which report of an agent is next is the engine's to say.
//!
//! Whose a report is says the subject that it came on: NATS lets an agent send on its own subjects only.
mod counters;
mod heard;
mod holders;
mod lane;
mod leases;
mod mirror;
mod question;
mod ration;
mod telemetry;
mod told;

pub use counters::{Counters, Counts};
pub use heard::Heard;
pub use holders::{Holders, Recorded, Standing};
pub use leases::Leases;
pub use mirror::{MirrorIntake, Mirrors};
pub use question::{Wanted, Wishes};
pub use telemetry::{FrameCounters, Sink, TelemetryIntake};

use crate::{
    bus::{Bus, BusError, Message, Subscription},
    engine::{Answer, Engine, Failure, Request},
    wire::{self, AGENTS_HEALTH, AGENTS_INVENTORY, Reply},
};
use domain::NodeName;
use lane::{Incoming, Lane};
use question::Question;
use ration::Ration;
use std::{
    future::Future,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    task::{JoinHandle, JoinSet},
};

/// Where reports are decided: the engine, or a test's.
pub trait Decides: Clone + Send + Sync + 'static {
    /// Decides a command, and answers when the outcome is durable.
    fn submit(&self, request: Request) -> impl Future<Output = Result<Answer, Failure>> + Send;
}

impl Decides for Engine {
    fn submit(&self, request: Request) -> impl Future<Output = Result<Answer, Failure>> + Send {
        Self::submit(self, request)
    }
}

/// How much the intake does at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many reports are decided side by side: at least 1.
    pub lanes: usize,
    /// How many more wait for each of them: at least 1.
    pub waiting: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        // Many lanes make large group commits; the engine's own queue is what bounds the work.
        Self { lanes: 256, waiting: 16 }
    }
}

/// What is known of the reports that come in: outlives the intake, which may begin and end several times.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    /// When each node was last heard.
    pub heard: Heard,
    /// Which agent has each node.
    pub holders: Holders,
    /// What is wanted of each node's agent.
    pub wishes: Wishes,
    /// What was done.
    pub counters: Arc<Counters>,
}

/// Takes reports from when it is started until it is stopped.
#[derive(Debug)]
pub struct Intake {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Intake {
    /// Begins to listen. Once this returns, reports are taken.
    ///
    /// # Errors
    /// The bus can't be listened to.
    pub async fn start(bus: &Bus, engine: impl Decides, bounds: Bounds, gauges: Gauges) -> Result<Self, BusError> {
        let inventory = bus.subscribe(AGENTS_INVENTORY).await?;
        let health = bus.subscribe(AGENTS_HEALTH).await?;
        let (stop, stopped) = watch::channel(false);
        let dispatcher = Dispatcher::start(&engine, bounds, gauges);
        let running = tokio::spawn(dispatcher.run(inventory, health, stopped));
        Ok(Self { stop, running })
    }

    /// Takes no more, and waits until all that was taken is answered.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.running.await {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "the intake of reports failed");
        }
    }
}

/// Hands each report to the lane of its node.
struct Dispatcher {
    lanes: Vec<mpsc::Sender<Incoming>>,
    working: JoinSet<()>,
    gauges: Gauges,
}

impl Dispatcher {
    /// What a report that finds no room is to wait.
    const NO_ROOM: Duration = Duration::from_secs(1);

    fn start(engine: &impl Decides, bounds: Bounds, gauges: Gauges) -> Self {
        let mut working = JoinSet::new();
        let ration = Arc::new(Ration::new());
        let open = |_| {
            let (lane, incoming) = mpsc::channel(bounds.waiting.max(1));
            working.spawn(Lane::new(engine.clone(), &gauges, ration.clone()).run(incoming));
            lane
        };
        let lanes = (0..bounds.lanes.max(1)).map(open).collect();
        Self { lanes, working, gauges }
    }

    async fn run(mut self, mut inventory: Subscription, mut health: Subscription, mut stop: watch::Receiver<bool>) {
        loop {
            let message = tokio::select! {
                biased;
                // A dropped handle stops it too.
                _ = stop.wait_for(|stop| *stop) => break,
                message = inventory.next() => message,
                message = health.next() => message,
            };
            let Some(message) = message else {
                tracing::error!("the bus is closed: no more reports are taken");
                break;
            };
            self.dispatch(message).await;
        }
        drop((inventory, health));
        self.lanes.clear();
        while let Some(ended) = self.working.join_next().await {
            if let Err(error) = ended {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "a lane of the intake failed");
            }
        }
    }

    async fn dispatch(&self, mut message: Message) {
        let Some((node, kind)) = wire::agent_of(&message.subject) else {
            // Nobody is answered whose name is none.
            self.gauges.counters.received();
            self.gauges.counters.malformed();
            tracing::warn!("a report came on a subject that names no node");
            return;
        };
        if let Some(question) = Question::of(&mut message, &node) {
            self.gauges.counters.asked();
            return question.answer(&self.gauges.wishes).await;
        }
        self.gauges.counters.received();
        self.gauges.heard.mark(&node);
        let lane = &self.lanes[self.lane(&node)];
        match lane.try_send(Incoming { node, kind, payload: message.payload, reply: message.reply }) {
            Ok(()) => {}
            Err(TrySendError::Full(incoming) | TrySendError::Closed(incoming)) => {
                self.gauges.counters.deferred();
                incoming.answer(&Reply::TryAgain { after: Self::NO_ROOM }).await;
            }
        }
    }

    /// Always the same for one node, so that its reports stay in order.
    fn lane(&self, node: &NodeName) -> usize {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(node.as_str());
        usize::try_from(hash % self.lanes.len() as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
