use super::*;
use crate::{
    bus::Headers,
    engine::Outcome,
    wire::{self, Content, Kind, Report, Speaker},
};
use bytes::Bytes;
use domain::{
    Actor, AgentRun, Command, Denied, Incarnation, Origin, Position, Principal, Refusal, Rejection, Timestamp, Via,
    node::{self, Facts},
};
use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Answers what it was told to, in order, then that all is well; keeps what it was asked.
#[derive(Clone)]
struct FakeEngine(Arc<Fake>);

struct Fake {
    asked: Mutex<Vec<Request>>,
    /// The refusals that it was to record: node and code.
    recorded: Mutex<Vec<(String, String)>>,
    answers: Mutex<VecDeque<Failure>>,
    /// Permits that decisions take, one each.
    gate: Semaphore,
}

impl FakeEngine {
    fn new(answers: impl IntoIterator<Item = Failure>) -> Self {
        let answers = Mutex::new(answers.into_iter().collect());
        Self(Arc::new(Fake {
            asked: Mutex::default(),
            recorded: Mutex::default(),
            answers,
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }))
    }

    fn recorded(&self) -> Vec<String> {
        self.0.recorded.lock().unwrap().iter().map(|(node, code)| format!("{node} {code}")).collect()
    }

    fn asked(&self) -> Vec<Request> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Decides for FakeEngine {
    async fn submit(&self, request: Request) -> Result<Answer, Failure> {
        if let Command::Node(node::Command::RecordRefusal { node, code, .. }) = &request.command {
            assert_eq!(request.asker, Principal::SYSTEM);
            self.0.recorded.lock().unwrap().push((node.to_string(), code.to_string()));
            return Ok(recorded());
        }
        self.0.asked.lock().unwrap().push(request);
        self.0.gate.acquire().await.unwrap().forget();
        match self.0.answers.lock().unwrap().pop_front() {
            Some(failure) => Err(failure),
            None => Ok(recorded()),
        }
    }
}

const fn recorded() -> Answer {
    Answer { position: Position(1), outcome: Outcome::Recorded(vec![]), warnings: vec![], repeated: false }
}

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn report(sequence: u64) -> Report {
    let incarnation = Incarnation(Uuid::from_u128(1));
    let origin = Origin { incarnation, sequence, observed_at: Timestamp::default() };
    Report::new(origin, Content::Inventory { facts: Facts::default(), devices: Some(vec![]) })
}

async fn ask(bus: &Bus, name: &str, payload: Bytes) -> Reply {
    let subject = wire::agent(&node(name), Kind::Inventory);
    let answer = bus.request(&subject, payload, Duration::from_secs(10)).await.unwrap();
    Reply::decode(&answer).unwrap()
}

async fn tell(bus: &Bus, name: &str, sequence: u64) -> Reply {
    ask(bus, name, report(sequence).encode().unwrap()).await
}

async fn intake(bus: &Bus, engine: &FakeEngine) -> (Intake, Gauges) {
    let gauges = Gauges::default();
    let bounds = Bounds { lanes: 4, waiting: 2 };
    (Intake::start(bus, engine.clone(), bounds, gauges.clone()).await.unwrap(), gauges)
}

#[tokio::test]
async fn a_report_is_submitted_as_its_agent_and_answered() {
    let (bus, engine) = (Bus::in_process(), FakeEngine::new([]));
    let (intake, gauges) = intake(&bus, &engine).await;
    assert_eq!(tell(&bus, "gpu-1.rack", 7).await, Reply::Taken { up_to: 7 });
    let asked = engine.asked();
    assert_eq!(asked[0].asker.actor, Actor::Agent(node("gpu-1.rack")));
    assert_eq!(asked[0].asker.via, Via::Internal);
    let Command::Node(node::Command::ReportInventory { node: named, origin, .. }) = &asked[0].command else {
        panic!("another command");
    };
    assert_eq!((named, origin.sequence), (&node("gpu-1.rack"), 7));
    let counts = gauges.counters.counts();
    assert_eq!((counts.received, counts.taken), (1, 1));
    intake.stop().await;
}

#[tokio::test]
async fn what_the_engine_says_reaches_the_agent() {
    let refused = |rejection: Rejection| Failure::Refused(Refusal::from(&rejection));
    let answers = [
        Failure::OutOfTurn { last: 4 },
        refused(Rejection::NodeRetired(node("gpu-1"))),
        Failure::Denied(Denied::Role),
        Failure::Overloaded,
        Failure::ReadOnly("full".to_owned()),
        Failure::OutcomeUnknown,
        Failure::Stopping,
    ];
    let (bus, engine) = (Bus::in_process(), FakeEngine::new(answers));
    let (intake, gauges) = intake(&bus, &engine).await;
    assert_eq!(tell(&bus, "gpu-1", 7).await, Reply::Expected { next: 5 });
    let reply = tell(&bus, "gpu-1", 7).await;
    assert!(matches!(&reply, Reply::Refused { next: 7, code, .. } if code == "node.retired"), "{reply:?}");
    let reply = tell(&bus, "gpu-1", 7).await;
    assert!(matches!(&reply, Reply::Refused { code, .. } if code == "auth.forbidden"), "{reply:?}");
    for _ in 0..4 {
        assert!(matches!(tell(&bus, "gpu-1", 7).await, Reply::TryAgain { .. }));
    }
    assert_eq!(tell(&bus, "gpu-1", 7).await, Reply::Taken { up_to: 7 });
    let counts = gauges.counters.counts();
    assert_eq!((counts.received, counts.taken, counts.deferred, counts.out_of_turn), (8, 1, 4, 1));
    assert_eq!(counts.refused, [("node.retired".to_owned(), 1), ("auth.forbidden".to_owned(), 1)].into());
    assert_eq!(engine.recorded(), ["gpu-1 node.retired", "gpu-1 auth.forbidden"]);
    intake.stop().await;
}

#[tokio::test]
async fn what_can_not_be_read_is_refused_and_the_intake_goes_on() {
    let (bus, engine) = (Bus::in_process(), FakeEngine::new([]));
    let (intake, gauges) = intake(&bus, &engine).await;
    let good = report(1).encode().unwrap();
    let mut future = good.to_vec();
    future[0] = 200;
    let cut = good.slice(..good.len() - 1);
    let large = Bytes::from(vec![wire::VERSION; wire::REPORT_MAX + 1]);
    for (payload, expected) in [
        (Bytes::from_static(&[wire::VERSION]), "report.malformed"),
        (cut, "report.malformed"),
        (future.into(), "report.version"),
        (large, "report.too_large"),
    ] {
        let reply = ask(&bus, "gpu-1", payload).await;
        assert!(matches!(&reply, Reply::Refused { code, .. } if code == expected), "{reply:?}");
    }
    bus.publish("dkube.agent._.inventory", Headers::new(), good).await.unwrap();
    assert_eq!(tell(&bus, "gpu-1", 1).await, Reply::Taken { up_to: 1 });
    assert_eq!(engine.asked().len(), 1, "nothing else came as far as the engine");
    let counts = gauges.counters.counts();
    assert_eq!((counts.received, counts.malformed, counts.taken, counts.recorded), (6, 5, 1, 3));
    let codes = ["report.malformed", "report.version", "report.too_large"];
    assert_eq!(engine.recorded(), codes.map(|code| format!("gpu-1 {code}")), "each once");
    intake.stop().await;
}

#[tokio::test]
async fn who_asks_whether_reports_are_taken_is_answered_and_leaves_no_trace() {
    let (bus, engine) = (Bus::in_process(), FakeEngine::new([]));
    let (intake, gauges) = intake(&bus, &engine).await;
    let question = || Bytes::from_static(wire::QUESTION);
    assert_eq!(ask(&bus, "gpu-1", question()).await, Reply::Taken { up_to: 0 });
    let counts = gauges.counters.counts();
    assert_eq!((counts.asked, counts.received, counts.malformed), (1, 0, 0));
    assert!(gauges.heard.last(&node("gpu-1")).is_none(), "it is no sign of life");
    assert_eq!((engine.asked().len(), engine.recorded().len()), (0, 0));
    assert_eq!(tell(&bus, "gpu-1", 1).await, Reply::Taken { up_to: 1 });
    intake.stop().await;

    let wishes = Wishes::new(|name| match name.as_str() {
        "retired" => Wanted::Nothing(Rejection::NodeRetired(name.clone())),
        _ => Wanted::Everything,
    });
    let gauges = Gauges { wishes, ..Gauges::default() };
    let intake = Intake::start(&bus, engine.clone(), Bounds::default(), gauges).await.unwrap();
    let refused = ask(&bus, "retired", question()).await;
    assert!(matches!(&refused, Reply::Refused { next: 0, code, .. } if code == "node.retired"), "{refused:?}");
    assert_eq!(ask(&bus, "gpu-1", question()).await, Reply::Expected { next: 1 });
    assert_eq!(engine.recorded().len(), 0, "nor is that it would be refused");
    intake.stop().await;
}

#[tokio::test]
async fn what_finds_no_room_is_asked_for_again() {
    let (bus, engine) = (Bus::in_process(), FakeEngine::new([]));
    engine.0.gate.forget_permits(Semaphore::MAX_PERMITS);
    let gauges = Gauges::default();
    let intake = Intake::start(&bus, engine.clone(), Bounds { lanes: 1, waiting: 2 }, gauges.clone()).await.unwrap();
    let all: Vec<_> = (0..8)
        .map(|number| {
            let bus = bus.clone();
            tokio::spawn(async move { tell(&bus, &format!("gpu-{number}"), 1).await })
        })
        .collect();
    let deferred = || gauges.counters.counts().deferred;
    let enough = async {
        while deferred() < 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), enough).await.expect("at most one at work and two waiting");
    engine.0.gate.add_permits(8);
    let mut taken = 0;
    for reply in all {
        match reply.await.unwrap() {
            Reply::Taken { .. } => taken += 1,
            reply => assert_eq!(reply, Reply::TryAgain { after: Dispatcher::NO_ROOM }),
        }
    }
    assert!((2..=3).contains(&taken), "{taken}");
    assert_eq!(taken + deferred(), 8);
    intake.stop().await;
}

#[tokio::test]
async fn one_nodes_reports_stay_in_order() {
    let (bus, engine) = (Bus::in_process(), FakeEngine::new([]));
    let gauges = Gauges::default();
    let intake = Intake::start(&bus, engine.clone(), Bounds { lanes: 8, waiting: 64 }, gauges.clone()).await.unwrap();
    for sequence in 1..=40 {
        for name in ["gpu-1", "gpu-2"] {
            let subject = wire::agent(&node(name), Kind::Inventory);
            bus.publish(&subject, Headers::new(), report(sequence).encode().unwrap()).await.unwrap();
        }
    }
    let enough = async {
        while gauges.counters.counts().taken < 80 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), enough).await.expect("all are taken");
    for name in ["gpu-1", "gpu-2"] {
        let numbers: Vec<u64> = engine
            .asked()
            .iter()
            .filter(|request| request.asker.actor == Actor::Agent(node(name)))
            .filter_map(|request| match &request.command {
                Command::Node(node::Command::ReportInventory { origin, .. }) => Some(origin.sequence),
                _ => None,
            })
            .collect();
        assert!(numbers.is_sorted() && numbers.len() == 40, "{numbers:?}");
    }
    intake.stop().await;
}

#[tokio::test]
async fn stopping_answers_what_was_taken() {
    let (bus, engine) = (Bus::in_process(), FakeEngine::new([]));
    engine.0.gate.forget_permits(Semaphore::MAX_PERMITS);
    let (intake, _) = intake(&bus, &engine).await;
    let waiting = {
        let bus = bus.clone();
        tokio::spawn(async move { tell(&bus, "gpu-1", 1).await })
    };
    let at_work = async {
        while engine.asked().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), at_work).await.expect("it is decided");
    let stopping = tokio::spawn(intake.stop());
    engine.0.gate.add_permits(1);
    assert_eq!(waiting.await.unwrap(), Reply::Taken { up_to: 1 });
    stopping.await.unwrap();
    let late = bus.request(&wire::agent(&node("gpu-1"), Kind::Inventory), Bytes::new(), Duration::from_secs(1)).await;
    assert_eq!(late, Err(BusError::NoResponder));
}

#[tokio::test]
async fn what_another_agent_of_a_node_says_is_not_taken() {
    let (bus, engine) = (Bus::in_process(), FakeEngine::new([]));
    let (intake, gauges) = intake(&bus, &engine).await;
    let say = async |run: u128, sequence| {
        let speaker = Speaker { run: AgentRun(Uuid::from_u128(run)), boot_id: format!("b{run}").into() };
        let report = Report { speaker, ..report(sequence) };
        ask(&bus, "gpu-1", report.encode().unwrap()).await
    };
    assert_eq!(say(1, 1).await, Reply::Taken { up_to: 1 });
    assert!(matches!(say(2, 1).await, Reply::Held { .. }), "the first may be over");
    assert_eq!(say(1, 2).await, Reply::Taken { up_to: 2 });
    for _ in 0..3 {
        assert!(matches!(say(2, 1).await, Reply::Held { .. }));
    }
    assert_eq!(engine.asked().len(), 2);
    let counts = gauges.counters.counts();
    assert_eq!((counts.taken, counts.waiting, counts.deferred), (2, 1, 0));
    assert_eq!(counts.refused, [("node.second_agent".to_owned(), 3)].into());
    intake.stop().await;
    assert_eq!(engine.recorded(), ["gpu-1 node.second_agent"], "said once");
}
