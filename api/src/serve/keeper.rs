//! What time alone brings: nodes that fall silent and come back, overrides that end, breakers that close.
//!
//! It reads the present and gives the server's own commands; the rules decide them anew, so that a look that is out of date
//! does no harm.
use super::hearing::Hearing;
use bus::{
    clock::{Clock, SystemClock},
    engine::{Engine, Request},
    intake::{Counters, Gauges, Leases},
};
use domain::{Cluster, Command, NodeName, Principal, node, node::Contact, policy};
use projections::Live;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

/// The most nodes that one look finds lost or returned: the rest is found by the next.
const NODES_MAX: usize = 256;

/// Within this time, an agent of the usual settings speaks, though one of its frames be lost.
const SPEAKS_WITHIN: Duration = Duration::from_secs(25);

/// What the keeper looks at.
pub(super) struct Keeper {
    pub(super) engine: Engine,
    pub(super) live: Live,
    pub(super) gauges: Gauges,
    pub(super) hearing: Hearing,
    /// How long a node may be silent.
    pub(super) lease: Duration,
}

impl Keeper {
    /// Looks and acts until `stop` says so.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        if self.lease < SPEAKS_WITHIN {
            tracing::warn!(
                lease_s = self.lease.as_secs(),
                "an agent speaks every ten seconds, unless it is told otherwise: a lease so short loses sound nodes"
            );
        }
        let mut leases = Leases::new(self.lease, self.gauges.heard.clone());
        let mut backlog = Backlog::new(&self.gauges.counters);
        // When a node was found lost: what was heard before is no sign of life.
        let mut lost: HashMap<NodeName, Instant> = HashMap::new();
        let mut looks = tokio::time::interval(leases.look_every());
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => {}
            }
            let hears = self.hearing.works();
            if !hears {
                self.gauges.holders.deaf();
            }
            leases.look(hears && backlog.is_worked_off());
            let due = due(self.live.read().state().cluster(), &leases, &lost, SystemClock.now());
            for command in &due {
                match command {
                    Command::Node(node::Command::Lose { node }) => drop(lost.insert(node.clone(), Instant::now())),
                    Command::Node(node::Command::Return { node }) => drop(lost.remove(node)),
                    _ => {}
                }
            }
            // Side by side, so that they share commits.
            let asked = due.into_iter().map(|command| self.engine.submit(Request::new(Principal::SYSTEM, command)));
            let answers = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                answers = futures::future::join_all(asked) => answers,
            };
            if let Some(error) = answers.into_iter().find_map(Result::err) {
                // It is due again at the next look.
                tracing::debug!(%error, "not all that was due could be recorded");
            }
            // What it took itself is no time in which it could not hear.
            leases.busy_until_now();
        }
    }
}

/// Whether reports are taken as they come.
struct Backlog {
    counters: Arc<Counters>,
    taken: u64,
    deferred: u64,
}

impl Backlog {
    fn new(counters: &Arc<Counters>) -> Self {
        Self { counters: Arc::clone(counters), taken: 0, deferred: 0 }
    }

    /// Whether, since the last look, no more reports were put off than were taken.
    fn is_worked_off(&mut self) -> bool {
        let counts = self.counters.counts();
        let (taken, deferred) = (counts.taken - self.taken, counts.deferred - self.deferred);
        (self.taken, self.deferred) = (counts.taken, counts.deferred);
        deferred <= taken
    }
}

fn due(cluster: &Cluster, leases: &Leases, lost: &HashMap<NodeName, Instant>, now: domain::Timestamp) -> Vec<Command> {
    let in_service = cluster.nodes().values().filter(|node| !node.retired);
    let moved = in_service.filter_map(|node| match node.contact {
        Contact::Reporting => leases.is_over(&node.name).then(|| node::Command::Lose { node: node.name.clone() }),
        Contact::Lost => {
            let after = lost.get(&node.name).copied();
            leases.is_back(&node.name, after).then(|| node::Command::Return { node: node.name.clone() })
        }
    });
    let upkeep = cluster.next_due().is_some_and(|at| at <= now).then_some(Command::Policy(policy::Command::Upkeep));
    moved.take(NODES_MAX).map(Command::Node).chain(upkeep).collect()
}
