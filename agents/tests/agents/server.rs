//! A server as agents meet it: the domain's rules, and the rule of which report is next. No log, no engine.
use agents::{
    health::{Begin, Policy},
    source::{
        Observation, Sighting, State,
        simulated::{Entry, Fault, Faults, Fleet, Script},
    },
};
use bus::{
    clock::{Clock, Entropy},
    wire::{Content, Reply, Report},
};
use domain::{
    Actor, Cluster, ClusterId, Command, CommandId, Context, Incarnation, Limits, NodeName, Position, Principal,
    Refusal, Rejection, Stamp, Timestamp, Via, decide,
    device::{Presence, Severity},
    evolve,
    node::Contact,
    policy::{self, Breaker, HealthPolicy},
    user::Newcomer,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

pub(crate) const BEGAN: i64 = 1_772_366_400_000_000;

pub(crate) fn fleet(size: &str, entries: Vec<Entry>) -> Fleet {
    Fleet {
        size: size.parse().unwrap(),
        seed: 42,
        began: Timestamp::from_micros(BEGAN),
        faults: Faults::Script(Arc::new(Script::new(entries))),
    }
}

pub(crate) fn entry(at: u64, lasts: u64, node: u32, device: u16, fault: Fault) -> Entry {
    Entry { at: Duration::from_secs(at), lasts: Duration::from_secs(lasts), node, device, fault }
}

/// Time as tokio has it, so that a paused clock stands still here too.
pub(crate) struct TokioClock(tokio::time::Instant);

impl TokioClock {
    pub(crate) fn start() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(BEGAN + i64::try_from(self.0.elapsed().as_micros()).unwrap())
    }
}

/// Numbers that never repeat, in the order in which they are asked for.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let at = buffer.len() - next.len();
        buffer[at..].copy_from_slice(&next);
    }
}

/// One report that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) node: NodeName,
    pub(crate) incarnation: Incarnation,
    pub(crate) sequence: u64,
    pub(crate) content: Content,
}

pub(crate) struct Server {
    pub(crate) cluster: Cluster,
    pub(crate) taken: Vec<Taken>,
    pub(crate) refusals: BTreeMap<String, u64>,
    /// How many events were recorded.
    pub(crate) events: usize,
    marks: BTreeMap<NodeName, (Incarnation, u64)>,
    commands: u128,
}

impl Server {
    pub(crate) fn new() -> Self {
        let mut server = Self {
            cluster: Cluster::default(),
            taken: vec![],
            refusals: BTreeMap::new(),
            events: 0,
            marks: BTreeMap::new(),
            commands: 0,
        };
        let found = Command::Found {
            cluster: ClusterId(Uuid::from_u128(1)),
            demonstration: true,
            operator: Newcomer::new("operator".parse().unwrap()),
        };
        server.submit(&Principal::SYSTEM, &found).unwrap();
        // What a breaker holds back is the domain's matter, not the agents'.
        let breaker = Breaker { share_percent: 100, at_least: u16::MAX, window_seconds: 300 };
        let policy = HealthPolicy { breaker, ..HealthPolicy::default() };
        server.submit(&Principal::SYSTEM, &Command::Policy(policy::Command::Set { policy })).unwrap();
        server
    }

    /// It loses everything, also what it took.
    pub(crate) fn forget(&mut self) {
        *self = Self { commands: self.commands, ..Self::new() };
    }

    pub(crate) fn submit(&mut self, asker: &Principal, command: &Command) -> Result<(), Rejection> {
        self.commands += 1;
        let command_id = CommandId::from_uuid(Uuid::from_u128(self.commands << 16));
        let now = Timestamp::from_micros(BEGAN + i64::try_from(self.commands).unwrap());
        let limits = Limits::default();
        let context = Context { now, command: command_id, asker, has_reason: true, limits: &limits };
        for event in decide(&self.cluster, command, &context)? {
            self.events += 1;
            let position = Position(self.cluster.at().position.0 + 1);
            evolve(&mut self.cluster, Stamp { position, recorded_at: now }, &event);
        }
        Ok(())
    }

    pub(crate) fn report(&mut self, node: &NodeName, report: Report) -> Reply {
        let origin = report.origin;
        let last = match self.marks.get(node) {
            Some((incarnation, last)) if *incarnation == origin.incarnation => *last,
            _ => 0,
        };
        if origin.sequence <= last {
            return Reply::Taken { up_to: origin.sequence };
        }
        if origin.sequence != last + 1 {
            return Reply::Expected { next: last + 1 };
        }
        let asker = Principal { actor: Actor::Agent(node.clone()), via: Via::Internal, address: None };
        let content = report.content.clone();
        match self.submit(&asker, &Command::Node(report.into_command(node.clone()))) {
            Ok(()) => {
                self.marks.insert(node.clone(), (origin.incarnation, origin.sequence));
                let (incarnation, sequence) = (origin.incarnation, origin.sequence);
                self.taken.push(Taken { node: node.clone(), incarnation, sequence, content });
                Reply::Taken { up_to: origin.sequence }
            }
            Err(rejection) => {
                let Refusal { code, detail, .. } = Refusal::from(&rejection);
                *self.refusals.entry(code.clone()).or_default() += 1;
                Reply::Refused { next: origin.sequence, code, detail }
            }
        }
    }

    /// That every report was taken once and in order.
    pub(crate) fn check_order(&self) {
        let mut last: BTreeMap<(&NodeName, Incarnation), u64> = BTreeMap::new();
        for taken in &self.taken {
            let last = last.entry((&taken.node, taken.incarnation)).or_default();
            assert_eq!(taken.sequence, *last + 1, "{} took another report", taken.node);
            *last = taken.sequence;
        }
    }

    /// How the whole fleet differs from what this server believes.
    pub(crate) fn differences(&self, fleet: &Fleet, at: Duration) -> Vec<String> {
        let Faults::Script(script) = &fleet.faults else { panic!("the truth is told by a script") };
        let nodes = fleet.nodes().enumerate();
        nodes
            .flat_map(|(index, mut node)| {
                let index = u32::try_from(index).unwrap();
                let wrong = |gpu| troubles(script.entries(), index, gpu, at);
                // A reset is known by counters that were seen before and after it: one that nobody sees leaves what was
                // logged standing, until an operator clears it.
                let silences = |fault| matches!(fault, Fault::FallenOff | Fault::NodeSilent | Fault::NodeRestart);
                let here = || script.entries().iter().filter(|entry| entry.node == index);
                let touches = |entry: &Entry, gpu| entry.device == gpu || silences(entry.fault);
                let followed = |gpu| here().filter(|entry| touches(entry, gpu)).count() <= 1;
                node.look(at).map(|truth| self.compare(node.name(), &truth, wrong, followed)).unwrap_or_default()
            })
            .collect()
    }

    fn compare(
        &self,
        name: &NodeName,
        truth: &Observation,
        wrong: impl Fn(u16) -> Vec<Fault>,
        followed: impl Fn(u16) -> bool,
    ) -> Vec<String> {
        let Some(node) = self.cluster.node(name) else { return vec![format!("{name} is not known")] };
        let mut differences = vec![];
        let mut hold = |holds: bool, what: String| {
            if !holds {
                differences.push(format!("{name}: {what}"));
            }
        };
        hold(node.facts == truth.host, "other facts".to_owned());
        hold(node.contact == Contact::Reporting, "lost".to_owned());
        let sightings = truth.devices.as_ref().unwrap();
        let there = self.cluster.devices().values();
        let there = there.filter(|device| device.node == *name && device.presence() == Presence::Present);
        let there: BTreeSet<_> = there.map(|device| device.id).collect();
        hold(there == sightings.iter().map(|sighting| sighting.device).collect(), "other devices".to_owned());
        for sighting in sightings {
            let gpu = u16::from(sighting.slot.bus - 0x10);
            for difference in self.compare_device(sighting, &wrong(gpu), followed(gpu)) {
                hold(false, format!("gpu {gpu}: {difference}"));
            }
        }
        differences
    }

    fn compare_device(&self, sighting: &Sighting, wrong: &[Fault], followed: bool) -> Vec<String> {
        let Some(device) = self.cluster.device(sighting.device) else { return vec!["not known".to_owned()] };
        let mut differences = vec![];
        if device.slot != sighting.slot || device.model != sighting.model {
            differences.push("another place or model".to_owned());
        }
        if device.readable == (sighting.state == State::Unreadable) {
            differences.push(format!("readable is {}", device.readable));
        }
        let mut expected: BTreeSet<&str> = wrong.iter().flat_map(|fault| conditions(*fault)).copied().collect();
        let mut has: BTreeSet<&str> = device.conditions.iter().map(|condition| condition.kind.as_str()).collect();
        if !followed {
            expected.remove("xid.fatal");
            has.remove("xid.fatal");
        }
        // What can't be read stays as it was: then only what is known for certain has to be there.
        let open = wrong.iter().any(|fault| matches!(fault, Fault::Hung | Fault::FallenOff));
        let sure = if wrong.contains(&Fault::Hung) { BTreeSet::new() } else { expected.clone() };
        let sure = if wrong.contains(&Fault::FallenOff) { BTreeSet::from(["gpu.lost"]) } else { sure };
        if (open && !sure.is_subset(&has)) || (!open && has != expected) {
            differences.push(format!("has {has:?}, and should have {expected:?}"));
        }
        let bad = device.conditions.iter().any(|condition| condition.severity >= Severity::Critical);
        if device.quarantined != bad {
            differences.push(format!("quarantined is {}", device.quarantined));
        }
        differences
    }
}

/// The built-in policy without damping: so that what is seen and what is told can be compared at once.
pub(crate) fn undamped() -> Arc<Policy> {
    let mut policy = Policy::clone(&Policy::built_in());
    (policy.hung, policy.missing, policy.missing_grace) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    policy.kinds.retain(|kind, _| kind.as_str() != "gpu.flapping");
    for line in policy.kinds.values_mut().flatten() {
        (line.damping.begin, line.damping.keep) = (Begin::After(Duration::ZERO), Duration::ZERO);
        line.grace = Duration::ZERO;
    }
    Arc::new(policy)
}

/// What a fault looks like in the end.
fn conditions(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::FallenOff => &["gpu.lost"],
        Fault::UncorrectedEcc => &["ecc.uncorrected", "xid.fatal"],
        Fault::RemapPending => &["row_remap.pending"],
        Fault::Overheated => &["thermal.hw_slowdown", "thermal.over_limit"],
        Fault::Hung | Fault::Missing | Fault::Replaced | Fault::NodeSilent | Fault::NodeRestart => &[],
    }
}

fn troubles(entries: &[Entry], node: u32, gpu: u16, at: Duration) -> Vec<Fault> {
    let here = entries.iter().filter(|entry| entry.node == node && entry.device == gpu);
    here.filter(|entry| entry.at <= at && at < entry.at + entry.lasts).map(|entry| entry.fault).collect()
}
