//! How fast the folds and the audit index are: to be run alone, in release, by hand.
//!
//! `cargo test --release -p projections speed -- --ignored --nocapture --test-threads 1`
use crate::{
    Models, State,
    audit::{Audit, Filter, Order, Query},
    snapshot::pack,
    testing::LOG,
    view::{DeviceFilter, Health, NodeFilter, Page, Sight},
};
use domain::{
    Actor, Cluster, Command, CommandId, Context, Incarnation, Limits, NodeName, Origin, Position, Principal, Recorded,
    Stamp, Subject, Timestamp, Via,
    device::{Condition, DeviceId, Finding, Remedy, Severity, Slot},
    job, node,
    stored::testing::TestVault,
    user::{self, Newcomer},
};
use std::{hint::black_box, time::Instant};
use uuid::Uuid;

/// Tells a fleet's history, one command after the other.
struct Teller {
    cluster: Cluster,
    told: Vec<Recorded>,
    commands: u64,
}

impl Teller {
    fn tell(&mut self, actor: &Actor, command: &Command) {
        self.commands += 1;
        let now = Timestamp::from_micros(1_772_366_400_000_000 + i64::try_from(self.commands).unwrap() * 997);
        let id = CommandId::from_uuid(Uuid::from_u64_pair(
            0x0190_0000_0000_7000 + (self.commands >> 32),
            self.commands << 16,
        ));
        let asker = Principal { actor: actor.clone(), via: Via::Internal, address: None };
        let limits = Limits::default();
        let context = Context { now, command: id, asker: &asker, has_reason: true, limits: &limits };
        let events = domain::decide(&self.cluster, command, &context).unwrap();
        let count = u16::try_from(events.len()).unwrap();
        for (index, event) in (0..).zip(events) {
            let position = self.cluster.at().position.next();
            domain::evolve(&mut self.cluster, Stamp { position, recorded_at: now }, &event);
            self.told.push(Recorded {
                position,
                id: id.event(index),
                recorded_at: now,
                actor: actor.clone(),
                token: None,
                origin: None,
                index,
                count,
                correlation: id.uuid(),
                particulars: None,
                subjects: event.subjects(),
                event,
            });
        }
    }

    fn fleet(nodes: u32, users: u32) -> Self {
        let mut teller = Self { cluster: Cluster::default(), told: vec![], commands: 0 };
        let operator = Newcomer::new("operator".parse().unwrap());
        teller.tell(&Actor::System, &Command::Found { cluster: LOG, demonstration: true, operator });
        for node in 0..nodes {
            let devices = (0..8u8).map(|slot| node::Seen {
                device: device(node, slot),
                slot: Slot { domain: 0, bus: slot, device: 0, function: 0 },
                model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
                memory_bytes: 80 << 30,
                instances: vec![],
            });
            let facts = node::Facts { kernel: "6.8.0-45-generic".into(), ..node::Facts::default() };
            let report = node::Command::ReportInventory {
                node: name(node),
                origin: origin(),
                facts,
                devices: Some(devices.collect()),
                settled: true,
            };
            teller.tell(&Actor::Agent(name(node)), &Command::Node(report));
        }
        for first in (0..users).step_by(1000) {
            let logins = (first..users.min(first + 1000)).map(|n| format!("user-{n}@example.org").parse().unwrap());
            let newcomers = logins.map(Newcomer::new).collect();
            let group = Some("default".parse().unwrap());
            let role = domain::Role::DataScientist;
            teller.tell(&Actor::System, &Command::User(user::Command::Onboard { newcomers, group, role }));
        }
        teller
    }

    /// Jobs that come and go, faults that come and go.
    fn live(&mut self, events: usize, nodes: u32, users: u32) {
        let mut jobs = std::collections::VecDeque::new();
        let mut n = 0u32;
        while self.told.len() < events {
            n += 1;
            let user = format!("user-{}@example.org", n.wrapping_mul(2_654_435_761) % users).parse().unwrap();
            let start = job::Command::Start { name: "train".parse().unwrap(), user, devices: 1 + n % 4, model: None };
            self.tell(&Actor::System, &Command::Job(start));
            jobs.extend(self.cluster.jobs().keys().next_back().copied());
            if jobs.len() > 500 {
                let job = jobs.pop_front().unwrap();
                self.tell(&Actor::System, &Command::Job(job::Command::Finish { job, force: false }));
            }
            let node = n.wrapping_mul(40_503) % nodes;
            let kind = "xid.app".parse().unwrap();
            let time = Timestamp::from_micros(1);
            let condition = Condition {
                kind,
                severity: Severity::Warning,
                remedy: Remedy::CheckApp,
                reason: format!("XID 13, {n}").into(),
                xid: Some(13),
                first_seen: time,
                last_seen: time,
            };
            let finding = Finding {
                device: device(node, (n % 8) as u8),
                readable: true,
                raised: vec![condition],
                cleared: vec![],
            };
            let report = node::Command::ReportHealth {
                node: name(node),
                origin: origin(),
                findings: vec![finding],
                settled: true,
            };
            self.tell(&Actor::Agent(name(node)), &Command::Node(report));
        }
    }
}

fn name(node: u32) -> NodeName {
    format!("gpu-node-{node:05}.cluster.example").parse().unwrap()
}

fn device(node: u32, slot: u8) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(
        (u128::from(node) << 8 | u128::from(slot)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
    ))
}

fn origin() -> Origin {
    Origin { incarnation: Incarnation(Uuid::nil()), sequence: 1, observed_at: Timestamp::from_micros(1) }
}

#[test]
#[ignore = "measures"]
fn speed_of_the_folds() {
    let (nodes, users) = (1250, 2000);
    let mut teller = Teller::fleet(nodes, users);
    let first = teller.told.len();
    teller.live(1_000_000, nodes, users);
    let events = teller.told;
    println!("{} events, {first} of them the fleet's beginning", events.len());
    let took = |what: &str, start: Instant| {
        let seconds = start.elapsed().as_secs_f64();
        println!("{what}: {:.2} M events/s", events.len() as f64 / seconds / 1e6);
    };
    let mut cluster = Cluster::default();
    let mut kinds = std::collections::BTreeMap::<&str, (u32, f64)>::new();
    for recorded in &events {
        let at = Stamp { position: recorded.position, recorded_at: recorded.recorded_at };
        let start = Instant::now();
        domain::evolve(&mut cluster, at, &recorded.event);
        let (count, seconds) = kinds.entry(recorded.event.name()).or_default();
        *count += 1;
        *seconds += start.elapsed().as_secs_f64();
    }
    for (name, (count, seconds)) in kinds {
        println!("evolve {name}: {count} × {:.0} ns", seconds * 1e9 / f64::from(count));
    }
    for _ in 0..3 {
        let start = Instant::now();
        let mut cluster = Cluster::default();
        for recorded in &events {
            domain::evolve(
                &mut cluster,
                Stamp { position: recorded.position, recorded_at: recorded.recorded_at },
                &recorded.event,
            );
        }
        took("evolve alone", start);
        let start = Instant::now();
        let mut state = State::default();
        for recorded in &events {
            assert!(state.apply(recorded).is_ok());
        }
        took("state", start);
        let start = Instant::now();
        let mut audit = Audit::default();
        for recorded in &events {
            audit.apply(recorded).unwrap();
            if recorded.position.0 % 65_536 == 0 {
                audit.settle();
            }
        }
        took("audit, sealing included", start);
        let start = Instant::now();
        let mut models = Models::default();
        for recorded in &events {
            models.apply(recorded).unwrap();
            if recorded.position.0 % 65_536 == 0 {
                models.audit_mut().settle();
            }
        }
        took("all models", start);
        println!("audit: {:.1} bytes an event", models.audit().bytes() as f64 / events.len() as f64);
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_audit_queries() {
    let (nodes, users) = (1250, 2000);
    let mut teller = Teller::fleet(nodes, users);
    teller.live(300_000, nodes, users);
    let base = teller.told;
    let count = 10_000_000u64;
    let mut audit = Audit::default();
    let rare = Subject::Pool("rare".parse().unwrap());
    let mut indexing = 0.0;
    for at in 0..count {
        let mut event = base[(at % base.len() as u64) as usize].clone();
        event.position = Position(at + 1);
        event.recorded_at = Timestamp::from_micros(1_772_366_400_000_000 + i64::try_from(at).unwrap() * 1000);
        if at == 3_000_000 {
            event.subjects.push(rare.clone());
        }
        let start = Instant::now();
        audit.apply(&event).unwrap();
        if (at + 1) % 65_536 == 0 {
            audit.settle();
        }
        indexing += start.elapsed().as_secs_f64();
    }
    println!(
        "{count} events indexed at {:.2} M/s, {:.1} bytes each",
        count as f64 / indexing / 1e6,
        audit.bytes() as f64 / count as f64
    );
    let user = base
        .iter()
        .rev()
        .find_map(|event| event.subjects.iter().find(|subject| matches!(subject, Subject::User(_))))
        .unwrap();
    let agent = base.iter().rev().map(|event| &event.actor).find(|actor| matches!(actor, Actor::Agent(_))).unwrap();
    let subject = |subject: &Subject| Filter { subjects: Some(vec![subject.clone()]), ..Filter::default() };
    let kind = |filter: Filter, name: &str| Filter { types: Some(vec![name.to_owned()]), ..filter };
    let actor = |filter: Filter, actor: &Actor| Filter { actors: Some(vec![actor.clone()]), ..filter };
    let cases = [
        ("everything", Filter::default()),
        ("a frequent type", kind(Filter::default(), "DeviceHealthChanged")),
        ("a rare subject", subject(&rare)),
        ("a subject that is not there", subject(&Subject::Pool("nowhere".parse().unwrap()))),
        ("a user", subject(user)),
        ("a user and a type", kind(subject(user), "JobFinished")),
        ("an actor and a type", kind(actor(Filter::default(), agent), "DeviceHealthChanged")),
        ("an actor and a type that never meet", kind(actor(Filter::default(), &Actor::System), "DeviceHealthChanged")),
        ("two that never meet, one frequent", kind(subject(user), "DeviceHealthChanged")),
        ("all three", kind(actor(subject(user), &Actor::System), "JobStarted")),
    ];
    for (what, filter) in cases {
        for order in [Order::NewestFirst, Order::OldestFirst] {
            let query = Query { filter: filter.clone(), order, after: None, limit: 100 };
            let mut times: Vec<f64> = (0..200)
                .map(|_| {
                    let start = Instant::now();
                    black_box(audit.search(&query).unwrap().take(101).count());
                    start.elapsed().as_secs_f64() * 1e6
                })
                .collect();
            times.sort_by(f64::total_cmp);
            let found = audit.search(&query).unwrap().take(101).count();
            println!("{what}, {order:?}: {found} found, p50 {:.0} µs, p99 {:.0} µs", times[100], times[197]);
        }
    }
}

#[test]
#[ignore = "measures"]
fn speed_of_a_large_fleet() {
    let (nodes, users) = (12_500, 50_000);
    let mut teller = Teller::fleet(nodes, users);
    let events = teller.told.len() + 50_000;
    teller.live(events, nodes, users);
    let mut state = State::default();
    let start = Instant::now();
    for recorded in &teller.told {
        assert!(state.apply(recorded).is_ok());
    }
    println!("{} events folded in {:?}", teller.told.len(), start.elapsed());
    let vault = TestVault::new();
    let start = Instant::now();
    let bytes = pack(&state, &vault).unwrap();
    println!(
        "snapshot of {} devices and {} users: {} bytes in {:?}",
        state.cluster().devices().len(),
        state.cluster().users().len(),
        bytes.len(),
        start.elapsed()
    );
    let start = Instant::now();
    black_box(crate::snapshot::unpack(&bytes, &vault).unwrap());
    println!("read in {:?}", start.elapsed());
    let look = state.look(Sight::All, state.stamp().recorded_at);
    for _ in 0..3 {
        let start = Instant::now();
        black_box(look.overview());
        println!("overview in {:?}", start.elapsed());
        let start = Instant::now();
        let filter = DeviceFilter { health: Some(Health::Fatal), ..DeviceFilter::default() };
        black_box(look.devices(&filter, &Page::default()).unwrap());
        println!("devices by a health that none has in {:?}", start.elapsed());
        let start = Instant::now();
        black_box(look.devices(&DeviceFilter::default(), &Page::try_new(None, 1000).unwrap()).unwrap());
        println!("a page of 1000 devices in {:?}", start.elapsed());
        let start = Instant::now();
        black_box(look.nodes(&NodeFilter::default(), &Page::try_new(None, 1000).unwrap()).unwrap());
        println!("a page of 1000 nodes in {:?}", start.elapsed());
        let start = Instant::now();
        black_box(state.clone());
        println!("a copy in {:?}", start.elapsed());
    }
}
