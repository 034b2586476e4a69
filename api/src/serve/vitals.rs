//! How the engine and the relay are.
use crate::http::port::{EngineVitals, Health, Vitals};
use bus::{
    engine::Engine,
    relay::{State, Status},
};
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// What is watched.
pub(crate) struct Watched {
    pub(crate) engine: Engine,
    pub(crate) relay: watch::Receiver<Status>,
}

impl Vitals for Watched {
    fn engine(&self) -> EngineVitals {
        let counters = self.engine.counters();
        let (people, agents) = self.engine.queued();
        #[expect(clippy::cast_precision_loss, reason = "the bounds are small numbers")]
        let bound = |bound: Option<u64>| bound.map_or(f64::INFINITY, |bound| bound as f64);
        EngineVitals {
            commands: counters.answers().collect(),
            queue_depth: (people + agents) as u64,
            commits: counters.commits.load(Ordering::Relaxed),
            events: counters.events.load(Ordering::Relaxed),
            commit_sizes: counters.sizes().map(|(size, count)| (bound(size), count)).collect(),
        }
    }

    fn health(&self) -> Vec<Health> {
        let halted = self.engine.halted().borrow().as_ref().map(|halt| format!("it takes no commands: {halt:?}"));
        let log = halted.or_else(|| self.engine.low_space());
        let relay = match &self.relay.borrow().state {
            State::Faulted(fault) => Some(fault.to_string()),
            State::Connecting | State::Relaying | State::Stopped => None,
        };
        vec![Health { part: "log", trouble: log }, Health { part: "relay", trouble: relay }]
    }
}
