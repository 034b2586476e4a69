//! One event of every type and version, under envelopes that together use every part of an envelope.
use domain::{
    Actor, ClusterEvent, ClusterId, CommandId, Event, EventId, Incarnation, JobId, LicenseId, Model, Origin, PoolName,
    Position, Recorded, Role, Subject, Timestamp, TokenId, UserId, access,
    backend::{self, BackendKind, GitHub, Identity, Oidc, Provider, Realm, Secret},
    device::{self, Condition, DeviceId, Instance, Remedy, Severity, Slot},
    group,
    job::{self, Breach},
    license::{self, License},
    node::{self, Facts},
    policy::{self, Breaker, HealthPolicy, KindRule, XidRule},
    pool,
    stored::{Particulars, TYPES, testing::TestVault},
    token::{self, Scope, TokenHash},
    user::{self, PasswordHash},
};
use std::{collections::BTreeSet, fmt::Debug, str::FromStr};
use uuid::Uuid;

/// An event, and the type and version that its golden line is of.
pub(crate) struct Sample {
    pub number: u16,
    pub version: u8,
    pub recorded: Recorded,
}

impl Sample {
    /// Whether no later version is written instead.
    pub(crate) fn is_newest(&self) -> bool {
        !TYPES.iter().any(|stored| stored.number == self.number && stored.version > self.version)
    }
}

fn word<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("a sample's word is well formed")
}

const fn uuid(last: u8) -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 | (last as u128) << 16)
}

const fn device(last: u8) -> DeviceId {
    DeviceId::from_uuid(uuid(last))
}

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_772_366_400 + seconds) * 1_000_000 + 123_456)
}

const USER: UserId = UserId(uuid(1));
const JOB: JobId = JobId(uuid(2));
const TOKEN: TokenId = TokenId(uuid(3));
const SLOT: Slot = Slot { domain: 0, bus: 0xb3, device: 0x1f, function: 7 };

/// In the order of type and version; a new version stands behind the old one and the old one stays.
pub(crate) fn samples() -> Vec<Sample> {
    let events = [
        clusters(),
        attempts(),
        pools(),
        devices(),
        groups(),
        users(),
        nodes(),
        jobs(),
        tokens(),
        policies(),
        licenses(),
        backends(),
    ]
    .concat();
    let samples = events.into_iter().map(|(number, version, event)| {
        // Not its place in the list: a sample that joins changes no other.
        let position = u64::from(number) + 1_000 * (u64::from(version) - 1);
        Sample { number, version, recorded: record(position, event) }
    });
    samples.collect()
}

/// Under an envelope whose parts depend on the position: every part is there under some, and not under others.
fn record(position: u64, event: Event) -> Recorded {
    let command =
        CommandId::from_uuid(Uuid::from_u128(0x0199_1111_2222_7333_8444_5555_6666_0000 + (u128::from(position) << 16)));
    let index = if position.is_multiple_of(2) { 0 } else { 3 };
    let count = if position.is_multiple_of(2) { 1 } else { 300 };
    let id: EventId = command.event(index);
    let actor = match position % 3 {
        0 => Actor::System,
        1 => Actor::User(USER),
        _ => Actor::Agent(word("gpu-01.rack3.example")),
    };
    let particulars = match position % 4 {
        0 => Particulars::default(),
        1 => Particulars { address: Some(word("192.0.2.7")), reason: None },
        2 => Particulars { address: Some(word("2001:db8::7")), reason: Some(word("maintenance\nof rack 3")) },
        _ => Particulars { address: None, reason: Some(word("a test")) },
    };
    let owner = Particulars::owner(&actor, &event);
    let sealed = particulars.seal(&TestVault::new(), owner, id, &BTreeSet::new()).expect("the test vault seals");
    Recorded {
        position: Position(position * position * position),
        id,
        recorded_at: at(i64::try_from(position).expect("a small number")),
        token: position.is_multiple_of(5).then_some(TOKEN),
        origin: matches!(actor, Actor::Agent(_)).then_some(Origin {
            incarnation: Incarnation(uuid(9)),
            sequence: position * 1000,
            observed_at: if position.is_multiple_of(2) { at(0) } else { at(1_000_000) },
        }),
        actor,
        index,
        count,
        correlation: if position.is_multiple_of(7) { uuid(77) } else { command.uuid() },
        particulars: sealed,
        subjects: event.subjects(),
        event,
    }
}

fn clusters() -> Vec<(u16, u8, Event)> {
    let founded = ClusterEvent::Founded { cluster: ClusterId(uuid(8)), demonstration: true };
    let lost = ClusterEvent::KeysLost { at: at(86_400), users: 300 };
    vec![(1, 1, Event::Cluster(founded)), (10, 1, Event::Cluster(lost))]
}

fn attempts() -> Vec<(u16, u8, Event)> {
    use access::Event::{AuditRead, Denied, Omitted, Rejected, SignInFailed, SignedIn};
    let rejected = Rejected {
        user: USER,
        command: "pool.delete".into(),
        code: "pool.busy".into(),
        detail: "devices of the pool are under a job".into(),
        about: vec![Subject::Pool(word("vision")), Subject::User(USER), Subject::HealthPolicy],
    };
    let events = [
        (2, 1, rejected),
        (3, 1, Denied { user: USER, operation: "POST /v1/pools".into(), code: "auth.forbidden".into() }),
        (4, 1, SignedIn { user: USER, break_glass: true }),
        (5, 1, SignInFailed { user: Some(USER), code: "auth.failed".into() }),
        (6, 1, AuditRead { user: USER }),
        (
            7,
            1,
            Omitted { sign_ins: 3, refusals: 300, since: at(0), until: at(600), users: vec![USER, UserId(uuid(4))] },
        ),
    ];
    events.map(|(number, version, event)| (number, version, Event::Access(event))).to_vec()
}

fn pools() -> Vec<(u16, u8, Event)> {
    use pool::Event::{BreakerReset, BreakerTripped, Created, Deleted};
    let events = [
        (20, 1, Created { name: word("vision"), model: Some(word("NVIDIA H100 80GB HBM3")) }),
        (21, 1, Deleted { name: word("vision") }),
        (22, 1, BreakerTripped { pool: word("vision"), quarantined: 300 }),
        (23, 1, BreakerReset { pool: word("vision") }),
    ];
    events.map(|(number, version, event)| (number, version, Event::Pool(event))).to_vec()
}

fn devices() -> Vec<(u16, u8, Event)> {
    use device::Event as E;
    let node = || word("gpu-01");
    let model = || word::<Model>("NVIDIA A100-SXM4-40GB");
    let condition = |kind, severity, remedy, xid| Condition {
        kind: word(kind),
        severity,
        remedy,
        reason: "it fell off the bus".into(),
        xid,
        first_seen: at(-60),
        last_seen: at(-1),
    };
    let raised = vec![
        condition("gpu.lost", Severity::Fatal, Remedy::RebootNode, Some(79)),
        condition("thermal.slowdown", Severity::Warning, Remedy::None, None),
    ];
    let memory_bytes = 42_949_672_960;
    let instance = Instance {
        uuid: "MIG-41b35146-708d-5f7a-a1ad-1ae8d3b8d0ea".into(),
        gpu_instance: 300,
        compute_instance: 1,
        profile: "1g.10gb".into(),
        memory_bytes: 10_200_547_328,
    };
    let events = [
        (
            40,
            1,
            E::Discovered {
                device: device(20),
                node: node(),
                slot: SLOT,
                model: model(),
                memory_bytes,
                cordoned: true,
            },
        ),
        (41, 1, E::Missing { device: device(20), node: node() }),
        (42, 1, E::Returned { device: device(20), node: node() }),
        (
            43,
            1,
            E::Replaced {
                device: device(20),
                replacement: device(21),
                node: node(),
                slot: SLOT,
                model: model(),
                memory_bytes,
                from: word("vision"),
                pool: PoolName::default_pool(),
                cordoned: false,
            },
        ),
        (
            44,
            1,
            E::Moved {
                device: device(20),
                from: word("gpu-02"),
                node: node(),
                slot: Slot { domain: 1, bus: 2, device: 3, function: 4 },
            },
        ),
        (45, 1, E::Assigned { device: device(20), from: PoolName::default_pool(), pool: word("vision") }),
        (46, 1, E::Cordoned { device: device(20) }),
        (47, 1, E::Uncordoned { device: device(20) }),
        (
            48,
            1,
            E::HealthChanged { device: device(20), readable: false, raised, cleared: vec![word("ecc.page_pending")] },
        ),
        (49, 1, E::Quarantined { device: device(20), condition: word("gpu.lost") }),
        (50, 1, E::QuarantineLifted { device: device(20) }),
        (51, 1, E::Retired { device: device(20), pool: word("vision") }),
        (52, 1, E::Reinstated { device: device(20) }),
        (53, 1, E::ConditionOverridden { device: device(20), condition: word("xid.fatal"), until: at(86_400) }),
        (54, 1, E::OverrideEnded { device: device(20), condition: word("xid.fatal") }),
        (55, 1, E::ConditionCleared { device: device(20), condition: word("xid.fatal") }),
        (56, 1, E::InstancesChanged { device: device(20), instances: vec![instance] }),
    ];
    events.map(|(number, version, event)| (number, version, Event::Device(event))).to_vec()
}

fn groups() -> Vec<(u16, u8, Event)> {
    use group::Event::{Created, Deleted, PoolBound, PoolUnbound, UserAdded, UserRemoved};
    let events = [
        (80, 1, Created { name: word("research") }),
        (81, 1, Deleted { name: word("research") }),
        (82, 1, UserAdded { group: word("research"), user: USER }),
        (83, 1, UserRemoved { group: word("research"), user: USER }),
        (84, 1, PoolBound { group: word("research"), pool: word("vision") }),
        (85, 1, PoolUnbound { group: word("research"), pool: word("vision") }),
    ];
    events.map(|(number, version, event)| (number, version, Event::Group(event))).to_vec()
}

fn users() -> Vec<(u16, u8, Event)> {
    use user::Event as E;
    let hash = PasswordHash::new("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g");
    let events = [
        (100, 1, E::Onboarded { user: USER, login: word("ada@example.org"), role: Role::Auditor, break_glass: true }),
        (101, 1, E::PasswordSet { user: USER, hash: Some(hash) }),
        (102, 1, E::RoleChanged { user: USER, from: Role::DataScientist, role: Role::Operator }),
        (103, 1, E::Suspended { user: USER }),
        (104, 1, E::Reinstated { user: USER }),
        (105, 1, E::Deleted { user: USER }),
        (106, 1, E::Erased { user: USER }),
        (107, 1, E::Invited { user: USER, until: at(604_800), hash: TokenHash([7; 32]) }),
        (108, 1, E::Linked { user: USER, backend: BackendKind::Oidc, identity: Some(identity()) }),
        (109, 1, E::LoginChanged { user: USER, login: word("ada.lovelace") }),
    ];
    events.map(|(number, version, event)| (number, version, Event::User(event))).to_vec()
}

fn identity() -> Identity {
    let realm = Realm { kind: BackendKind::Oidc, address: word("https://id.example.org/realms/gpu") };
    Identity::new(realm, "auth0|5f7c").expect("a sample's subject is well formed")
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned().into()).expect("a sample's secret is well formed")
}

fn backends() -> Vec<(u16, u8, Event)> {
    use backend::Event as E;
    let github = Provider::GitHub(GitHub {
        base_url: word("https://github.example.org"),
        organization: word("research"),
        client_id: word("Iv1.8a61f9b3a7aba766"),
        client_secret: secret("a-client-secret"),
        directory_token: Some(secret("ghp_token")),
    });
    let oidc = Provider::Oidc(Oidc {
        issuer: word("https://id.example.org/realms/gpu"),
        client_id: word("dkube"),
        client_secret: secret("another-secret"),
        scopes: vec![word("profile"), word("email")],
        login_claim: word("preferred_username"),
    });
    let events = [
        (260, 1, E::Proposed { provider: Box::new(oidc), operator: USER, linked: true, login: word("ada") }),
        (261, 1, E::Withdrawn { operator: USER }),
        (262, 1, E::Activated { kind: BackendKind::GitHub, operator: USER }),
        (263, 1, E::CredentialsUpdated { provider: Box::new(github), client_secret: true, directory_token: false }),
    ];
    events.map(|(number, version, event)| (number, version, Event::Backend(event))).to_vec()
}

fn nodes() -> Vec<(u16, u8, Event)> {
    use node::Event as E;
    let node = || word("gpu-01.rack3.example");
    let facts = Facts {
        boot_id: "5c6f1d0e-5a8e-4f0b-9d5e-0c9b8a7f6e5d".into(),
        booted_at: at(-86_400),
        addresses: vec!["192.0.2.1".into(), "2001:db8::1".into()],
        os: "Ubuntu 24.04.3 LTS".into(),
        kernel: "6.8.0-63-generic".into(),
        cpus: 128,
        memory_bytes: 1_099_511_627_776,
        driver: "580.65.06".into(),
        agent: "0.1.0".into(),
    };
    let events = [
        (140, 1, E::Registered { node: node(), facts: facts.clone() }),
        (141, 1, E::FactsChanged { node: node(), facts: Facts { driver: "".into(), addresses: vec![], ..facts } }),
        (142, 1, E::Lost { node: node() }),
        (143, 1, E::Returned { node: node() }),
        (144, 1, E::Cordoned { node: node() }),
        (145, 1, E::Uncordoned { node: node() }),
        (146, 1, E::ExpectationSet { node: node(), devices: Some(8) }),
        (147, 1, E::Retired { node: node() }),
        (148, 1, E::Reinstated { node: node() }),
        (
            149,
            1,
            E::ReportRefused { node: node(), code: "report.malformed".into(), detail: "its bytes are damaged".into() },
        ),
    ];
    events.map(|(number, version, event)| (number, version, Event::Node(event))).to_vec()
}

fn jobs() -> Vec<(u16, u8, Event)> {
    use job::Event as E;
    let breaches =
        vec![Breach::UnknownUser, Breach::NoPool, Breach::ForeignPool, Breach::UnhealthyDevice, Breach::SharedDevice];
    let events = [
        (
            180,
            1,
            E::Started {
                job: JOB,
                name: word("training run 7"),
                user: USER,
                pool: word("vision"),
                devices: vec![device(20), device(21)],
            },
        ),
        (
            181,
            1,
            E::Observed {
                job: JOB,
                name: word("notebook"),
                source: "kubernetes/research/notebook-0".into(),
                user: None,
                devices: vec![device(22)],
                breaches,
            },
        ),
        (182, 1, E::DevicesAdded { job: JOB, devices: vec![device(23)] }),
        (
            183,
            1,
            E::Finished {
                job: JOB,
                user: Some(USER),
                pool: Some(word("vision")),
                devices: vec![device(20), device(21)],
                forced: true,
            },
        ),
        (184, 1, E::DevicesReleased { job: JOB, devices: vec![device(23)] }),
    ];
    events.map(|(number, version, event)| (number, version, Event::Job(event))).to_vec()
}

fn policies() -> Vec<(u16, u8, Event)> {
    let policy = HealthPolicy {
        conditions: vec![KindRule {
            kind: word("thermal.over_limit"),
            severity: Some(Severity::Critical),
            remedy: None,
            dry_run: true,
        }],
        xids: vec![XidRule { code: 300, severity: None, remedy: Some(Remedy::CheckApp), dry_run: false }],
        breaker: Breaker { share_percent: 25, at_least: 300, window_seconds: 600 },
    };
    vec![(220, 1, Event::Policy(policy::Event::Changed { policy }))]
}

fn licenses() -> Vec<(u16, u8, Event)> {
    let license = License {
        id: LicenseId(uuid(4)),
        licensee: word("Example Institute, Berlin"),
        issued_at: at(-86_400),
        starts_at: at(-3_600),
        ends_at: at(365 * 86_400),
        grace_days: 14,
        seats: Some(300),
        devices: None,
    };
    vec![(240, 1, Event::License(license::Event::Installed { license }))]
}

fn tokens() -> Vec<(u16, u8, Event)> {
    let issued = token::Event::Issued {
        token: TOKEN,
        user: USER,
        name: word("ci"),
        scope: Scope::Metrics,
        role: Role::DataScientist,
        expires_at: at(86_400),
        hash: TokenHash(std::array::from_fn(|nth| u8::try_from(nth).expect("below 32"))),
    };
    let revoked = token::Event::Revoked { token: TOKEN, user: USER };
    vec![(200, 1, Event::Token(issued)), (201, 1, Event::Token(revoked))]
}
