//! One report at a time: read it, have it decided, answer.
use super::{
    Counters, Decides, Gauges, Holders, Standing,
    ration::Ration,
    told::{Due, Told},
};
use crate::{
    bus,
    engine::{Failure, Request},
    wire::{Kind, Reply, Report, WireError},
};
use bytes::Bytes;
use domain::{Actor, Command, NodeName, Principal, Refusal, Via, node};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};

/// How long an agent is to wait whose node another has.
const SECOND_ASKS_AFTER: Duration = Duration::from_secs(15);

/// The code under which it is told.
const SECOND_AGENT: &str = "node.second_agent";

/// A report as it came in.
pub(super) struct Incoming {
    pub(super) node: NodeName,
    pub(super) kind: Kind,
    pub(super) payload: Bytes,
    pub(super) reply: Option<bus::Reply>,
}

impl Incoming {
    /// Answers its sender, who may have given up: then it sends the report again, and is answered then.
    pub(super) async fn answer(self, reply: &Reply) {
        if let Some(way) = self.reply {
            answer(&self.node, way, reply).await;
        }
    }
}

/// Answers what came in this node's name.
pub(super) async fn answer(node: &NodeName, way: bus::Reply, reply: &Reply) {
    let sent = match reply.encode() {
        Ok(bytes) => way.send(bytes).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = sent {
        tracing::warn!(node.name = %node, error, "a report could not be answered");
    }
}

/// Works off the reports of some nodes, one after the other.
pub(super) struct Lane<E> {
    engine: E,
    counters: Arc<Counters>,
    holders: Holders,
    ration: Arc<Ration>,
    told: Told,
    /// The refusal that is to be recorded, once its sender has been answered.
    record: Option<node::Command>,
}

impl<E: Decides> Lane<E> {
    pub(super) fn new(engine: E, gauges: &Gauges, ration: Arc<Ration>) -> Self {
        let (counters, holders) = (Arc::clone(&gauges.counters), gauges.holders.clone());
        Self { engine, counters, holders, ration, told: Told::default(), record: None }
    }

    /// Until nobody sends any more and all that was sent is answered.
    pub(super) async fn run(mut self, mut reports: mpsc::Receiver<Incoming>) {
        while let Some(incoming) = reports.recv().await {
            let reply = self.take(&incoming).await;
            incoming.answer(&reply).await;
            if let Some(refusal) = self.record.take() {
                self.record(refusal).await;
            }
        }
    }

    /// The record is for who looks later: that it fails keeps nothing from its way.
    async fn record(&self, refusal: node::Command) {
        let outcome = self.engine.submit(Request::new(Principal::SYSTEM, Command::Node(refusal))).await;
        match outcome {
            Ok(_) => self.counters.recorded(),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "a refused report could not be recorded");
            }
        }
    }

    /// Tells of a refusal, if it is news; records it once, in an hour that has room for it.
    fn tell(&mut self, node: &NodeName, code: &str, detail: &str) {
        self.counters.refused(code);
        // It comes again and again for as long as the reason lasts.
        let Some(Due { recorded, unsaid }) = self.told.due(node, code, Instant::now()) else { return };
        tracing::warn!(node.name = %node, code, detail, unsaid, "a report is refused: said once an hour");
        if !recorded && self.ration.take() {
            self.told.recorded(node, code);
            let (node, code, detail) = (node.clone(), code.into(), detail.into());
            self.record = Some(node::Command::RecordRefusal { node, code, detail });
        }
    }

    async fn take(&mut self, incoming: &Incoming) -> Reply {
        let report = match Report::decode(incoming.kind, &incoming.payload) {
            Ok(report) => report,
            Err(error) => return self.malformed(&incoming.node, &error),
        };
        match self.holders.hear(&incoming.node, &report.speaker, report.origin.incarnation, None) {
            Standing::Holds => {}
            Standing::Waits(after) => {
                self.counters.waiting();
                return Reply::Held { after };
            }
            Standing::Second => return self.second(&incoming.node),
        }
        let sequence = report.origin.sequence;
        let node = incoming.node.clone();
        let asker = Principal { actor: Actor::Agent(node.clone()), via: Via::Internal, address: None };
        let command = Command::Node(report.into_command(node));
        match self.engine.submit(Request::new(asker, command)).await {
            Ok(_) => {
                self.counters.taken();
                Reply::Taken { up_to: sequence }
            }
            Err(failure) => self.refuse(&incoming.node, sequence, failure),
        }
    }

    fn refuse(&mut self, node: &NodeName, sequence: u64, failure: Failure) -> Reply {
        let counters = Arc::clone(&self.counters);
        let later = |seconds| {
            counters.deferred();
            Reply::TryAgain { after: Duration::from_secs(seconds) }
        };
        // A refused report does not count: its number is the next still.
        let mut refused = |code: &str, detail: String| {
            self.tell(node, code, &detail);
            Reply::Refused { next: sequence, code: code.to_owned(), detail }
        };
        match failure {
            Failure::OutOfTurn { last } => {
                self.counters.out_of_turn();
                Reply::Expected { next: last.saturating_add(1) }
            }
            Failure::Refused(Refusal { code, detail, .. }) => refused(&code, detail),
            Failure::Denied(denied) => refused(denied.code(), denied.to_string()),
            // A report has neither conditions nor a key: who answers so did not understand it.
            Failure::ConditionFailed { .. } | Failure::KeyReused | Failure::OutcomesFull { .. } => {
                refused("report.refused", failure.to_string())
            }
            Failure::Overloaded => later(1),
            // Whether it was recorded is found out by sending it again: a repeat is answered as taken.
            Failure::OutcomeUnknown | Failure::Stopping => later(5),
            Failure::ReadOnly(_) => later(15),
        }
    }

    /// What it has to tell keeps: it is taken once the other agent is gone.
    fn second(&mut self, node: &NodeName) -> Reply {
        self.tell(
            node,
            SECOND_AGENT,
            "another agent speaks for this node: give each host a name of its own, and one agent",
        );
        Reply::Held { after: SECOND_ASKS_AFTER }
    }

    fn malformed(&mut self, node: &NodeName, error: &WireError) -> Reply {
        let code = match error {
            WireError::TooLarge { .. } => "report.too_large",
            WireError::Version(_) => "report.version",
            WireError::Malformed | WireError::Word(_) | WireError::Unknown(_) => "report.malformed",
        };
        let detail = error.to_string();
        self.counters.malformed();
        self.tell(node, code, &detail);
        // Its number is not known.
        Reply::Refused { next: 0, code: code.to_owned(), detail }
    }
}
