//! Acting: one agent, looking at its host and telling the server, until it is stopped.
mod announce;
mod desk;
mod hold;
mod lack;
mod pace;
mod refusal;

pub use desk::{Desk, FINDINGS_MAX, Progress};
pub use pace::Pace;

use crate::{
    health::Policy,
    queue::Queue,
    source::{Source, Tick},
    telemetry::Recorder,
};
use announce::Announcer;
use bus::{
    bus::{Bus, BusError, Headers},
    clock::{Clock, Entropy, time_ordered_id},
    wire::{self, Reply, Report, Speaker, WireError},
};
use bytes::Bytes;
use domain::{AgentRun, Incarnation, NodeName, telemetry::Frame};
use pace::share;
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

/// What an agent takes from outside.
#[derive(Clone)]
pub struct Surroundings {
    /// Where it reports to.
    pub bus: Bus,
    /// The node's clock.
    pub clock: Arc<dyn Clock>,
    /// Where the names of new lives come from.
    pub entropy: Arc<dyn Entropy>,
}

impl Surroundings {
    /// A name for a new life of a queue.
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(time_ordered_id(self.clock.now(), &*self.entropy))
    }
}

/// The agent of one node.
pub struct Agent<S, Q> {
    node: NodeName,
    run: AgentRun,
    source: S,
    desk: Desk<Q>,
    recorder: Recorder,
    around: Surroundings,
    pace: Pace,
    /// What the source's time was when the agent started.
    age: Duration,
    started: Instant,
    /// How often in a row no report came through, and since when.
    failures: u32,
    failing_since: Option<Instant>,
    /// What of it is logged, if it is.
    announcer: Option<Announcer>,
    /// The last refusal that was logged, and when.
    told: Option<(String, Instant)>,
}

/// For so long, a refusal is not logged again.
const QUIET: Duration = Duration::from_hours(1);

/// So long, a frame may take to be handed over: a look must not wait for it.
const SHOWN_WITHIN: Duration = Duration::from_millis(500);

type Sending = Pin<Box<dyn Future<Output = Result<Bytes, BusError>> + Send>>;

/// What became of a report.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Wire(#[from] WireError),
}

impl<S: Source, Q: Queue> Agent<S, Q> {
    /// An agent of this node, whose source is `age` old, and which judges by this policy.
    pub fn new(
        node: NodeName,
        source: S,
        queue: Q,
        policy: Arc<Policy>,
        around: Surroundings,
        pace: Pace,
        age: Duration,
    ) -> Self {
        let desk = Desk::new(queue, policy, pace.restate_every + share(&node, 1, pace.restate_every / 4));
        let run = AgentRun(time_ordered_id(around.clock.now(), &*around.entropy));
        let first_after = share(&node, 2, pace.frame_every);
        let recorder = Recorder::new(node.clone(), run, pace.frame_every, pace.look_every, first_after);
        let started = Instant::now();
        let announcer = pace.announce.then(Announcer::default);
        Self {
            node,
            run,
            source,
            desk,
            recorder,
            around,
            pace,
            age,
            started,
            failures: 0,
            failing_since: None,
            announcer,
            told: None,
        }
    }

    /// Looks and tells, until `stop` says so or is dropped. What the server has not taken by then stays in the queue.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.work(&mut stop).await;
        if let Err(error) = self.desk.close() {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(node.name = %self.node, error, "what is known could not be kept for the next agent");
        }
    }

    async fn work(&mut self, stop: &mut watch::Receiver<bool>) {
        let first = self.started + share(&self.node, 0, self.pace.look_every);
        let mut looks = tokio::time::interval_at(first, self.pace.look_every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let first = self.started + self.pace.ask_every / 2 + share(&self.node, 3, self.pace.ask_every);
        let mut questions = tokio::time::interval_at(first, self.pace.ask_every);
        questions.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asking: Option<Sending> = None;
        let mut sending: Option<Sending> = None;
        let mut not_before = self.started;
        loop {
            if sending.is_none() && Instant::now() >= not_before {
                sending = self.send();
            }
            let waits = sending.is_none() && self.desk.next().is_some();
            tokio::select! {
                biased;
                () = stopped(stop) => return,
                answer = done(&mut sending) => {
                    sending = None;
                    not_before = Instant::now() + self.hear(answer);
                }
                _ = looks.tick() => {
                    let tick = Tick { elapsed: self.age + self.started.elapsed(), wall: self.around.clock.now() };
                    let observation = tokio::select! {
                        () = stopped(stop) => return,
                        observation = self.source.observe(tick) => observation,
                    };
                    if let Some(seen) = &observation {
                        let life = self.desk.queue().incarnation();
                        if let Some(frame) = self.recorder.note(tick, life, seen, self.desk.faults()) {
                            self.show(&frame).await;
                        }
                    }
                    if let Err(error) = self.desk.look(tick, observation) {
                        let error: &dyn std::error::Error = &error;
                        tracing::warn!(node.name = %self.node, error, "not all that was seen could be queued: it is told later");
                    }
                    if let Some(announcer) = &mut self.announcer {
                        announcer.look(self.desk.queue().waiting());
                    }
                }
                answer = done(&mut asking) => {
                    asking = None;
                    self.learn(answer);
                }
                _ = questions.tick(), if asking.is_none() => asking = self.ask(),
                () = tokio::time::sleep_until(not_before), if waits => {}
            }
        }
    }

    /// Asks whether the server takes this node's reports: where there is nothing to tell, it would not be known. One that does
    /// not know the question takes it for a frame, and gives no answer.
    fn ask(&self) -> Option<Sending> {
        if self.desk.is_shut() || self.desk.next().is_some() {
            return None;
        }
        let (bus, limit, subject) = (self.around.bus.clone(), self.pace.answer_within, wire::telemetry(&self.node));
        Some(Box::pin(async move { bus.request(&subject, Bytes::from_static(wire::QUESTION), limit).await }))
    }

    fn learn(&mut self, answer: Result<Bytes, BusError>) {
        let Some(reply) = answer.ok().and_then(|bytes| Reply::decode(&bytes).ok()) else { return };
        if let Reply::Refused { code, detail, .. } = &reply {
            self.complain(code, detail);
        }
        self.desk.told(self.age + self.started.elapsed(), &reply);
    }

    /// Sends a frame, which may be lost: the next says more than this one would later.
    async fn show(&self, frame: &Frame) {
        let sent = match wire::encode_frame(frame) {
            Ok(payload) => {
                let subject = wire::telemetry(&self.node);
                let sending = self.around.bus.publish(&subject, Headers::new(), payload);
                let limited = tokio::time::timeout(SHOWN_WITHIN, sending).await;
                limited.unwrap_or(Err(BusError::Unanswered)).map_err(Failed::from)
            }
            Err(error) => Err(Failed::from(error)),
        };
        if let Err(error) = sent {
            let error: &dyn std::error::Error = &error;
            tracing::debug!(node.name = %self.node, error, "a frame of telemetry is lost");
        }
    }

    /// Begins to send the oldest report, if there is one.
    fn send(&mut self) -> Option<Sending> {
        let oldest = self.desk.next()?;
        let settled = self.desk.queue().waiting().nth(1).is_none();
        let speaker = Speaker { run: self.run, boot_id: Arc::clone(self.recorder.boot_id()) };
        let report = &Report { speaker, settled, ..oldest.clone() };
        let subject = wire::agent(&self.node, report.kind());
        match report.encode() {
            Ok(payload) => {
                let (bus, limit) = (self.around.bus.clone(), self.pace.answer_within);
                Some(Box::pin(async move { bus.request(&subject, payload, limit).await }))
            }
            // The server would refuse it as well, and so it is treated as if it had.
            Err(error) => {
                let next = report.origin.sequence;
                let refused = Reply::Refused { next, code: "report.too_large".to_owned(), detail: error.to_string() };
                self.settle(&refused);
                None
            }
        }
    }

    /// Takes in an answer, or that there was none. How long to wait before the next report.
    fn hear(&mut self, answer: Result<Bytes, BusError>) -> Duration {
        let reply = answer.map_err(Failed::from).and_then(|bytes| Ok(Reply::decode(&bytes)?));
        match reply {
            Ok(reply) => {
                let out = self.failing_since.take().map(|since| since.elapsed());
                if let Some(out) = out {
                    tracing::info!(node.name = %self.node, outage_ms = out.as_millis(), "the server answers again");
                }
                let wait = self.settle(&reply);
                if out.is_some_and(|out| out >= self.pace.outage) {
                    self.desk.restate();
                }
                wait
            }
            Err(error) => {
                if self.failing_since.is_none() {
                    self.failing_since = Some(Instant::now());
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(node.name = %self.node, error, "the server does not answer: reports wait");
                }
                self.fail()
            }
        }
    }

    fn settle(&mut self, reply: &Reply) -> Duration {
        match reply {
            Reply::Refused { code, detail, .. } => self.complain(code, detail),
            // Just after a restart of the host, the one that is waited for is its own boot of before.
            Reply::Held { .. } if self.desk.is_held() => {
                self.complain(
                    "node.second_agent",
                    "another agent speaks for this node: give each host a name of its own, and one agent",
                );
            }
            Reply::Held { .. } | Reply::Taken { .. } | Reply::TryAgain { .. } | Reply::Expected { .. } => {}
        }
        let now = self.age + self.started.elapsed();
        let fresh = self.around.incarnation();
        match (self.desk.answered(now, reply, fresh), reply) {
            (Ok(_), Reply::TryAgain { after }) => {
                let backoff = self.fail();
                backoff.max((*after).min(self.pace.retry_longest))
            }
            (Ok(_), Reply::Held { after }) => (*after).min(self.pace.retry_longest),
            (Ok(Progress::Forward), Reply::Taken { .. } | Reply::Expected { .. }) => {
                self.failures = 0;
                Duration::ZERO
            }
            (Ok(Progress::Anew), _) => {
                tracing::warn!(node.name = %self.node, "the server lacks reports that it took: all is told anew");
                self.fail()
            }
            (Ok(_), _) => self.fail(),
            (Err(error), _) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(node.name = %self.node, error, "the waiting reports can't be kept");
                self.fail()
            }
        }
    }

    /// Logs that the server does not take a report, which is so again and again for as long as the reason lasts.
    fn complain(&mut self, code: &str, detail: &str) {
        let now = Instant::now();
        if self.told.as_ref().is_none_or(|(told, at)| told != code || now.duration_since(*at) >= QUIET) {
            tracing::warn!(node.name = %self.node, code, detail, "the server does not take a report: said once an hour");
            self.told = Some((code.to_owned(), now));
        }
    }

    fn fail(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.pace.retry_after(&self.node, self.failures)
    }
}

async fn done(sending: &mut Option<Sending>) -> Result<Bytes, BusError> {
    match sending {
        Some(sending) => sending.await,
        None => std::future::pending().await,
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Who can't stop us any more is gone, and we with them.
    let _ = stop.wait_for(|stop| *stop).await;
}
