//! Random histories in a small world: what holds in every state, and that histories survive being written down.
use crate::{
    harness::World,
    snapshots::assert_survives,
    words::{
        A100, GO_BACK, H100, UPKEEP, accept, activate, bind, change_devices, condition, cordon, cordon_node,
        create_group, create_pool, create_pool_of, delete_group, delete_pool, delete_users, dismiss, edit_group,
        end_overrides, erase, expect_devices, finding, finish, force, github, hear, identity, install, instance,
        invite, issue, license, link, lose, move_user, new_credentials, observe, observe_end, oidc_provider,
        onboard_as, onboard_there, override_condition, propose, refuse_report, rename, report_blind, report_facts,
        report_health, reset_breaker, retire, retire_node, revoke, revoke_all, seen, set_devices, set_password,
        set_policy, set_role, start_of, suspend, w,
    },
};
use domain::{
    Actor, Cluster, Command, Event, Principal, Role, Stamp, Via, access, backend,
    device::{Finding, Presence, Severity},
    evolve, group, job,
    node::{self, Facts, Seen},
    policy::{Breaker, HealthPolicy, KindRule},
    stored::{decode, encode, testing::TestVault},
    token::{Scope, TokenHash},
    user,
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};

const POOLS: [&str; 4] = ["default", "vision", "speech", "nowhere"];
const GROUPS: [&str; 4] = ["default", "research", "teaching", "nowhere"];
const LOGINS: [&str; 6] = ["operator", "ada", "bob", "cyd", "dan", "eve"];
const NODES: [&str; 3] = ["node-a", "node-b", "node-c"];
const KINDS: [&str; 3] = ["gpu.lost", "xid.fatal", "thermal.slowdown"];
const SEVERITIES: [Severity; 4] = [Severity::Info, Severity::Warning, Severity::Critical, Severity::Fatal];

/// A wish in terms of the small world; jobs, tokens and users who are gone are named by their number among those there are.
#[derive(Debug, Clone)]
enum Wish {
    Given(Command),
    /// Devices by slot on a node: every node sees every device's model alike.
    Report(&'static str, u8, Vec<(u8, u8)>),
    Finish(usize, bool),
    Revoke(usize),
    RevokeAll(usize),
    Erase(usize),
    IssueAs(&'static str, u8, Scope, u32),
    /// What the server tells of this user.
    Try(&'static str, access::Command),
    Observe(u8, Option<usize>, Vec<u8>),
    /// People shall be known at this provider, with this operator, who is this user.
    Propose(bool, &'static str, Option<&'static str>),
    /// Whoever is proposed signs in, known by this number.
    Activate(u8),
    GoBack,
    /// Whoever the provider knows by this number, under this login.
    OnboardThere(u8, &'static str),
    Link(&'static str, u8, &'static str),
    Rename(&'static str, &'static str),
    AcceptInvitation(u8),
    /// The device, alone on the node, in so many parts.
    Divide(&'static str, u8, u32),
    /// Of the device, from now on for so many seconds.
    Override(u8, &'static str, i64),
    /// Number, age and length in seconds.
    License(u8, i64, i64),
    GiveUpKeys(u32),
    Wait(i64),
}

/// A device is of one model wherever it is seen.
const fn model(n: u8) -> &'static str {
    if n > 8 { A100 } else { H100 }
}

fn device() -> impl Strategy<Value = u8> {
    1_u8..14
}

fn devices(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::btree_set(device(), 0..most).prop_map(|set| set.into_iter().collect())
}

fn logins(most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    prop::sample::subsequence(LOGINS.to_vec(), 0..most)
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(words)
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(&Role::ALL[..])
}

fn fleet() -> impl Strategy<Value = Wish> {
    let inventory = prop::collection::btree_map(0_u8..5, device(), 0..5);
    let severity = || prop::sample::select(&SEVERITIES[..]);
    prop_oneof![
        6 => (one_of(&NODES), 0_u8..2, inventory)
            .prop_map(|(node, boot, slots)| Wish::Report(node, boot, slots.into_iter().collect())),
        6 => (one_of(&NODES), device(), one_of(&KINDS), severity(), prop::bool::weighted(0.9)).prop_map(
            |(node, n, kind, severity, readable)| {
                let finding = Finding { readable, ..finding(n, vec![condition(kind, severity)], &[]) };
                Wish::Given(report_health(node, vec![finding]))
            }
        ),
        3 => (one_of(&NODES), device(), one_of(&KINDS))
            .prop_map(|(node, n, kind)| Wish::Given(report_health(node, vec![finding(n, vec![], &[kind])]))),
        1 => one_of(&NODES).prop_map(|node| Wish::Given(report_blind(node))),
        1 => one_of(&NODES).prop_map(|node| Wish::Given(lose(node))),
        1 => one_of(&NODES).prop_map(|node| Wish::Given(hear(node))),
        1 => (one_of(&NODES), any::<bool>()).prop_map(|(node, on)| Wish::Given(cordon_node(node, on))),
        1 => (one_of(&NODES), any::<bool>()).prop_map(|(node, on)| Wish::Given(retire_node(node, on))),
        1 => (one_of(&NODES), prop::option::of(0_u16..9)).prop_map(|(node, n)| Wish::Given(expect_devices(node, n))),
        2 => (device(), any::<bool>()).prop_map(|(n, on)| Wish::Given(cordon(n, on))),
        2 => (device(), any::<bool>()).prop_map(|(n, on)| Wish::Given(retire(n, on))),
        1 => (one_of(&NODES), device(), 1_u32..3).prop_map(|(node, n, parts)| Wish::Divide(node, n, parts)),
        1 => (device(), one_of(&KINDS), 10_i64..200_000).prop_map(|(n, kind, seconds)| Wish::Override(n, kind, seconds)),
        1 => (device(), one_of(&KINDS)).prop_map(|(n, kind)| Wish::Given(end_overrides(n, Some(kind)))),
        1 => device().prop_map(|n| Wish::Given(end_overrides(n, None))),
        2 => (device(), one_of(&KINDS)).prop_map(|(n, kind)| Wish::Given(dismiss(n, kind))),
        2 => policy().prop_map(|policy| Wish::Given(set_policy(policy))),
        3 => prop::option::of(one_of(&POOLS)).prop_map(|pool| Wish::Given(reset_breaker(pool))),
        2 => Just(Wish::Given(UPKEEP)),
        1 => one_of(&NODES).prop_map(|node| Wish::Given(refuse_report(node, "report.malformed"))),
    ]
}

fn policy() -> impl Strategy<Value = HealthPolicy> {
    let severity = || prop::option::of(prop::sample::select(&SEVERITIES[..]));
    let rule = (severity(), any::<bool>());
    (prop::collection::btree_map(one_of(&KINDS), rule, 0..3), 1_u16..100, 1_u16..4).prop_map(
        |(rules, share, at_least)| {
            let rule =
                |(kind, (severity, dry_run)): (&str, _)| KindRule { kind: w(kind), severity, remedy: None, dry_run };
            HealthPolicy {
                conditions: rules.into_iter().map(rule).collect(),
                xids: vec![],
                breaker: Breaker { share_percent: share, at_least, window_seconds: 300 },
            }
        },
    )
}

fn pools() -> impl Strategy<Value = Wish> {
    prop_oneof![
        2 => (one_of(&POOLS), devices(4)).prop_map(|(name, devices)| Wish::Given(create_pool(name, &devices))),
        1 => (one_of(&POOLS), device(), 0_u32..4)
            .prop_map(|(name, n, count)| Wish::Given(create_pool_of(name, model(n), count))),
        2 => (one_of(&POOLS), devices(4)).prop_map(|(name, devices)| Wish::Given(set_devices(name, &devices))),
        2 => (one_of(&POOLS), devices(3), devices(3))
            .prop_map(|(name, add, remove)| Wish::Given(change_devices(name, &add, &remove))),
        1 => one_of(&POOLS).prop_map(|name| Wish::Given(delete_pool(name))),
    ]
}

fn attempt() -> impl Strategy<Value = access::Command> {
    let code = || "auth.forbidden".into();
    prop_oneof![
        Just(access::Command::SignIn),
        Just(access::Command::FailSignIn { user: None, code: code() }),
        Just(access::Command::Deny { operation: "GET /v1/audit".into(), code: code() }),
        Just(access::Command::ReadAudit),
    ]
}

fn people() -> impl Strategy<Value = Wish> {
    let group = || prop::option::of(one_of(&GROUPS));
    let pool = || prop::option::of(one_of(&POOLS));
    let login = || one_of(&LOGINS);
    prop_oneof![
        3 => (logins(3), group(), role()).prop_map(|(logins, group, role)| Wish::Given(onboard_as(&logins, group, role))),
        1 => logins(3).prop_map(|logins| Wish::Given(delete_users(&logins))),
        1 => any::<usize>().prop_map(Wish::Erase),
        1 => (login(), role()).prop_map(|(login, role)| Wish::Given(set_role(login, role))),
        1 => (login(), any::<bool>()).prop_map(|(login, on)| Wish::Given(suspend(login, on))),
        2 => (login(), group()).prop_map(|(login, group)| Wish::Given(move_user(login, group))),
        1 => login().prop_map(|login| Wish::Given(set_password(login))),
        2 => (one_of(&GROUPS), logins(3), pool())
            .prop_map(|(name, logins, pool)| Wish::Given(create_group(name, &logins, pool))),
        2 => (one_of(&GROUPS), logins(3), logins(3))
            .prop_map(|(name, add, remove)| Wish::Given(edit_group(name, &add, &remove))),
        2 => (one_of(&GROUPS), pool()).prop_map(|(name, pool)| Wish::Given(bind(name, pool))),
        1 => one_of(&GROUPS).prop_map(|name| Wish::Given(delete_group(name))),
        2 => (login(), 0_u8..3, prop::sample::select(&[Scope::Read, Scope::Full][..]), 1_u32..3)
            .prop_map(|(login, name, scope, days)| Wish::IssueAs(login, name, scope, days)),
        1 => (login(), attempt()).prop_map(|(login, attempt)| Wish::Try(login, attempt)),
        1 => any::<usize>().prop_map(Wish::Revoke),
        1 => any::<usize>().prop_map(Wish::RevokeAll),
        1 => (0_u32..9).prop_map(Wish::GiveUpKeys),
        1 => (1_i64..100_000).prop_map(Wish::Wait),
        2 => (any::<bool>(), login(), prop::option::of(login())).prop_map(|(oidc, login, link)| Wish::Propose(oidc, login, link)),
        2 => (0_u8..4).prop_map(Wish::Activate),
        1 => Just(Wish::GoBack),
        1 => (0_u8..3).prop_map(|n| Wish::Given(new_credentials(n))),
        2 => (0_u8..6, login()).prop_map(|(n, login)| Wish::OnboardThere(n, login)),
        1 => (login(), 0_u8..6, login()).prop_map(|(login, n, called)| Wish::Link(login, n, called)),
        1 => (login(), login()).prop_map(|(login, called)| Wish::Rename(login, called)),
        1 => (0_u8..6).prop_map(|n| Wish::Given(invite(LOGINS[usize::from(n)], n))),
        1 => (0_u8..6).prop_map(Wish::AcceptInvitation),
        1 => (0_u8..4, 0_i64..100_000, 1_i64..100_000).prop_map(|(n, age, lasts)| Wish::License(n, age, lasts)),
    ]
}

fn jobs() -> impl Strategy<Value = Wish> {
    let model = prop::option::of(prop::sample::select(&[H100, A100][..]));
    prop_oneof![
        4 => (one_of(&LOGINS), 1_u32..4, model).prop_map(|(login, n, model)| Wish::Given(start_of(login, n, model))),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(nth, force)| Wish::Finish(nth, force)),
        2 => (0_u8..4, prop::option::of(any::<usize>()), devices(3))
            .prop_map(|(source, user, devices)| Wish::Observe(source, user, devices)),
        1 => (0_u8..4).prop_map(|source| Wish::Given(observe_end(&format!("process/{source}")))),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![5 => fleet(), 3 => pools(), 4 => people(), 3 => jobs()]
}

/// A few things that are in each other's way from the beginning.
fn start() -> World {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2, 3]));
    world.given(onboard_as(&["ada", "bob"], None, Role::DataScientist));
    world.given(create_group("research", &["ada", "bob"], Some("vision")));
    world.given(start_of("ada", 1, None));
    world
}

fn nth<T: Copy>(items: impl ExactSizeIterator<Item = T>, n: usize) -> Option<T> {
    let mut items = items;
    let count = items.len();
    if count == 0 { None } else { items.nth(n % count) }
}

/// The command that the wish comes to; none if there is nothing that it could name.
fn command(world: &mut World, wish: &Wish) -> Option<Command> {
    world.asker = world.session("operator");
    let cluster = &world.cluster;
    Some(match wish {
        Wish::Given(command) => command.clone(),
        Wish::Report(node, boot, slots) => {
            let facts = Facts { boot_id: format!("boot-{boot}").into(), ..Facts::default() };
            report_facts(node, facts, slots.iter().map(|(slot, n)| seen(*slot, *n, model(*n))).collect())
        }
        Wish::Finish(n, forced) => {
            let job = nth(cluster.jobs().keys().copied(), *n)?;
            world.has_reason = *forced;
            if let (false, Some(owner)) = (*forced, world.cluster.job(job)?.user) {
                world.asker = world.session_of(owner);
            }
            if *forced { force(job) } else { finish(job) }
        }
        Wish::Revoke(n) => revoke(nth(cluster.tokens().keys().copied(), *n)?),
        Wish::RevokeAll(n) => revoke_all(nth(cluster.logins().keys(), *n)?.as_str()),
        Wish::Erase(n) => {
            let gone: Vec<_> = world
                .log
                .iter()
                .filter_map(|recorded| match &recorded.event {
                    Event::User(user::Event::Deleted { user }) => Some(*user),
                    _ => None,
                })
                .collect();
            erase(nth(gone.into_iter(), *n)?)
        }
        Wish::IssueAs(login, name, scope, days) => {
            let user = cluster.user_by_login(&login.parse().ok()?)?;
            // Who is shut out is turned away before anything is decided.
            let id = (!user.suspended).then_some(user.id)?;
            world.asker = world.session(login);
            issue(&format!("{name}-{id}"), *scope, *days)
        }
        Wish::Try(login, attempt) => {
            let user = cluster.user_by_login(&login.parse().ok()?)?.id;
            world.asker = world.session_of(user);
            Command::Access(attempt.clone())
        }
        Wish::Observe(source, user, devices) => {
            let user = user.and_then(|n| nth(cluster.users().keys().copied(), n));
            observe(&format!("process/{source}"), user, devices)
        }
        Wish::Divide(node, n, parts) => {
            let instances = (0..*parts).map(instance).collect();
            report_facts(node, Facts::default(), vec![Seen { instances, ..seen(*n, *n, model(*n)) }])
        }
        Wish::Propose(oidc, operator, link) => propose(if *oidc { oidc_provider() } else { github() }, operator, *link),
        Wish::Activate(n) => {
            let proposal = cluster.sign_in().proposal.as_ref()?;
            let realm = proposal.provider.realm();
            activate(proposal.revision, identity(&realm, *n), proposal.login.as_str())
        }
        Wish::GoBack => {
            world.asker = world.session("operator");
            GO_BACK
        }
        Wish::OnboardThere(n, login) => onboard_there(cluster.sign_in().provider.as_ref()?, *n, login),
        Wish::Link(login, n, called) => {
            let realm = cluster.sign_in().provider.as_ref()?.realm();
            link(login, identity(&realm, *n), called)
        }
        Wish::Rename(login, called) => {
            let user = cluster.user_by_login(&login.parse().ok()?)?.id;
            world.asker = Principal::SYSTEM;
            rename(user, called)
        }
        Wish::AcceptInvitation(code) => {
            let guest = cluster.invited(&TokenHash([*code; 32]), world.now).map(|user| Actor::User(user.id));
            let guest = guest.map(|actor| Principal { actor, via: Via::Invitation, address: None });
            world.asker = guest.unwrap_or(Principal::SYSTEM);
            accept(*code)
        }
        Wish::Override(n, kind, seconds) => override_condition(*n, kind, world.now.plus_seconds(*seconds)),
        Wish::License(n, age, lasts) => install(license(*n, world.now, *age, *lasts)),
        Wish::GiveUpKeys(users) => Command::GiveUpKeys { at: world.now, users: *users },
        Wish::Wait(seconds) => {
            world.now = world.now.plus_seconds(*seconds);
            return None;
        }
    })
}

/// Whether the wish is a state to be in, so that asking again changes nothing.
const fn is_idempotent(command: &Command) -> bool {
    match command {
        Command::Pool(command) => {
            use domain::pool::Command::{ChangeDevices, SetDevices};
            matches!(command, SetDevices { .. } | ChangeDevices { .. })
        }
        Command::Group(command) => matches!(command, group::Command::Edit { .. }),
        Command::User(command) => {
            matches!(
                command,
                user::Command::Change { .. }
                    | user::Command::Erase { .. }
                    | user::Command::Rename { .. }
                    | user::Command::SetLogin { .. }
            )
        }
        Command::Node(
            node::Command::ReportInventory { .. }
            | node::Command::ReportHealth { .. }
            | node::Command::Lose { .. }
            | node::Command::Return { .. }
            | node::Command::Change { .. },
        )
        | Command::Policy(_)
        | Command::License(_)
        | Command::GiveUpKeys { .. } => true,
        Command::Backend(command) => !matches!(command, backend::Command::Activate { .. }),
        Command::Device(command) => !matches!(command, domain::device::Command::Clear { .. }),
        Command::Job(command) => {
            matches!(command, job::Command::Observe { .. } | job::Command::ObserveEnd { .. })
        }
        Command::Found { .. }
        | Command::Access(_)
        | Command::Token(_)
        | Command::Node(node::Command::RecordRefusal { .. }) => false,
    }
}

/// The state that the log folds to, from its stored bytes.
fn replay(world: &World) -> Cluster {
    let vault = TestVault::new();
    let mut cluster = Cluster::default();
    for recorded in &world.log {
        let bytes = encode(recorded, &vault).expect("what happened can be written");
        let read = decode(&bytes, &vault).expect("what was written can be read");
        evolve(&mut cluster, Stamp { position: read.position, recorded_at: read.recorded_at }, &read.event);
    }
    cluster
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    /// The harness checks the invariants after every command.
    #[test]
    fn any_history_keeps_the_rules(wishes in prop::collection::vec(wish(), 1..80)) {
        let mut world = start();
        for wish in &wishes {
            let Some(command) = command(&mut world, wish) else { continue };
            let outcome = world.when(command.clone());
            if outcome.result.is_ok() && is_idempotent(&command) {
                let again = world.when(command.clone());
                prop_assert_eq!(again.result, Ok(vec![]), "{:?} again", command);
            }
        }
        prop_assert_eq!(replay(&world), world.cluster.clone());
        assert_survives(&world.cluster);
    }
}

/// The wishes reach what they are meant to reach: most events happen in a few thousand steps.
#[test]
fn the_random_histories_are_rich() {
    let mut runner = TestRunner::deterministic();
    let histories = prop::collection::vec(wish(), 400);
    let mut names = std::collections::BTreeSet::new();
    let mut retired_under_a_job = 0;
    for _ in 0..40 {
        let wishes = histories.new_tree(&mut runner).expect("a history").current();
        let mut world = start();
        for wish in &wishes {
            let Some(command) = command(&mut world, wish) else { continue };
            world.when(command);
            let devices = world.cluster.devices().values();
            retired_under_a_job +=
                devices.filter(|d| d.presence() == Presence::Retired && d.jobs().next().is_some()).count();
        }
        names.extend(world.log.iter().map(|recorded| recorded.event.name()));
    }
    // A job of more than 256 devices does not fit the small world; two are the engine's to tell.
    let elsewhere = ["JobDevicesAdded", "JobDevicesReleased", "CommandRejected", "AttemptsOmitted"];
    let missing: Vec<_> = domain::stored::TYPES
        .iter()
        .map(|stored| stored.name)
        .filter(|name| !names.contains(name) && !elsewhere.contains(name))
        .collect();
    assert!(missing.is_empty() && retired_under_a_job > 0, "never happened: {missing:?}");
}
