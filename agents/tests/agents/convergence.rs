//! For any script of faults and any loss on the way, what the server believes becomes what is.

use crate::server::{BEGAN, Server, entry, fleet, undamped};
use agents::{
    agent::{Desk, Progress},
    queue::{InMemory, Queue},
    source::{
        Tick,
        simulated::{Entry, Fault, SimulatedNode},
    },
};
use domain::{Incarnation, NodeName, Timestamp};
use proptest::prelude::*;
use std::time::Duration;
use uuid::Uuid;

const HOUR: Duration = Duration::from_hours(1);

/// An agent without a network: it is driven by hand.
struct Hand {
    name: NodeName,
    source: SimulatedNode,
    desk: Desk<InMemory>,
    lives: u128,
}

impl Hand {
    fn new(source: SimulatedNode) -> Self {
        let desk = Desk::new(InMemory::new(life(0), 8), undamped(), HOUR);
        Self { name: source.name().clone(), source, desk, lives: 1 }
    }

    /// The process is started anew: what waited is gone, what it remembered is not.
    fn restart(&mut self) {
        let memory = self.desk.queue().recall().clone();
        self.desk = Desk::new(InMemory::new(self.life(), 8).remembering(memory), undamped(), HOUR);
    }

    fn life(&mut self) -> Incarnation {
        self.lives += 1;
        life(self.lives)
    }

    /// Looks at what is at `shown`, at the time `at`. A queue that is full is no failure: the rest is told later.
    fn look(&mut self, shown: u64, at: u64) {
        let observation = self.source.look(Duration::from_secs(shown));
        let _ = self.desk.look(tick(at), observation);
    }

    /// Sends the oldest report. Whether the answer is heard is up to `heard`.
    fn send(&mut self, server: &mut Server, at: u64, heard: bool) -> bool {
        let Some(report) = self.desk.next().cloned() else { return false };
        let reply = server.report(&self.name, report);
        let fresh = self.life();
        if heard {
            self.desk.answered(Duration::from_secs(at), &reply, fresh).unwrap();
        }
        true
    }

    /// Until nothing waits.
    fn drain(&mut self, server: &mut Server, at: u64) {
        for _ in 0..200 {
            if !self.send(server, at, true) {
                return;
            }
        }
        panic!("the queue does not drain");
    }
}

fn life(number: u128) -> Incarnation {
    Incarnation(Uuid::from_u128(number + 1))
}

fn tick(second: u64) -> Tick {
    let wall = Timestamp::from_micros(BEGAN).plus_seconds(i64::try_from(second).unwrap());
    Tick { elapsed: Duration::from_secs(second), wall }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Some seconds pass, and the agent looks.
    Look(u64),
    /// A report goes out, and its answer is heard or not.
    Send(bool),
    /// All that waits goes out.
    Drain,
    /// The agent's process is started anew.
    Restart,
    /// The server loses everything that it knew.
    Forget,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1..40_u64).prop_map(Step::Look),
        6 => any::<bool>().prop_map(Step::Send),
        4 => Just(Step::Drain),
        1 => Just(Step::Restart),
        1 => Just(Step::Forget),
    ];
    prop::collection::vec(step, 1..80)
}

fn script() -> impl Strategy<Value = Vec<Entry>> {
    let fault = prop::sample::select(Fault::ALL.to_vec());
    let one = (0..900_u64, 1..200_u64, 0..4_u16, fault);
    prop::collection::vec(one.prop_map(|(at, lasts, device, fault)| entry(at, lasts, 0, device, fault)), 0..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_the_server_believes_becomes_what_is(script in script(), steps in steps()) {
        let fleet = fleet("1x4", script);
        let mut server = Server::new();
        let mut hand = Hand::new(fleet.nodes().next().unwrap());
        let mut now = 0;
        hand.look(0, 0);
        for step in steps {
            match step {
                Step::Look(seconds) => {
                    now += seconds;
                    hand.look(now, now);
                }
                Step::Send(heard) => drop(hand.send(&mut server, now, heard)),
                Step::Drain => hand.drain(&mut server, now),
                Step::Restart => hand.restart(),
                Step::Forget => server.forget(),
            }
        }
        // The fleet stands still. What the server refused is told again after a while, what it forgot without anybody's
        // noticing within the time after which all is told anew.
        for later in [0, 400, 800, 3700, 4100, 4500] {
            hand.look(now, now + later);
            hand.drain(&mut server, now + later);
        }
        prop_assert_eq!(server.differences(&fleet, Duration::from_secs(now)), Vec::<String>::new());
        server.check_order();
    }

    #[test]
    fn a_drained_queue_has_told_everything_at_once(script in script(), looks in prop::collection::vec(1..60_u64, 1..40)) {
        let fleet = fleet("1x4", script);
        let mut server = Server::new();
        let mut hand = Hand::new(fleet.nodes().next().unwrap());
        let mut now = 0;
        hand.look(0, 0);
        for seconds in looks {
            now += seconds;
            hand.look(now, now);
            hand.drain(&mut server, now);
            prop_assert_eq!(server.differences(&fleet, Duration::from_secs(now)), Vec::<String>::new());
        }
        prop_assert!(server.refusals.is_empty(), "{:?}", server.refusals);
    }
}

#[test]
fn a_healthy_fleet_records_nothing_after_its_first_contact() {
    let fleet = fleet("2x8", vec![]);
    let mut server = Server::new();
    let mut hands: Vec<Hand> = fleet.nodes().map(Hand::new).collect();
    let mut first = 0;
    for now in (0..4 * 3600).step_by(60) {
        for hand in &mut hands {
            hand.look(now, now);
            hand.drain(&mut server, now);
        }
        first = if now == 0 { server.events } else { first };
    }
    assert_eq!(server.events, first);
    let told = server.taken.len();
    assert!((12..=20).contains(&told), "an inventory and the health of each, now and then: {told}");
}

#[test]
fn a_full_queue_tells_the_rest_later() {
    let script = (0..40).map(|nth| entry(10 + nth * 10, 5, 0, 0, Fault::Overheated)).collect();
    let fleet = fleet("1x4", script);
    let mut server = Server::new();
    let mut hand = Hand::new(fleet.nodes().next().unwrap());
    for now in 0..400 {
        hand.look(now, now);
    }
    assert_eq!(hand.desk.queue().waiting().count(), 8, "no more than its bound");
    hand.drain(&mut server, 400);
    hand.look(402, 402);
    hand.drain(&mut server, 402);
    assert_eq!(server.differences(&fleet, Duration::from_secs(402)), Vec::<String>::new());
}

#[test]
fn what_was_refused_waits_and_keeps_nothing_else_from_being_told() {
    let script = vec![entry(100, 1000, 0, 1, Fault::UncorrectedEcc), entry(100, 1000, 0, 2, Fault::Overheated)];
    let fleet = fleet("1x4", script);
    let mut server = Server::new();
    // Another node had this device, and is taken to have it still.
    let mut other = fleet.nodes().next().unwrap().look(Duration::ZERO).unwrap().devices.unwrap();
    other.truncate(1);
    let elsewhere = agents::queue::InMemory::new(life(900), 4);
    let mut thief = Desk::new(elsewhere, undamped(), HOUR);
    let host = domain::node::Facts::default();
    let _ = thief.look(
        tick(0),
        Some(agents::source::Observation {
            host,
            devices: Ok(other),
            xids: vec![],
            logged_up_to: None,
            uptime: Duration::MAX,
        }),
    );
    let thief_name: NodeName = "thief".parse().unwrap();
    while let Some(report) = thief.next().cloned() {
        let reply = server.report(&thief_name, report);
        assert_eq!(thief.answered(Duration::ZERO, &reply, life(901)).unwrap(), Progress::Forward);
    }

    let mut hand = Hand::new(fleet.nodes().next().unwrap());
    for now in (0..300).step_by(5) {
        hand.look(now, now);
        hand.drain(&mut server, now);
    }
    assert!(server.cluster.node(&hand.name).is_none(), "no device of it is taken while one is elsewhere");
    let refused: u64 = server.refusals.values().sum();
    assert!(refused < 60, "refusals come ever more slowly: {refused}");

    let gone = agents::source::Observation {
        host: domain::node::Facts::default(),
        devices: Ok(vec![]),
        xids: vec![],
        logged_up_to: None,
        uptime: Duration::MAX,
    };
    thief.look(tick(300), Some(gone)).unwrap();
    while let Some(report) = thief.next().cloned() {
        let reply = server.report(&thief_name, report);
        thief.answered(Duration::from_mins(5), &reply, life(902)).unwrap();
    }
    for now in (300..900).step_by(5) {
        hand.look(now, now);
        hand.drain(&mut server, now);
    }
    assert_eq!(server.differences(&fleet, Duration::from_secs(895)), Vec::<String>::new());
}
