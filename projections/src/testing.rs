//! Histories, a log and a store for tests: made through `decide`, written and read through the stored form.
mod sign_in;

use crate::{Events, Ports, Root, SourceError, Store, state::State};
use domain::{
    Actor, Cluster, ClusterId, Command, CommandId, Context, Event, GroupName, Incarnation, LicenseId, Limits, Login,
    NodeName, Origin, PoolName, Position, Principal, Recorded, Role, Stamp, Timestamp, UserId, Via, access,
    device::{self, Condition, ConditionKind, DeviceId, Finding, Instance, Remedy, Severity, Slot},
    group, job,
    license::{self, License},
    node,
    policy::{self, HealthPolicy, KindRule},
    pool,
    stored::{self, testing::TestVault},
    token::{self, Scope, TokenHash},
    user::{self, Entry, Newcomer, PasswordHash},
};
use parking_lot::Mutex;
use proptest::prelude::*;
use std::{collections::BTreeMap, io, sync::Arc};
use tokio::sync::watch;
use uuid::Uuid;

/// How many events there are up to a position.
pub(crate) fn count(position: Position) -> usize {
    usize::try_from(position.0).unwrap()
}

pub(crate) const LOG: ClusterId = ClusterId(Uuid::from_u128(0xC1));

/// When histories begin.
const BEGAN: i64 = 1_772_366_400_000_000;

/// How many kinds of steps there are.
const KINDS: u8 = 23;

/// What one random step is made of: its kind, and what it is about.
pub(crate) type Step = (u8, u16, u16, u16);

pub(crate) fn steps(max: usize) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..KINDS, any::<u16>(), any::<u16>(), any::<u16>()), 0..max)
}

/// A history of so many steps, always the same for a seed.
pub(crate) fn history(seed: u64, count: usize) -> Vec<Recorded> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        u16::try_from(state >> 24 & 0xffff).unwrap()
    };
    let steps: Vec<Step> =
        (0..count).map(|_| (u8::try_from(draw() % u16::from(KINDS)).unwrap(), draw(), draw(), draw())).collect();
    told(&steps)
}

/// What becomes of these steps, genesis first.
pub(crate) fn told(steps: &[Step]) -> Vec<Recorded> {
    let mut teller = Teller::default();
    let newcomer = Newcomer::new("operator".parse().unwrap());
    teller.tell(&Actor::System, &Command::Found { cluster: LOG, demonstration: true, operator: newcomer }, 1);
    for step in steps {
        let (actor, command) = teller.command(*step);
        teller.tell(&actor, &command, i64::from(step.1 % 5) * 1_000 + i64::from(step.2 % 3));
    }
    teller.told
}

#[derive(Default)]
struct Teller {
    cluster: Cluster,
    told: Vec<Recorded>,
    commands: u64,
    deleted: Vec<UserId>,
}

fn pick<T: Clone>(items: impl IntoIterator<Item = T>, at: u16) -> Option<T> {
    let items: Vec<T> = items.into_iter().collect();
    (!items.is_empty()).then(|| items[usize::from(at) % items.len()].clone())
}

fn pool_name(at: u16) -> PoolName {
    if at.is_multiple_of(9) { PoolName::default_pool() } else { format!("pool-{}", at % 4).parse().unwrap() }
}

fn group_name(at: u16) -> GroupName {
    if at.is_multiple_of(9) { GroupName::default_group() } else { format!("group-{}", at % 4).parse().unwrap() }
}

fn login(at: u16) -> Login {
    format!("user-{}", at % 8).parse().unwrap()
}

fn node_name(at: u16) -> NodeName {
    format!("node-{}", at % 4).parse().unwrap()
}

fn kind(at: u16) -> ConditionKind {
    ["gpu.lost", "ecc.uncorrected", "xid.app"][usize::from(at) % 3].parse().unwrap()
}

const SEVERITIES: [Severity; 4] = [Severity::Info, Severity::Warning, Severity::Critical, Severity::Fatal];

impl Teller {
    fn tell(&mut self, actor: &Actor, command: &Command, pause: i64) {
        self.commands += 1;
        let now = self.cluster.at().recorded_at;
        let now = if now == Timestamp::default() { Timestamp::from_micros(BEGAN) } else { now };
        let now = Timestamp::from_micros(now.micros() + 1 + pause);
        let id = CommandId::from_uuid(Uuid::from_u64_pair(
            0x0190_0000_0000_7000 + (self.commands >> 32),
            self.commands << 16,
        ));
        let asker =
            Principal { actor: actor.clone(), via: Via::Session { since: self.cluster.at().position }, address: None };
        let limits = Limits::default();
        let context = Context { now, command: id, asker: &asker, has_reason: true, limits: &limits };
        let Ok(events) = domain::decide(&self.cluster, command, &context) else { return };
        let count = u16::try_from(events.len()).unwrap();
        for (index, event) in (0..).zip(events) {
            if let Event::User(user::Event::Deleted { user }) = event {
                self.deleted.push(user);
            }
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

    fn login(&self, at: u16) -> Login {
        pick(self.cluster.logins().keys().cloned(), at).unwrap_or_else(|| login(at))
    }

    /// Somebody whose jobs have a pool to run in, if there is somebody.
    fn placed(&self, at: u16) -> Login {
        let has_pool = |name: &GroupName| self.cluster.group(name).is_some_and(|group| group.pool.is_some());
        let placed = self.cluster.users().values().filter(|user| user.group.as_ref().is_some_and(has_pool));
        pick(placed.map(|user| user.login.clone()), at).unwrap_or_else(|| self.login(at))
    }

    /// A secret's hash that no token has: in earnest, none ever has another's.
    fn fresh_hash(&self) -> TokenHash {
        let mut hash = [0; 32];
        hash[..8].copy_from_slice(&self.cluster.at().position.0.to_le_bytes());
        TokenHash(hash)
    }

    fn device(&self, at: u16) -> DeviceId {
        pick(self.cluster.devices().keys().copied(), at).unwrap_or(DeviceId::from_uuid(Uuid::nil()))
    }

    fn command(&self, (kind, a, b, c): Step) -> (Actor, Command) {
        let somebody = pick(self.cluster.users().keys().copied(), c).map_or(Actor::System, Actor::User);
        let agent = Actor::Agent(node_name(a));
        let command = match kind {
            0 | 1 => return (agent, inventory(a, b, c)),
            2 | 3 => return (agent, self.health(a, b, c)),
            4 => return (Actor::System, Command::Node(node::Command::Lose { node: node_name(a) })),
            5 => Command::Node(node::Command::Change {
                node: node_name(a),
                cordoned: Some(b.is_multiple_of(2)),
                expected_devices: c.is_multiple_of(3).then_some(Some(b % 9)),
                retired: c.is_multiple_of(7).then_some(b.is_multiple_of(3)),
            }),
            6 => {
                let model = format!("GPU model {}", b % 2).parse().unwrap();
                let devices = pool::Wanted::Picked { model, count: u32::from(c % 3) + 1 };
                Command::Pool(pool::Command::Create { name: pool_name(a), devices })
            }
            7 => {
                let (add, remove) = (vec![self.device(b)], vec![self.device(c)]);
                Command::Pool(pool::Command::ChangeDevices { name: pool_name(a), add, remove })
            }
            8 => Command::Pool(pool::Command::Delete { name: pool_name(a) }),
            9 => Command::Group(group::Command::Create {
                name: group_name(a),
                users: vec![],
                pool: b.is_multiple_of(2).then(|| pool_name(c)),
            }),
            10 => Command::Group(group::Command::Edit {
                name: group_name(a),
                add_users: vec![self.login(b)],
                remove_users: if c.is_multiple_of(3) { vec![self.login(c)] } else { vec![] },
                pool: c.is_multiple_of(2).then(|| b.is_multiple_of(4).then(|| pool_name(c))),
            }),
            11 => Command::Group(group::Command::Delete { name: group_name(a) }),
            12 => Command::User(user::Command::Onboard {
                newcomers: [a, b]
                    .map(|at| Newcomer {
                        entry: at.is_multiple_of(2).then(|| Entry::Password(PasswordHash::new("$x"))),
                        ..Newcomer::new(login(at))
                    })
                    .into(),
                group: c.is_multiple_of(2).then(|| group_name(c)),
                role: Role::ALL[usize::from(c) % 3],
            }),
            13 => Command::User(user::Command::Change {
                login: self.login(a),
                role: b.is_multiple_of(3).then(|| Role::ALL[usize::from(c) % 3]),
                group: b.is_multiple_of(2).then(|| c.is_multiple_of(2).then(|| group_name(c))),
                suspended: b.is_multiple_of(5).then(|| c.is_multiple_of(2)),
            }),
            14 if a.is_multiple_of(3) && !self.deleted.is_empty() => {
                Command::User(user::Command::Erase { user: pick(self.deleted.iter().copied(), b).unwrap() })
            }
            14 => Command::User(user::Command::Delete { logins: vec![self.login(a)] }),
            15 => Command::Job(job::Command::Start {
                name: format!("job-{a}").parse().unwrap(),
                user: self.placed(b),
                devices: u32::from(c % 2) + 1,
                model: None,
            }),
            16 => {
                let job = pick(self.cluster.jobs().keys().copied(), a).unwrap_or(domain::JobId(Uuid::nil()));
                Command::Job(job::Command::Finish { job, force: b.is_multiple_of(2) })
            }
            17 if b.is_multiple_of(2) => {
                Command::Job(job::Command::ObserveEnd { source: format!("process/node-0/{}", a % 3).into() })
            }
            17 => Command::Job(job::Command::Observe {
                name: "seen".parse().unwrap(),
                source: format!("process/node-0/{}", a % 3).into(),
                user: pick(self.cluster.users().keys().copied(), b),
                devices: vec![self.device(c)],
            }),
            18 if a.is_multiple_of(3) => {
                let token = pick(self.cluster.tokens().keys().copied(), b).unwrap_or(domain::TokenId(Uuid::nil()));
                Command::Token(token::Command::Revoke { token })
            }
            18 if a.is_multiple_of(5) => Command::Access(match b % 4 {
                0 => access::Command::SignIn,
                1 => access::Command::Deny { operation: "GET /v1/audit".into(), code: "auth.forbidden".into() },
                2 => access::Command::FailSignIn { user: None, code: "auth.failed".into() },
                _ => access::Command::ReadAudit,
            }),
            18 => Command::Token(token::Command::Issue {
                name: format!("token-{}", a % 5).parse().unwrap(),
                scope: Scope::Read,
                days: u32::from(b % 3) + 1,
                hash: self.fresh_hash(),
            }),
            19 => upkeep(a, b, c),
            20 => self.judgement(a, b, c),
            21 => return self.sign_in(a, b, c),
            _ if a.is_multiple_of(4) => {
                Command::Device(device::Command::Retire { device: self.device(b), retired: c.is_multiple_of(2) })
            }
            _ => Command::Device(device::Command::Cordon { device: self.device(b), cordoned: c.is_multiple_of(2) }),
        };
        (somebody, command)
    }

    /// An operator's own mind about what a device suffers from.
    fn judgement(&self, a: u16, b: u16, c: u16) -> Command {
        let suffering = self.cluster.devices().values().filter(|device| !device.conditions.is_empty());
        let device = pick(suffering.map(|device| device.id), a).unwrap_or(self.device(a));
        let until = Timestamp::from_micros(self.cluster.at().recorded_at.micros() + 1 + i64::from(c % 32) * 1_000);
        Command::Device(match c % 3 {
            0 => device::Command::Clear { device, condition: kind(b) },
            1 => device::Command::EndOverrides { device, condition: b.is_multiple_of(2).then(|| kind(b)) },
            _ => device::Command::Override { device, condition: kind(b), until },
        })
    }

    fn health(&self, a: u16, b: u16, c: u16) -> Command {
        let on_node = self.cluster.devices().values().filter(|device| device.node == node_name(a));
        let device = pick(on_node.map(|device| device.id), b).unwrap_or(self.device(b));
        let kind = kind(b);
        let seen = Timestamp::from_micros(i64::from(c));
        let (raised, cleared) = if c.is_multiple_of(3) {
            (vec![], vec![kind])
        } else {
            let severity = SEVERITIES[usize::from(c) % 4];
            let reason = format!("seen {}", c % 7).into();
            let raised = Condition {
                kind,
                severity,
                remedy: Remedy::ResetGpu,
                reason,
                xid: Some(79),
                first_seen: seen,
                last_seen: seen,
            };
            (vec![raised], vec![])
        };
        let findings = vec![Finding { device, readable: !c.is_multiple_of(11), raised, cleared }];
        Command::Node(node::Command::ReportHealth { node: node_name(a), origin: origin(), findings, settled: true })
    }
}

/// What the server finds by itself, and what operators make of it.
fn upkeep(a: u16, b: u16, c: u16) -> Command {
    let policy = |command| Command::Policy(command);
    match c % 5 {
        0 if b.is_multiple_of(7) => {
            let at = Timestamp::from_micros(BEGAN + i64::from(a));
            Command::GiveUpKeys { at, users: c.into() }
        }
        0 => policy(policy::Command::Upkeep),
        1 => policy(policy::Command::ResetBreaker { pool: b.is_multiple_of(2).then(|| pool_name(a)) }),
        2 => policy(policy::Command::Set {
            policy: HealthPolicy {
                conditions: vec![KindRule {
                    kind: kind(b),
                    severity: Some(SEVERITIES[usize::from(a) % 4]),
                    remedy: None,
                    dry_run: !a.is_multiple_of(5),
                }],
                ..HealthPolicy::default()
            },
        }),
        3 => Command::License(license::Command::Install { license: license(b) }),
        _ => Command::Node(node::Command::RecordRefusal {
            node: node_name(a),
            code: "report.malformed".into(),
            detail: "it can't be read".into(),
        }),
    }
}

fn license(n: u16) -> License {
    let at = |second: i64| Timestamp::from_micros(BEGAN + second * 1_000_000);
    License {
        id: LicenseId(Uuid::from_u128(n.into())),
        licensee: "Example Institute".parse().expect("it is one"),
        issued_at: at(i64::from(n) - 100_000),
        starts_at: at(-100_000),
        ends_at: at(1_000_000_000),
        grace_days: 7,
        seats: Some(n.into()),
        devices: None,
    }
}

fn origin() -> Origin {
    Origin { incarnation: Incarnation(Uuid::nil()), sequence: 1, observed_at: Timestamp::from_micros(1) }
}

fn instance() -> Instance {
    let (uuid, profile) = ("MIG-0".into(), "7g.80gb".into());
    Instance { uuid, gpu_instance: 0, compute_instance: 0, profile, memory_bytes: 80 << 30 }
}

fn inventory(a: u16, b: u16, c: u16) -> Command {
    let seen = (0..4u8).filter(|slot| b & (1 << slot) == 0).map(|slot| {
        let replaced = c.is_multiple_of(5) && slot == 3;
        let swapped = if c % 7 == 6 && slot < 2 { 1 - slot } else { slot };
        let id = 0x1000 + u128::from(a % 4) * 16 + u128::from(swapped) * 2 + u128::from(replaced);
        node::Seen {
            device: DeviceId::from_uuid(Uuid::from_u128(id)),
            slot: Slot { domain: 0, bus: slot + 1, device: 0, function: 0 },
            model: format!("GPU model {}", a % 2).parse().unwrap(),
            memory_bytes: 80 << 30,
            instances: if c % 9 == 8 && slot == 0 { vec![instance()] } else { vec![] },
        }
    });
    let facts = node::Facts { boot_id: format!("boot-{}", c % 3).into(), cpus: 64, ..node::Facts::default() };
    Command::Node(node::Command::ReportInventory {
        node: node_name(a),
        origin: origin(),
        facts,
        devices: (c % 37 != 10).then(|| seen.collect()),
        settled: true,
    })
}

/// A fresh fold of the first events.
pub(crate) fn folded(events: &[Recorded]) -> State {
    let mut state = State::default();
    for recorded in events {
        assert!(state.apply(recorded).is_ok());
    }
    state
}

/// A log in memory, in the stored form.
pub(crate) struct Log {
    pub(crate) vault: Arc<TestVault>,
    bytes: Mutex<Vec<Vec<u8>>>,
    watermark: watch::Sender<Position>,
    pub(crate) trouble: Mutex<Option<String>>,
    pub(crate) reads: Mutex<Vec<(u64, u64)>>,
}

impl Log {
    pub(crate) fn new(events: &[Recorded]) -> Arc<Self> {
        let log = Self {
            vault: Arc::new(TestVault::new()),
            bytes: Mutex::default(),
            watermark: watch::Sender::new(Position::START),
            trouble: Mutex::default(),
            reads: Mutex::default(),
        };
        log.append(events);
        Arc::new(log)
    }

    pub(crate) fn append(&self, events: &[Recorded]) {
        let mut bytes = self.bytes.lock();
        bytes.extend(events.iter().map(|recorded| stored::encode(recorded, &*self.vault).unwrap()));
        self.watermark.send_replace(Position(bytes.len() as u64));
    }

    pub(crate) fn watermark(&self) -> watch::Receiver<Position> {
        self.watermark.subscribe()
    }

    /// All events, as they read now.
    pub(crate) fn all(&self) -> Vec<Recorded> {
        self.bytes.lock().iter().map(|bytes| stored::decode(bytes, &*self.vault).unwrap()).collect()
    }

    /// Puts another event's bytes at a place.
    pub(crate) fn rewrite(&self, at: usize, recorded: &Recorded) {
        self.bytes.lock()[at] = stored::encode(recorded, &*self.vault).unwrap();
    }
}

impl Events for Log {
    fn log(&self) -> ClusterId {
        LOG
    }

    fn read(&self, after: Position, up_to: Position, max: usize) -> Result<Vec<Recorded>, SourceError> {
        if let Some(trouble) = self.trouble.lock().clone() {
            return Err(SourceError::new(trouble));
        }
        self.reads.lock().push((after.0, up_to.0));
        let bytes = self.bytes.lock();
        let part = bytes.iter().take(count(up_to)).skip(count(after)).take(max);
        part.map(|bytes| stored::decode(bytes, &*self.vault).map_err(SourceError::new)).collect()
    }

    fn root(&self, at: Position) -> Result<Root, SourceError> {
        let bytes = self.bytes.lock();
        let part = bytes.get(..count(at)).ok_or_else(|| SourceError::new("the log is shorter"))?;
        let sum = part.iter().fold(0u32, |sum, bytes| crc32c::crc32c_append(sum, bytes));
        let mut root = [0; 32];
        root[..4].copy_from_slice(&sum.to_be_bytes());
        Ok(root)
    }
}

/// A store in memory.
#[derive(Default)]
pub(crate) struct Shelf(pub(crate) Mutex<BTreeMap<String, Vec<u8>>>);

impl Store for Shelf {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().keys().cloned().collect())
    }

    fn load(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.lock().get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().remove(name);
        Ok(())
    }
}

pub(crate) fn ports(log: &Arc<Log>, shelf: &Arc<Shelf>) -> Ports {
    Ports { events: log.clone(), store: shelf.clone(), vault: log.vault.clone() }
}

/// The histories hold every event that there is, so that what is tested on them is tested on all.
#[test]
fn histories_hold_every_event() {
    let mut names: Vec<&str> = history(7, 3000).iter().map(|recorded| recorded.event.name()).collect();
    names.sort_unstable();
    names.dedup();
    let mut all: Vec<&str> = stored::TYPES.iter().map(|stored| stored.name).collect();
    all.sort_unstable();
    all.dedup();
    // A job on more than 256 devices is more than this small fleet has; two are the engine's to tell.
    let elsewhere = ["JobDevicesAdded", "JobDevicesReleased", "CommandRejected", "AttemptsOmitted"];
    all.retain(|name| !elsewhere.contains(name));
    assert_eq!(names, all);
}
