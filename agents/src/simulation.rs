//! A simulated fleet at work: one agent for each of its nodes, in this process.
use crate::{
    agent::{Agent, Pace, Surroundings},
    health::Policy,
    queue::InMemory,
    source::simulated::Fleet,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// The agents of a simulated fleet. Dropped, they end at once.
#[derive(Debug)]
pub struct Simulation {
    stop: watch::Sender<bool>,
    agents: JoinSet<()>,
}

impl Simulation {
    /// Starts an agent for every node. Each looks for the first time at a moment of its own within one pace.
    pub fn start(fleet: &Fleet, policy: &Arc<Policy>, around: &Surroundings, pace: Pace) -> Self {
        let (stop, stopped) = watch::channel(false);
        let micros = around.clock.now().micros().saturating_sub(fleet.began.micros());
        let age = Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        let mut agents = JoinSet::new();
        for node in fleet.nodes() {
            let queue = InMemory::new(around.incarnation(), InMemory::LIMIT);
            let policy = Arc::clone(policy);
            let agent = Agent::new(node.name().clone(), node, queue, policy, around.clone(), pace, age);
            agents.spawn(agent.run(stopped.clone()));
        }
        tracing::info!(fleet.size = %fleet.size, "a simulated fleet reports");
        Self { stop, agents }
    }

    /// How many agents there are.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// Stops every agent, and waits until all have ended.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while let Some(ended) = self.agents.join_next().await {
            if let Err(error) = ended {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "a simulated agent failed");
            }
        }
    }
}
