//! The agents' loops against a server that loses, repeats and delays answers: every report is taken once, in order.

use crate::server::{Counting, Server, Taken, TokioClock, entry, fleet, undamped};
use agents::{
    Simulation,
    agent::{Agent, Pace, Surroundings},
    queue::OnDisk,
    source::simulated::{Fault, Fleet},
};
use bus::{
    bus::{Bus, Message, Subscription},
    engine::{Answer, Failure, Outcome, Request},
    intake::{Bounds, Decides, FrameCounters, Gauges, Intake, Sink, TelemetryIntake, Wanted, Wishes},
    wire::{self, AGENTS_HEALTH, AGENTS_INVENTORY, Reply, Report},
};
use bytes::Bytes;
use domain::{Command, Kind, Principal, Refusal, node, telemetry::Frame};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{task::JoinHandle, time::Instant};

/// What a server does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// Takes it, and answers.
    Kind,
    /// Each request is treated otherwise: dropped, taken without an answer, taken twice, answered too late, answered
    /// with nonsense, or as it should be.
    Hostile,
    /// Drops everything.
    Away,
}

struct World {
    bus: Bus,
    server: Arc<Mutex<Server>>,
    mood: Arc<Mutex<Mood>>,
    began: Instant,
    intakes: Vec<JoinHandle<()>>,
}

impl World {
    async fn new(mood: Mood) -> Self {
        let bus = Bus::in_process();
        let server = Arc::new(Mutex::new(Server::new()));
        let mood = Arc::new(Mutex::new(mood));
        let mut intakes = vec![];
        for pattern in [AGENTS_INVENTORY, AGENTS_HEALTH] {
            let subscription = bus.subscribe(pattern).await.unwrap();
            intakes.push(tokio::spawn(serve(subscription, server.clone(), mood.clone())));
        }
        Self { bus, server, mood, began: Instant::now(), intakes }
    }

    fn around(&self) -> Surroundings {
        Surroundings {
            bus: self.bus.clone(),
            clock: Arc::new(TokioClock::start()),
            entropy: Arc::new(Counting::default()),
        }
    }

    fn simulate(&self, fleet: &Fleet) -> Simulation {
        Simulation::start(fleet, &undamped(), &self.around(), Pace::default())
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// Lets time pass until the server believes what is, for at most so many (virtual) seconds.
    async fn converges(&self, fleet: &Fleet, limit: u64) {
        let wait = async {
            loop {
                let differences = self.server.lock().unwrap().differences(fleet, self.began.elapsed());
                if differences.is_empty() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(limit), wait).await.is_err() {
            let differences = self.server.lock().unwrap().differences(fleet, self.began.elapsed());
            panic!("after {limit} s: {differences:#?}");
        }
    }

    async fn until(&self, second: u64) {
        tokio::time::sleep_until(self.began + Duration::from_secs(second)).await;
    }

    fn taken(&self) -> Vec<Taken> {
        self.server.lock().unwrap().taken.clone()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for intake in &self.intakes {
            intake.abort();
        }
    }
}

async fn serve(mut requests: Subscription, server: Arc<Mutex<Server>>, mood: Arc<Mutex<Mood>>) {
    let mut nth = 0_u32;
    while let Some(message) = requests.next().await {
        nth += 1;
        let mood = *mood.lock().unwrap();
        let take = || take(&server, &message);
        let turn = match mood {
            Mood::Away => continue,
            Mood::Kind => 5,
            Mood::Hostile => nth % 6,
        };
        let answer = match turn {
            0 => continue,
            1 => {
                take();
                continue;
            }
            2 => {
                take();
                take()
            }
            3 => {
                let late = take();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(25)).await;
                    message.reply.unwrap().send(late).await.unwrap();
                });
                continue;
            }
            4 => Bytes::from_static(b"what?"),
            _ => take(),
        };
        message.reply.unwrap().send(answer).await.unwrap();
    }
}

fn take(server: &Mutex<Server>, message: &Message) -> Bytes {
    let (node, kind) = wire::agent_of(&message.subject).unwrap();
    let report = Report::decode(kind, &message.payload).unwrap();
    server.lock().unwrap().report(&node, report).encode().unwrap()
}

fn troubled() -> Fleet {
    let script = vec![
        entry(20, 60, 0, 1, Fault::FallenOff),
        entry(30, 100, 1, 0, Fault::UncorrectedEcc),
        entry(40, 90, 1, 3, Fault::Overheated),
        entry(60, 60, 2, 2, Fault::Replaced),
        entry(70, 120, 3, 0, Fault::NodeSilent),
        entry(90, 50, 2, 1, Fault::Missing),
        entry(100, 80, 0, 2, Fault::Hung),
        entry(150, 1000, 3, 1, Fault::RemapPending),
        entry(200, 30, 2, 0, Fault::NodeRestart),
    ];
    fleet("4x4", script)
}

#[tokio::test(start_paused = true)]
async fn every_report_is_taken_once_and_in_order() {
    let world = World::new(Mood::Hostile).await;
    let fleet = troubled();
    let simulation = world.simulate(&fleet);
    world.until(300).await;
    world.converges(&fleet, 600).await;
    let taken = world.taken();
    world.server.lock().unwrap().check_order();
    let lives: BTreeSet<_> = taken.iter().map(|taken| (taken.node.clone(), taken.incarnation)).collect();
    assert_eq!(lives.len(), 4, "nobody had to begin anew");
    assert!(world.server.lock().unwrap().refusals.is_empty());
    simulation.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_known_within_two_looks() {
    let world = World::new(Mood::Kind).await;
    let fleet = fleet("2x4", vec![entry(60, 600, 1, 2, Fault::FallenOff)]);
    let simulation = world.simulate(&fleet);
    world.converges(&fleet, 10).await;
    world.until(61).await;
    world.converges(&fleet, 9).await;
    simulation.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_happens_while_the_server_is_away_is_told_afterwards_once() {
    let script = vec![entry(60, 20, 0, 0, Fault::Overheated), entry(80, 30, 1, 1, Fault::UncorrectedEcc)];
    let fleet = fleet("2x2", script);
    let world = World::new(Mood::Kind).await;
    let simulation = world.simulate(&fleet);
    world.converges(&fleet, 10).await;
    world.set(Mood::Away);
    world.until(150).await;
    world.set(Mood::Kind);
    world.until(240).await;
    world.converges(&fleet, 60).await;
    world.server.lock().unwrap().check_order();
    let raised = |kind: &str| {
        let findings = world.taken().into_iter().filter_map(|taken| match taken.content {
            wire::Content::Health { findings } => Some(findings),
            wire::Content::Inventory { .. } => None,
        });
        findings.flatten().flat_map(|finding| finding.raised).filter(|raised| raised.kind.as_str() == kind).count()
    };
    assert_eq!((raised("thermal.hw_slowdown"), raised("ecc.uncorrected")), (1, 1), "over before it could be told");
    simulation.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_lost_everything_is_told_everything() {
    let fleet = fleet("2x2", vec![entry(20, 1000, 0, 0, Fault::UncorrectedEcc), entry(100, 50, 0, 1, Fault::Hung)]);
    let world = World::new(Mood::Kind).await;
    let simulation = world.simulate(&fleet);
    world.until(30).await;
    world.converges(&fleet, 10).await;
    world.server.lock().unwrap().forget();
    // The next report of the first node finds out; the second has none until it tells all anew.
    world.until(160).await;
    world.converges(&fleet, 2 * 3600).await;
    world.server.lock().unwrap().check_order();
    simulation.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_retired_node_asks_once_a_minute_and_is_whole_within_a_minute_of_its_reinstatement() {
    let fleet = fleet("2x2", vec![entry(60, 10_000, 0, 0, Fault::Overheated)]);
    let world = World::new(Mood::Kind).await;
    let simulation = world.simulate(&fleet);
    world.converges(&fleet, 10).await;
    let retire = |retired| {
        let node = "sim-1".parse().unwrap();
        let change = node::Command::Change { node, cordoned: None, expected_devices: None, retired: Some(retired) };
        world.server.lock().unwrap().submit(&Principal::SYSTEM, &Command::Node(change)).unwrap();
    };
    retire(true);
    world.until(1800).await;
    let refused = world.server.lock().unwrap().refusals["node.retired"];
    assert!((25..=30).contains(&refused), "{refused}");
    retire(false);
    world.converges(&fleet, 66).await;
    simulation.stop().await;
}

/// Nobody looks at what is measured.
struct Nowhere;

impl Sink for Nowhere {
    fn frame(&self, _: Frame) {}
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_nothing_to_tell_finds_out_that_it_was_reinstated() {
    let fleet = fleet("2x2", vec![]);
    let world = World::new(Mood::Kind).await;
    let server = Arc::clone(&world.server);
    let wishes = Wishes::new(move |node| Wanted::of(&server.lock().unwrap().cluster, node));
    let gauges = Gauges { wishes, ..Gauges::default() };
    let frames: Arc<FrameCounters> = Arc::default();
    let _intake = TelemetryIntake::start(&world.bus, Arc::new(Nowhere), gauges, Arc::clone(&frames)).await.unwrap();
    let simulation = world.simulate(&fleet);
    world.converges(&fleet, 10).await;
    world.until(150).await;
    let told = world.taken().len();
    let retire = |retired| {
        let node = "sim-1".parse().unwrap();
        let change = node::Command::Change { node, cordoned: None, expected_devices: None, retired: Some(retired) };
        world.server.lock().unwrap().submit(&Principal::SYSTEM, &Command::Node(change)).unwrap();
    };
    // Between two questions.
    retire(true);
    retire(false);
    world.converges(&fleet, 66).await;
    assert!(world.server.lock().unwrap().refusals.is_empty(), "nothing was told in between");
    let again = world.taken().len();
    assert_eq!(again, told + 2, "the inventory and the health of that node");
    world.until(400).await;
    assert_eq!(world.taken().len(), again, "it is all well again");
    // It is asked while the node is retired.
    retire(true);
    world.until(500).await;
    retire(false);
    world.converges(&fleet, 66).await;
    assert!(frames.counts().iter().any(|(outcome, count)| *outcome == "asked" && *count > 10));
    simulation.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_tells_the_same_story() {
    let mut stories = vec![];
    for _ in 0..2 {
        let world = World::new(Mood::Hostile).await;
        let simulation = world.simulate(&troubled());
        world.until(400).await;
        simulation.stop().await;
        stories.push(world.taken());
    }
    assert!(stories[0].len() > 20);
    assert_eq!(stories[0], stories[1]);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_nodes_report_from_one_process() {
    let fleet = fleet("1000x8", vec![]);
    let world = World::new(Mood::Kind).await;
    let simulation = world.simulate(&fleet);
    assert_eq!(simulation.len(), 1000);
    world.converges(&fleet, 60).await;
    assert_eq!(world.server.lock().unwrap().cluster.devices().len(), 8000);
    assert_eq!(world.bus.lost(), 0);
    simulation.stop().await;
}

/// The server's rules where the engine would be.
#[derive(Clone)]
struct Port(Arc<Mutex<Server>>);

impl Decides for Port {
    async fn submit(&self, request: Request) -> Result<Answer, Failure> {
        let Command::Node(command) = request.command else { panic!("a report is for a node") };
        let mut server = self.0.lock().unwrap();
        let taken = |server: &Server| Answer {
            position: server.cluster.at().position,
            outcome: Outcome::Recorded(vec![]),
            warnings: vec![],
            repeated: false,
        };
        let Some((node, report)) = Report::from_command(command.clone()) else {
            // That one was refused is recorded.
            server.submit(&Principal::SYSTEM, &Command::Node(command)).unwrap();
            return Ok(taken(&server));
        };
        match server.report(&node, report) {
            Reply::Taken { .. } => Ok(taken(&server)),
            Reply::Expected { next } => Err(Failure::OutOfTurn { last: next - 1 }),
            Reply::Refused { code, detail, .. } => Err(Failure::Refused(Refusal {
                kind: Kind::Conflict,
                code,
                detail,
                refs: vec![],
                unknown_login: None,
                shortage: None,
            })),
            Reply::TryAgain { .. } | Reply::Held { .. } => Err(Failure::Overloaded),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fleet_reports_through_the_intake() {
    let mut world = World::new(Mood::Kind).await;
    world.intakes.drain(..).for_each(|intake| intake.abort());
    tokio::task::yield_now().await;
    let gauges = Gauges::default();
    let intake =
        Intake::start(&world.bus, Port(world.server.clone()), Bounds::default(), gauges.clone()).await.unwrap();
    let fleet = troubled();
    let simulation = world.simulate(&fleet);
    world.until(100).await;
    world.server.lock().unwrap().forget();
    world.until(300).await;
    world.converges(&fleet, 1200).await;
    world.server.lock().unwrap().check_order();
    let counts = gauges.counters.counts();
    assert!(counts.out_of_turn > 0, "{counts:?}");
    let refused: u64 = counts.refused.values().sum();
    assert_eq!(counts.received, counts.taken + counts.out_of_turn + refused);
    simulation.stop().await;
    intake.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_agent_knows_when_it_is_stopped_is_there_for_the_next() {
    let fleet = fleet("1x2", vec![]);
    let world = World::new(Mood::Kind).await;
    let folder = tempfile::tempdir().unwrap();
    let state = || std::fs::read(folder.path().join("state")).unwrap();
    let (around, node) = (world.around(), fleet.nodes().next().unwrap());
    let queue = OnDisk::open(folder.path(), around.incarnation(), 16).unwrap();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let agent = Agent::new(node.name().clone(), node, queue, undamped(), around, Pace::default(), Duration::ZERO);
    let running = tokio::spawn(agent.run(stopped));
    world.until(120).await;
    let before = state();
    world.until(180).await;
    assert_eq!(state(), before, "nothing is news");
    stop.send_replace(true);
    running.await.unwrap();
    assert_ne!(state(), before, "the counters by which the next one knows a reset");
}
