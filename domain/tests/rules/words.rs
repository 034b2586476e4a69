//! Short ways to say things: ids by number, commands by verb.
use domain::{
    Command, Incarnation, JobId, LicenseId, Origin, Position, Role, Timestamp, TokenId, UserId,
    backend::{self, Credentials, GitHub, Identity, Oidc, Provider, Realm, Secret},
    device::{self, Condition, DeviceId, Finding, Instance, Remedy, Severity, Slot},
    group, job,
    license::{self, License},
    node::{self, Facts, Seen},
    policy::{self, HealthPolicy},
    pool::{self, Wanted},
    token::{self, Scope, TokenHash},
    user::{self, Newcomer, PasswordHash},
};
use std::{fmt::Debug, str::FromStr};
use uuid::Uuid;

pub(crate) const H100: &str = "NVIDIA H100 80GB HBM3";
pub(crate) const A100: &str = "NVIDIA A100-SXM4-40GB";

/// A word that is well formed.
pub(crate) fn w<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().expect("the word is well formed")
}

/// Words that are well formed.
pub(crate) fn ws<T: FromStr<Err: Debug>>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| w(text)).collect()
}

/// Device number `n`.
pub(crate) const fn d(n: u8) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(0xdead_0000 + n as u128))
}

pub(crate) fn ds(numbers: &[u8]) -> Vec<DeviceId> {
    numbers.iter().copied().map(d).collect()
}

/// Nobody's and nothing's id.
pub(crate) const NO_USER: UserId = UserId(Uuid::from_u128(0xbad));
pub(crate) const NO_JOB: JobId = JobId(Uuid::from_u128(0xbad));
pub(crate) const NO_TOKEN: TokenId = TokenId(Uuid::from_u128(0xbad));

pub(crate) const fn slot(n: u8) -> Slot {
    Slot { domain: 0, bus: n, device: 0, function: 0 }
}

/// Device number `n` of a model, seen in a slot.
pub(crate) fn seen(slot_number: u8, n: u8, model: &str) -> Seen {
    Seen { device: d(n), slot: slot(slot_number), model: w(model), memory_bytes: 80 << 30, instances: vec![] }
}

/// Those devices, each in the slot of its number.
pub(crate) fn inventory(numbers: &[u8]) -> Vec<Seen> {
    numbers.iter().map(|n| seen(*n, *n, H100)).collect()
}

pub(crate) fn create_pool(name: &str, devices: &[u8]) -> Command {
    Command::Pool(pool::Command::Create { name: w(name), devices: Wanted::Listed(ds(devices)) })
}

pub(crate) fn create_pool_of(name: &str, model: &str, count: u32) -> Command {
    Command::Pool(pool::Command::Create { name: w(name), devices: Wanted::Picked { model: w(model), count } })
}

pub(crate) fn set_devices(name: &str, devices: &[u8]) -> Command {
    Command::Pool(pool::Command::SetDevices { name: w(name), devices: ds(devices) })
}

pub(crate) fn change_devices(name: &str, add: &[u8], remove: &[u8]) -> Command {
    Command::Pool(pool::Command::ChangeDevices { name: w(name), add: ds(add), remove: ds(remove) })
}

pub(crate) fn delete_pool(name: &str) -> Command {
    Command::Pool(pool::Command::Delete { name: w(name) })
}

pub(crate) fn create_group(name: &str, users: &[&str], pool: Option<&str>) -> Command {
    Command::Group(group::Command::Create { name: w(name), users: ws(users), pool: pool.map(w) })
}

pub(crate) fn edit_group(name: &str, add: &[&str], remove: &[&str]) -> Command {
    let (add_users, remove_users) = (ws(add), ws(remove));
    Command::Group(group::Command::Edit { name: w(name), add_users, remove_users, pool: None })
}

/// Binds a pool, or none.
pub(crate) fn bind(name: &str, pool: Option<&str>) -> Command {
    let pool = Some(pool.map(w));
    Command::Group(group::Command::Edit { name: w(name), add_users: vec![], remove_users: vec![], pool })
}

pub(crate) fn delete_group(name: &str) -> Command {
    Command::Group(group::Command::Delete { name: w(name) })
}

pub(crate) fn newcomer(login: &str) -> Newcomer {
    Newcomer::new(w(login))
}

pub(crate) fn onboard_as(logins: &[&str], group: Option<&str>, role: Role) -> Command {
    let newcomers = logins.iter().map(|login| newcomer(login)).collect();
    Command::User(user::Command::Onboard { newcomers, group: group.map(w), role })
}

pub(crate) fn onboard(logins: &[&str], group: Option<&str>) -> Command {
    onboard_as(logins, group, Role::DataScientist)
}

#[expect(clippy::option_option, reason = "left alone, set to none, or set")]
fn change_user(login: &str, role: Option<Role>, group: Option<Option<&str>>, suspended: Option<bool>) -> Command {
    let group = group.map(|group| group.map(w));
    Command::User(user::Command::Change { login: w(login), role, group, suspended })
}

pub(crate) fn set_role(login: &str, role: Role) -> Command {
    change_user(login, Some(role), None, None)
}

pub(crate) fn move_user(login: &str, group: Option<&str>) -> Command {
    change_user(login, None, Some(group), None)
}

pub(crate) fn suspend(login: &str, suspended: bool) -> Command {
    change_user(login, None, None, Some(suspended))
}

pub(crate) fn set_password(login: &str) -> Command {
    Command::User(user::Command::SetPassword { login: w(login), hash: PasswordHash::new("$argon2id$…") })
}

pub(crate) fn delete_users(logins: &[&str]) -> Command {
    Command::User(user::Command::Delete { logins: ws(logins) })
}

pub(crate) const fn erase(user: UserId) -> Command {
    Command::User(user::Command::Erase { user })
}

/// Where an agent's reports come from does not matter to the rules.
pub(crate) const fn origin() -> Origin {
    Origin { incarnation: Incarnation(Uuid::from_u128(7)), sequence: 1, observed_at: Timestamp::from_micros(0) }
}

pub(crate) fn facts() -> Facts {
    Facts { boot_id: "boot-1".into(), cpus: 64, driver: "580.65.06".into(), ..Facts::default() }
}

pub(crate) fn report_facts(node: &str, facts: Facts, devices: Vec<Seen>) -> Command {
    let devices = Some(devices);
    Command::Node(node::Command::ReportInventory { node: w(node), origin: origin(), facts, devices, settled: true })
}

/// What a host says whose driver gives no answer.
pub(crate) fn report_blind(node: &str) -> Command {
    let facts = Facts { driver: "(the driver is not loaded)".into(), ..facts() };
    Command::Node(node::Command::ReportInventory {
        node: w(node),
        origin: origin(),
        facts,
        devices: None,
        settled: true,
    })
}

pub(crate) fn report(node: &str, devices: Vec<Seen>) -> Command {
    report_facts(node, facts(), devices)
}

pub(crate) fn condition(kind: &str, severity: Severity) -> Condition {
    Condition {
        kind: w(kind),
        severity,
        remedy: Remedy::Operator,
        reason: "seen".into(),
        xid: None,
        first_seen: Timestamp::from_micros(1),
        last_seen: Timestamp::from_micros(1),
    }
}

pub(crate) fn finding(n: u8, raised: Vec<Condition>, cleared: &[&str]) -> Finding {
    Finding { device: d(n), readable: true, raised, cleared: ws(cleared) }
}

pub(crate) fn report_health(node: &str, findings: Vec<Finding>) -> Command {
    Command::Node(node::Command::ReportHealth { node: w(node), origin: origin(), findings, settled: true })
}

/// The agent tells that device `n` has a condition of that severity.
pub(crate) fn raise(node: &str, n: u8, kind: &str, severity: Severity) -> Command {
    report_health(node, vec![finding(n, vec![condition(kind, severity)], &[])])
}

/// The agent tells that device `n` is rid of a condition.
pub(crate) fn clear(node: &str, n: u8, kind: &str) -> Command {
    report_health(node, vec![finding(n, vec![], &[kind])])
}

pub(crate) fn lose(node: &str) -> Command {
    Command::Node(node::Command::Lose { node: w(node) })
}

pub(crate) fn hear(node: &str) -> Command {
    Command::Node(node::Command::Return { node: w(node) })
}

#[expect(clippy::option_option, reason = "left alone, set to none, or set")]
fn change_node(node: &str, cordoned: Option<bool>, expected: Option<Option<u16>>, retired: Option<bool>) -> Command {
    Command::Node(node::Command::Change { node: w(node), cordoned, expected_devices: expected, retired })
}

pub(crate) fn cordon_node(node: &str, cordoned: bool) -> Command {
    change_node(node, Some(cordoned), None, None)
}

pub(crate) fn expect_devices(node: &str, expected: Option<u16>) -> Command {
    change_node(node, None, Some(expected), None)
}

pub(crate) fn retire_node(node: &str, retired: bool) -> Command {
    change_node(node, None, None, Some(retired))
}

pub(crate) const fn cordon(n: u8, cordoned: bool) -> Command {
    Command::Device(device::Command::Cordon { device: d(n), cordoned })
}

pub(crate) const fn retire(n: u8, retired: bool) -> Command {
    Command::Device(device::Command::Retire { device: d(n), retired })
}

pub(crate) fn start_of(user: &str, devices: u32, model: Option<&str>) -> Command {
    Command::Job(job::Command::Start { name: w("training"), user: w(user), devices, model: model.map(w) })
}

pub(crate) fn start(user: &str, devices: u32) -> Command {
    start_of(user, devices, None)
}

pub(crate) const fn finish(job: JobId) -> Command {
    Command::Job(job::Command::Finish { job, force: false })
}

pub(crate) const fn force(job: JobId) -> Command {
    Command::Job(job::Command::Finish { job, force: true })
}

pub(crate) fn observe(source: &str, user: Option<UserId>, devices: &[u8]) -> Command {
    Command::Job(job::Command::Observe { name: w("notebook"), source: source.into(), user, devices: ds(devices) })
}

pub(crate) fn observe_end(source: &str) -> Command {
    Command::Job(job::Command::ObserveEnd { source: source.into() })
}

/// The secret's hash follows from the name, so that one name is one secret.
pub(crate) fn issue(name: &str, scope: Scope, days: u32) -> Command {
    let mut hash = TokenHash::default();
    for (at, byte) in name.bytes().enumerate() {
        let at = &mut hash.0[at % 32];
        *at = at.wrapping_mul(31).wrapping_add(byte);
    }
    Command::Token(token::Command::Issue { name: w(name), scope, days, hash })
}

pub(crate) fn revoke_all(login: &str) -> Command {
    Command::Token(token::Command::RevokeAll { login: w(login) })
}

pub(crate) const fn revoke(token: TokenId) -> Command {
    Command::Token(token::Command::Revoke { token })
}

/// The agent tells of devices, and has more to say.
pub(crate) fn report_backlog(node: &str, findings: Vec<Finding>) -> Command {
    Command::Node(node::Command::ReportHealth { node: w(node), origin: origin(), findings, settled: false })
}

pub(crate) fn override_condition(n: u8, kind: &str, until: Timestamp) -> Command {
    Command::Device(device::Command::Override { device: d(n), condition: w(kind), until })
}

/// Of all conditions, where none is named.
pub(crate) fn end_overrides(n: u8, kind: Option<&str>) -> Command {
    Command::Device(device::Command::EndOverrides { device: d(n), condition: kind.map(w) })
}

pub(crate) fn dismiss(n: u8, kind: &str) -> Command {
    Command::Device(device::Command::Clear { device: d(n), condition: w(kind) })
}

/// Number `n`, signed `age` seconds before `now`, for so many more seconds.
pub(crate) fn license(n: u8, now: Timestamp, age: i64, lasts: i64) -> License {
    License {
        id: LicenseId(Uuid::from_u128(n.into())),
        licensee: w("Example Institute"),
        issued_at: now.plus_seconds(-age),
        starts_at: now.plus_seconds(-age),
        ends_at: now.plus_seconds(lasts),
        grace_days: 7,
        seats: None,
        devices: None,
    }
}

pub(crate) const fn install(license: License) -> Command {
    Command::License(license::Command::Install { license })
}

pub(crate) const fn set_policy(policy: HealthPolicy) -> Command {
    Command::Policy(policy::Command::Set { policy })
}

pub(crate) fn reset_breaker(pool: Option<&str>) -> Command {
    Command::Policy(policy::Command::ResetBreaker { pool: pool.map(w) })
}

pub(crate) const UPKEEP: Command = Command::Policy(policy::Command::Upkeep);

pub(crate) fn refuse_report(node: &str, code: &str) -> Command {
    let (node, code, detail) = (w(node), code.into(), "it is malformed".into());
    Command::Node(node::Command::RecordRefusal { node, code, detail })
}

/// The part of a divided device that has this number.
pub(crate) fn instance(number: u32) -> Instance {
    Instance {
        uuid: format!("MIG-{number}").into(),
        gpu_instance: number,
        compute_instance: 0,
        profile: "1g.10gb".into(),
        memory_bytes: 10 << 30,
    }
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned().into()).expect("the secret is well formed")
}

pub(crate) fn github() -> Provider {
    Provider::GitHub(GitHub {
        base_url: w("https://github.com"),
        organization: w("research"),
        client_id: w("Iv1.8a61f9b3a7aba766"),
        client_secret: secret("github-secret"),
        directory_token: None,
    })
}

pub(crate) fn oidc_provider() -> Provider {
    Provider::Oidc(Oidc {
        issuer: w("https://id.example.org"),
        client_id: w("dkube"),
        client_secret: secret("oidc-secret"),
        scopes: vec![w("profile")],
        login_claim: w("preferred_username"),
    })
}

/// Whom the provider knows by this number.
pub(crate) fn identity(realm: &Realm, n: u8) -> Identity {
    Identity::new(realm.clone(), &n.to_string()).expect("a number is a subject")
}

pub(crate) fn propose(provider: Provider, operator: &str, link: Option<&str>) -> Command {
    Command::Backend(backend::Command::Propose { provider, operator: w(operator), link: link.map(w) })
}

pub(crate) fn activate(proposal: Position, identity: Identity, login: &str) -> Command {
    Command::Backend(backend::Command::Activate { proposal, identity, login: w(login) })
}

pub(crate) const GO_BACK: Command = Command::Backend(backend::Command::Return);

pub(crate) fn new_credentials(n: u8) -> Command {
    let client_secret = Some(secret(&format!("secret-{n}")));
    let credentials = Credentials { client_secret, ..Credentials::default() };
    Command::Backend(backend::Command::UpdateCredentials(credentials))
}

pub(crate) fn onboard_there(provider: &Provider, n: u8, login: &str) -> Command {
    let newcomers = vec![Newcomer::of(w(login), identity(&provider.realm(), n))];
    Command::User(user::Command::Onboard { newcomers, group: None, role: Role::DataScientist })
}

pub(crate) fn link(login: &str, identity: Identity, called: &str) -> Command {
    Command::User(user::Command::Link { login: w(login), identity, called: w(called) })
}

pub(crate) fn rename(user: UserId, login: &str) -> Command {
    Command::User(user::Command::Rename { user, login: w(login) })
}

pub(crate) fn set_login(login: &str, to: &str) -> Command {
    Command::User(user::Command::SetLogin { login: w(login), to: w(to) })
}

pub(crate) fn invite(login: &str, code: u8) -> Command {
    Command::User(user::Command::Invite { login: w(login), hash: TokenHash([code; 32]) })
}

pub(crate) fn accept(code: u8) -> Command {
    Command::User(user::Command::AcceptInvitation {
        code: TokenHash([code; 32]),
        hash: PasswordHash::new("$argon2id$chosen"),
    })
}
