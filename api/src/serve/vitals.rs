//! How the engine, the relay and the ears for agents are.
use super::{hearing::Hearing, troubles::Troubles};
use crate::http::port::{Counted, EngineVitals, Health, Relaying, Vitals};
use bus::{
    bus::Connection,
    clock::{Clock, SystemClock},
    engine::Engine,
    intake::{FrameCounters, Gauges},
    relay::{State, Status},
};
use domain::{NodeName, Timestamp};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::watch;

/// How often to look since when something is wrong.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What is watched.
pub(crate) struct Watched {
    pub(crate) engine: Engine,
    pub(crate) relay: watch::Receiver<Status>,
    /// That of the NATS server; none where the bus is in this process.
    pub(crate) connection: Option<watch::Receiver<Connection>>,
    pub(crate) gauges: Gauges,
    pub(crate) frames: Arc<FrameCounters>,
    pub(super) hearing: Hearing,
    pub(super) troubles: Troubles,
    /// How long a node may be silent.
    pub(super) lease: Duration,
}

impl Watched {
    /// Looks until `stop` says so, so that whoever asks is told since when something is wrong, to the second.
    pub(super) async fn look_on(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = looks.tick() => {}
            }
            self.health();
            self.unheard_since();
        }
    }

    fn part(&self, part: &'static str, trouble: Option<String>) -> Health {
        let since = self.troubles.look(part, trouble.is_some(), SystemClock.now());
        Health { part, trouble, since }
    }
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

    fn counted(&self) -> Vec<Counted> {
        let counts = self.gauges.counters.counts();
        let by = |label: &'static str, value: &str, count: u64| (Some((label, value.to_owned())), count);
        let reports = [
            ("received", counts.received),
            ("asked", counts.asked),
            ("taken", counts.taken),
            ("deferred", counts.deferred),
            ("waiting", counts.waiting),
            ("out_of_turn", counts.out_of_turn),
            ("malformed", counts.malformed),
            ("recorded", counts.recorded),
        ];
        let status = self.relay.borrow();
        let durable = self.engine.watermark().borrow().0;
        let relayed = status.cursor.map_or(0, |position| position.0);
        let counted = |name, help, rises, series| Counted { name, help, rises, series };
        vec![
            counted(
                "intake_reports",
                "Reports of agents, by what became of them; recorded: refusals that stand in the log; asked: questions whether reports are taken",
                true,
                reports.map(|(outcome, count)| by("outcome", outcome, count)).into(),
            ),
            counted(
                "intake_refusals",
                "Reports that were refused, by the refusal's code",
                true,
                counts.refused.iter().map(|(code, count)| by("code", code, *count)).collect(),
            ),
            counted(
                "telemetry_frames",
                "Frames of telemetry, by what became of them; samples: of devices, in those that were taken",
                true,
                self.frames.counts().map(|(outcome, count)| by("outcome", outcome, count)).into(),
            ),
            counted("relay_position", "The last event that subscribers were sent", false, vec![(None, relayed)]),
            counted(
                "relay_lag_events",
                "Durable events that subscribers were not sent yet",
                false,
                vec![(None, durable.saturating_sub(relayed))],
            ),
            counted(
                "relay_up",
                "Whether events are being sent to subscribers",
                false,
                vec![(None, u64::from(status.state == State::Relaying))],
            ),
        ]
    }

    fn health(&self) -> Vec<Health> {
        let halted = self.engine.halted().borrow().as_ref().map(|halt| format!("it takes no commands: {halt:?}"));
        let log = halted.or_else(|| self.engine.low_space());
        let relay = match &self.relay.borrow().state {
            State::Faulted(fault) => Some(fault.to_string()),
            State::Connecting | State::Relaying | State::Stopped => None,
        };
        vec![self.part("log", log), self.part("relay", relay)]
    }

    fn unheard_since(&self) -> Option<Timestamp> {
        let now = SystemClock.now();
        let lease = i64::try_from(self.lease.as_secs()).unwrap_or(i64::MAX);
        let since = self.troubles.look("hearing", !self.hearing.hears(), now);
        since.filter(|since| since.plus_seconds(lease) < now)
    }

    fn relaying(&self) -> Option<Relaying> {
        let status = self.relay.borrow();
        self.connection.as_ref().map(|connection| Relaying {
            connected: connection.borrow().is_up(),
            relaying: status.state == State::Relaying,
            relayed: status.cursor.unwrap_or_default(),
        })
    }

    fn contested(&self) -> Vec<(NodeName, Duration)> {
        self.gauges.holders.contested().into_iter().map(|(node, since)| (node, since.elapsed())).collect()
    }
}
