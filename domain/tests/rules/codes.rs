//! Every refusal is reached, and has its code for ever.
use crate::{
    harness::{World, found},
    words::{
        GO_BACK, H100, accept, activate, bind, change_devices, create_group, create_pool, create_pool_of, delete_group,
        delete_pool, delete_users, dismiss, edit_group, erase, finish, force, github, identity, install, invite, issue,
        license, move_user, new_credentials, observe, oidc_provider, onboard, onboard_as, onboard_there,
        override_condition, propose, raise, report, retire, retire_node, seen, set_login, start, suspend,
    },
};
use domain::{Command, Refusal, Rejection, Role, device::Severity, token::Scope};
use std::collections::{BTreeMap, BTreeSet};

/// Which refusal it is. Fails to compile when one joins: it needs its name in [`ALL`] and a way to it below.
const fn name(rejection: &Rejection) -> &'static str {
    match rejection {
        Rejection::NamedTwice(_) => "NamedTwice",
        Rejection::Malformed(_) => "Malformed",
        Rejection::TooManyEvents { .. } => "TooManyEvents",
        Rejection::AlreadyFounded => "AlreadyFounded",
        Rejection::NameTaken(_) => "NameTaken",
        Rejection::NotFound(_) => "NotFound",
        Rejection::UnknownLogin(_) => "UnknownLogin",
        Rejection::PoolIsDefault => "PoolIsDefault",
        Rejection::PoolBusy { .. } => "PoolBusy",
        Rejection::MixedModels { .. } => "MixedModels",
        Rejection::DeviceNotFree { .. } => "DeviceNotFree",
        Rejection::DeviceNotInPool { .. } => "DeviceNotInPool",
        Rejection::DeviceRetired { .. } => "DeviceRetired",
        Rejection::DeviceBusy { .. } => "DeviceBusy",
        Rejection::NoSuchCondition { .. } => "NoSuchCondition",
        Rejection::UnknownCondition { .. } => "UnknownCondition",
        Rejection::UnknownModel { .. } => "UnknownModel",
        Rejection::PoolShortage(_) => "PoolShortage",
        Rejection::GroupNotEmpty { .. } => "GroupNotEmpty",
        Rejection::GroupIsDefault => "GroupIsDefault",
        Rejection::PoolBound { .. } => "PoolBound",
        Rejection::UserInAnotherGroup { .. } => "UserInAnotherGroup",
        Rejection::UserNotInGroup { .. } => "UserNotInGroup",
        Rejection::UserExists { .. } => "UserExists",
        Rejection::UserBusy { .. } => "UserBusy",
        Rejection::LastOperator { .. } => "LastOperator",
        Rejection::BreakGlass { .. } => "BreakGlass",
        Rejection::LoginTaken { .. } => "LoginTaken",
        Rejection::LoginReadable { .. } => "LoginReadable",
        Rejection::BreakGlassIsLocal { .. } => "BreakGlassIsLocal",
        Rejection::ShutOut { .. } => "ShutOut",
        Rejection::IdentityChanged { .. } => "IdentityChanged",
        Rejection::OtherBackend { .. } => "OtherBackend",
        Rejection::PasswordsElsewhere { .. } => "PasswordsElsewhere",
        Rejection::NoInvitation => "NoInvitation",
        Rejection::ProposalGone => "ProposalGone",
        Rejection::NotTheOperator => "NotTheOperator",
        Rejection::Unproven => "Unproven",
        Rejection::NoCredentials => "NoCredentials",
        Rejection::NotDeleted { .. } => "NotDeleted",
        Rejection::NoGroup { .. } => "NoGroup",
        Rejection::NoPool { .. } => "NoPool",
        Rejection::RoleWithoutJobs { .. } => "RoleWithoutJobs",
        Rejection::UserSuspended { .. } => "UserSuspended",
        Rejection::JobShortage(_) => "JobShortage",
        Rejection::JobObserved(_) => "JobObserved",
        Rejection::ForceNeeded(_) => "ForceNeeded",
        Rejection::ReasonNeeded => "ReasonNeeded",
        Rejection::NodeRetired(_) => "NodeRetired",
        Rejection::NodeBusy { .. } => "NodeBusy",
        Rejection::DeviceElsewhere { .. } => "DeviceElsewhere",
        Rejection::DeviceNotOnNode { .. } => "DeviceNotOnNode",
        Rejection::TooManyDevices { .. } => "TooManyDevices",
        Rejection::TooManyTokens(_) => "TooManyTokens",
        Rejection::TokenNameTaken(_) => "TokenNameTaken",
        Rejection::Unlicensed(_) => "Unlicensed",
        Rejection::LicenseOlder { .. } => "LicenseOlder",
        Rejection::LicenseNotBegun { .. } => "LicenseNotBegun",
        Rejection::LicenseFromFuture { .. } => "LicenseFromFuture",
        Rejection::LicenseEnded { .. } => "LicenseEnded",
    }
}

/// Each refusal with its code: a contract.
const ALL: [(&str, &str); 60] = [
    ("NamedTwice", "request.named_twice"),
    ("Malformed", "request.malformed"),
    ("TooManyEvents", "request.too_large"),
    ("AlreadyFounded", "cluster.founded"),
    ("NameTaken", "name.taken"),
    ("NotFound", "pool.not_found"),
    ("UnknownLogin", "user.not_found"),
    ("PoolIsDefault", "pool.default"),
    ("PoolBusy", "pool.busy"),
    ("MixedModels", "pool.mixed_models"),
    ("DeviceNotFree", "device.not_free"),
    ("DeviceNotInPool", "device.not_in_pool"),
    ("DeviceRetired", "device.retired"),
    ("DeviceBusy", "device.busy"),
    ("NoSuchCondition", "device.no_condition"),
    ("UnknownCondition", "device.unknown_condition"),
    ("UnknownModel", "model.not_found"),
    ("PoolShortage", "pool.shortage"),
    ("GroupNotEmpty", "group.not_empty"),
    ("GroupIsDefault", "group.default"),
    ("PoolBound", "pool.bound"),
    ("UserInAnotherGroup", "user.in_another_group"),
    ("UserNotInGroup", "user.not_in_group"),
    ("UserExists", "user.exists"),
    ("UserBusy", "user.busy"),
    ("LastOperator", "user.last_operator"),
    ("BreakGlass", "user.break_glass"),
    ("LoginTaken", "user.login_taken"),
    ("LoginReadable", "user.login_readable"),
    ("BreakGlassIsLocal", "user.break_glass"),
    ("ShutOut", "user.is_suspended"),
    ("IdentityChanged", "user.identity_changed"),
    ("OtherBackend", "user.other_backend"),
    ("PasswordsElsewhere", "auth.no_password"),
    ("NoInvitation", "invitation.not_found"),
    ("ProposalGone", "auth.proposal_gone"),
    ("NotTheOperator", "auth.not_the_operator"),
    ("Unproven", "auth.unproven"),
    ("NoCredentials", "auth.no_credentials"),
    ("NotDeleted", "user.not_deleted"),
    ("NoGroup", "job.no_group"),
    ("NoPool", "job.no_pool"),
    ("RoleWithoutJobs", "job.role"),
    ("UserSuspended", "job.user_suspended"),
    ("JobShortage", "job.shortage"),
    ("JobObserved", "job.observed"),
    ("ForceNeeded", "job.force_needed"),
    ("ReasonNeeded", "job.reason_needed"),
    ("NodeRetired", "node.retired"),
    ("NodeBusy", "node.busy"),
    ("DeviceElsewhere", "device.elsewhere"),
    ("DeviceNotOnNode", "device.not_on_node"),
    ("TooManyDevices", "node.too_many_devices"),
    ("TooManyTokens", "token.too_many"),
    ("TokenNameTaken", "name.taken"),
    ("Unlicensed", "license.missing"),
    ("LicenseOlder", "license.older"),
    ("LicenseNotBegun", "license.not_begun"),
    ("LicenseFromFuture", "license.from_future"),
    ("LicenseEnded", "license.ended"),
];

/// A world in which something stands in the way of everything.
fn crowded() -> World {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(create_pool("speech", &[3]));
    world.given(create_group("research", &[], Some("vision")));
    world.given(onboard(&["ada", "shut"], Some("research")));
    world.given(onboard(&["bob"], None));
    world.given(create_group("poor", &[], None));
    world.given(onboard(&["cyd"], Some("poor")));
    world.given(onboard_as(&["ops"], None, Role::Operator));
    world.given(onboard_as(&["aud"], None, Role::Auditor));
    world.given(suspend("shut", true));
    world.given(start("ada", 1));
    world.given(observe("process/node-b/1", None, &[5]));
    world.given(retire(4, true));
    world.given(retire_node("node-c", true));
    world.limits.tokens_per_user = 2;
    world.given(issue("a", Scope::Read, 1));
    world.given(issue("b", Scope::Read, 1));
    world.given(install(license(1, world.now, 10, 100_000)));
    world
}

fn ways(world: &World) -> Vec<Command> {
    let started = *world.user("ada").jobs.first().expect("Ada's job");
    let observed = world.last_job();
    vec![
        found(),
        create_pool("x", &[6, 6]),
        create_pool("vision", &[]),
        create_pool("x", &[2]),
        create_pool("x", &[4]),
        create_pool("x", &[5]),
        create_pool_of("x", H100, 0),
        create_pool_of("x", H100, 9),
        create_pool_of("x", "NVIDIA B200", 1),
        change_devices("x", &[], &[]),
        change_devices("vision", &[], &[3]),
        dismiss(6, "gpu.lost"),
        override_condition(6, "gpu.lsot", world.now.plus_seconds(1000)),
        delete_pool("default"),
        delete_group("research"),
        delete_group("default"),
        bind("poor", Some("vision")),
        edit_group("poor", &["ada"], &[]),
        edit_group("poor", &[], &["ada"]),
        onboard(&["ada"], None),
        delete_users(&["ada"]),
        delete_users(&["eve"]),
        delete_users(&["operator", "ops"]),
        delete_users(&["operator"]),
        erase(world.id("ada")),
        propose(github(), "ada", None),
        set_login("ada", "lovelace"),
        propose(github(), "boss", Some("operator")),
        propose(github(), "boss", Some("shut")),
        onboard_there(&github(), 1, "eve"),
        new_credentials(1),
        accept(9),
        activate(world.position(), identity(&github().realm(), 1), "ada"),
        start("bob", 1),
        start("cyd", 1),
        start("shut", 1),
        start("aud", 1),
        start("ada", 2),
        finish(started),
        force(started),
        finish(observed),
        move_user("ada", Some("x")),
        report("node-c", vec![]),
        retire_node("node-a", true),
        retire(5, true),
        report("node-b", vec![seen(1, 1, H100)]),
        raise("node-b", 1, "gpu.lost", Severity::Fatal),
        report("node-d", (0..129).map(|n| seen(n, n, H100)).collect()),
        issue("a", Scope::Read, 1),
        issue("c", Scope::Read, 1),
        install(license(2, world.now, 100, 100_000)),
        install(license(2, world.now, -100, 100_000)),
        install(license(2, world.now, -100_000, 200_000)),
        install(license(2, world.now, 5, 0)),
    ]
}

#[test]
fn every_refusal_is_reached_and_changes_nothing() {
    let mut world = crowded();
    let mut reached = BTreeMap::new();
    for command in ways(&world) {
        let before = world.cluster.clone();
        let rejection = world.when(command.clone()).result.expect_err(&format!("{command:?} is refused"));
        assert_eq!(world.cluster, before);
        reached.insert(name(&rejection), rejection);
    }
    // Models only mix where there are two.
    let mut other = World::with_fleet();
    let mixed = other.when(create_pool("x", &[1, 9])).refused("pool.mixed_models");
    reached.insert(name(&mixed), mixed);
    let mut elsewhere = World::founded();
    elsewhere.given(onboard(&["ada"], None));
    elsewhere.given(propose(github(), "boss", None));
    let proposal = elsewhere.position();
    let wrong = elsewhere.when(activate(proposal, identity(&github().realm(), 1), "eve"));
    let wrong = wrong.refused("auth.not_the_operator");
    reached.insert(name(&wrong), wrong);
    elsewhere.given(activate(proposal, identity(&github().realm(), 1), "boss"));
    let mut again = elsewhere.clone();
    again.given(propose(oidc_provider(), "other", None));
    again.given(propose(github(), "boss", None));
    let another = again.when(activate(again.position(), identity(&github().realm(), 9), "boss"));
    let another = another.refused("user.identity_changed");
    reached.insert(name(&another), another);
    let kept = elsewhere.when(invite("ada", 1)).refused("auth.no_password");
    reached.insert(name(&kept), kept);
    elsewhere.asker = elsewhere.session("boss");
    let unproven = elsewhere.when(GO_BACK).refused("auth.unproven");
    reached.insert(name(&unproven), unproven);
    other.limits.license_required = true;
    let unlicensed = other.when(create_pool("x", &[1])).refused("license.missing");
    reached.insert(name(&unlicensed), unlicensed);
    other.limits.license_required = false;
    other.limits.events_per_command = 1;
    let large = other.when(create_pool("x", &[1])).refused("request.too_large");
    reached.insert(name(&large), large);

    let names: BTreeSet<_> = ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), ALL.len());
    let unreached: Vec<_> = names.iter().filter(|name| !reached.contains_key(*name)).collect();
    assert!(unreached.is_empty(), "no way leads to {unreached:?}");
    for (name, code) in ALL {
        let rejection = &reached[name];
        let noun_and_adjective = rejection.code().split('.').count() == 2;
        assert!(noun_and_adjective, "{}", rejection.code());
        if name != "NotFound" {
            assert_eq!(rejection.code(), code);
        }
        let text = rejection.to_string();
        assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
        let login = |word: &str| ["ada", "bob", "cyd", "eve", "ops", "shut", "aud"].contains(&word);
        assert!(!text.split(|letter: char| !letter.is_alphanumeric()).any(login), "{text}");
    }
}

#[test]
fn no_command_records_more_events_than_it_may() {
    let mut world = World::with_fleet();
    world.given(onboard(&["ada", "bob"], Some("default")));
    world.given(onboard(&["cyd", "dan"], None));
    world.given(create_pool("vision", &[1, 2]));
    world.given(create_pool("speech", &[]));
    let cases = [
        (create_pool("x", &[3, 4]), 3),
        (create_pool_of("x", H100, 2), 3),
        (change_devices("vision", &[3], &[1]), 2),
        (delete_pool("vision"), 3),
        (create_group("x", &["cyd", "dan"], Some("speech")), 4),
        (edit_group("default", &["cyd"], &["ada"]), 2),
        (onboard(&["eve", "fay"], None), 2),
        (delete_users(&["ada", "bob"]), 4),
        (retire_node("node-c", true), 3),
        (report("node-d", vec![seen(1, 21, H100), seen(2, 22, H100)]), 3),
        (raise("node-a", 1, "gpu.lost", Severity::Fatal), 2),
    ];
    for (command, would) in cases {
        let limit = would - 1;
        let mut strict = world.clone();
        strict.limits.events_per_command = limit;
        strict.when(command.clone()).refused_for(&Rejection::TooManyEvents { would, limit });
        strict.limits.events_per_command = would;
        strict.given(command);
    }
}

#[test]
fn every_noun_may_be_missing() {
    use domain::Subject;
    let subjects = ["cluster", "license", "pool/x", "group/x", "node/x", "job/00000000-0000-0000-0000-000000000001"];
    for text in subjects {
        let subject: Subject = text.parse().expect("a subject");
        let code = Rejection::NotFound(subject.clone()).code();
        assert_eq!(code, format!("{}.not_found", subject.entity()));
    }
}

#[test]
fn a_refusal_is_kept_in_bounded_form() {
    let mut world = crowded();
    let rejection = world.when(start("ada", 2)).refused("job.shortage");
    let refusal = Refusal::from(&rejection);
    assert_eq!((refusal.code.as_str(), refusal.shortage.map(|shortage| shortage.asked)), ("job.shortage", Some(2)));
    let jobs = vec![world.last_job(); 1000];
    assert_eq!(Refusal::from(&Rejection::PoolBusy { jobs }).refs.len(), Refusal::REFS_MAX);
    assert_eq!(Refusal::from(&Rejection::UnknownLogin(3)).unknown_login, Some(3));
}
