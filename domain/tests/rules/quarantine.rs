//! Who is quarantined, and what keeps that within bounds: settled reports, the breaker, the policy, overrides, clears.
use crate::{
    harness::World,
    words::{
        H100, UPKEEP, clear, condition, create_pool, d, dismiss, finding, instance, override_condition, raise,
        refuse_report, report, report_backlog, report_health, reset_breaker, seen, set_policy, w,
    },
};
use domain::{
    Availability, Event, PoolName, Subject, Timestamp,
    device::{self, Condition, Device, Severity},
    node::Seen,
    policy::{Breaker, HealthPolicy, KindRule, XidRule},
};

const LOST: &str = "gpu.lost";
const FATAL: Severity = Severity::Fatal;

fn device(world: &World, n: u8) -> &Device {
    world.cluster.device(d(n)).expect("the device is known")
}

fn availability(world: &World, n: u8) -> Availability {
    world.cluster.availability(device(world, n))
}

/// Devices 1 to 20 of one node, in the default pool: at most 4 of them are quarantined by themselves within 5 minutes.
fn twenty() -> World {
    let mut world = World::founded();
    world.given(report("node-a", (1..=20).map(|n| seen(n, n, H100)).collect()));
    world
}

fn lost(n: u8) -> device::Finding {
    finding(n, vec![condition(LOST, FATAL)], &[])
}

fn policy(kind: &str, severity: Option<Severity>, dry_run: bool) -> HealthPolicy {
    let rule = KindRule { kind: w(kind), severity, remedy: None, dry_run };
    HealthPolicy { conditions: vec![rule], ..HealthPolicy::default() }
}

#[test]
fn an_old_fault_that_is_over_quarantines_nobody() {
    let mut world = twenty();
    world.when(report_backlog("node-a", vec![lost(1)])).then(&["DeviceHealthChanged"]);
    assert_eq!(availability(&world, 1), Availability::Quarantined, "it is given no job meanwhile");
    world.when(clear("node-a", 1, LOST)).then(&["DeviceHealthChanged"]);
    assert_eq!(availability(&world, 1), Availability::Free);
}

#[test]
fn a_fault_that_lasts_quarantines_with_the_last_report() {
    let mut world = twenty();
    world.given(report_backlog("node-a", vec![lost(1)]));
    world.when(report_health("node-a", vec![])).then(&["DeviceQuarantined"]);
    world.given(report_backlog("node-a", vec![finding(1, vec![], &[LOST])]));
    assert!(device(&world, 1).quarantined, "not before all is told");
    let inventory = (1..=20).map(|n| seen(n, n, H100)).collect();
    world.when(report("node-a", inventory)).then(&["DeviceQuarantineLifted"]);
}

#[test]
fn beyond_its_share_a_breaker_holds_back_and_alerts_once() {
    let mut world = twenty();
    for n in 1..=4 {
        world.when(raise("node-a", n, LOST, FATAL)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
    }
    world.when(raise("node-a", 5, LOST, FATAL)).then(&["DeviceHealthChanged", "PoolBreakerTripped"]);
    world.when(raise("node-a", 6, LOST, FATAL)).then(&["DeviceHealthChanged"]);
    assert!(!device(&world, 5).quarantined);
    assert_eq!(availability(&world, 5), Availability::Quarantined, "it is given no job all the same");
    world.when(clear("node-a", 1, LOST)).then(&["DeviceHealthChanged", "DeviceQuarantineLifted"]);
}

#[test]
fn one_report_trips_a_breaker_as_many_do() {
    let mut world = twenty();
    let outcome = world.when(report_health("node-a", (1..=20).map(lost).collect()));
    let events = outcome.result.expect("it is taken");
    let count = |name| events.iter().filter(|event| event.name() == name).count();
    assert_eq!((count("DeviceQuarantined"), count("PoolBreakerTripped")), (4, 1));
}

#[test]
fn a_small_pool_may_lose_three() {
    let mut world = twenty();
    world.given(create_pool("vision", &[1, 2, 3, 4]));
    for n in 1..=3 {
        world.when(raise("node-a", n, LOST, FATAL)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
    }
    world.when(raise("node-a", 4, LOST, FATAL)).then(&["DeviceHealthChanged", "PoolBreakerTripped"]);
    world.when(raise("node-a", 5, LOST, FATAL)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
}

#[test]
fn what_was_long_ago_does_not_count() {
    let mut world = twenty();
    for n in 1..=20 {
        world.when(raise("node-a", n, LOST, FATAL)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
        world.now = world.now.plus_seconds(100);
    }
}

fn tripped() -> World {
    let mut world = twenty();
    world.given(report_health("node-a", (1..=10).map(lost).collect()));
    world
}

#[test]
fn an_operator_who_resets_a_breaker_quarantines_what_it_held_back() {
    let mut world = tripped();
    world.given(clear("node-a", 10, LOST));
    let outcome = world.when(reset_breaker(None));
    let events = outcome.result.expect("it is reset");
    let quarantined = |event: &Event| matches!(event, Event::Device(device::Event::Quarantined { .. }));
    assert_eq!(events.iter().filter(|event| quarantined(event)).count(), 5);
    assert_eq!(events.last().map(Event::name), Some("PoolBreakerReset"));
    world.when(reset_breaker(Some("default"))).nothing();
    world.when(reset_breaker(Some("nowhere"))).refused("pool.not_found");
    world.when(raise("node-a", 11, LOST, FATAL)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
}

#[test]
fn a_breaker_closes_when_its_window_was_quiet() {
    let mut world = tripped();
    world.now = world.now.plus_seconds(200);
    world.given(raise("node-a", 11, LOST, FATAL));
    world.now = world.now.plus_seconds(200);
    world.when(UPKEEP).nothing();
    let due = world.cluster.next_due().expect("it will close");
    world.now = due;
    world.when(UPKEEP).then(&["PoolBreakerReset"]);
    assert_eq!(world.cluster.next_due(), None);
    let held: usize = (1..=11).filter(|n| !device(&world, *n).quarantined).count();
    assert_eq!(held, 7, "it closes by itself and quarantines nothing");
    let outcome = world.when(report_health("node-a", vec![]));
    let names: Vec<_> = outcome.result.iter().flatten().map(Event::name).collect();
    assert_eq!(names, ["DeviceQuarantined"; 4].into_iter().chain(["PoolBreakerTripped"]).collect::<Vec<_>>());
}

#[test]
fn the_policy_says_how_bad_a_kind_is() {
    let mut world = twenty();
    world.given(raise("node-a", 1, "thermal.over_limit", Severity::Warning));
    let worse = policy("thermal.over_limit", Some(Severity::Critical), false);
    world.when(set_policy(worse.clone())).then(&["HealthPolicyChanged", "DeviceQuarantined"]);
    world.when(set_policy(worse)).nothing();
    assert_eq!(availability(&world, 1), Availability::Quarantined);
    world.when(set_policy(HealthPolicy::default())).then(&["HealthPolicyChanged", "DeviceQuarantineLifted"]);
    assert_eq!(availability(&world, 1), Availability::Free);
    assert_eq!(world.cluster.revision(&Subject::HealthPolicy), Some(domain::Position(world.position().0 - 1)));
}

#[test]
fn a_kind_on_trial_is_recorded_and_keeps_nothing_away() {
    let mut world = twenty();
    world.given(set_policy(policy(LOST, None, true)));
    world.when(raise("node-a", 1, LOST, FATAL)).then(&["DeviceHealthChanged"]);
    assert_eq!(availability(&world, 1), Availability::Free);
}

#[test]
fn an_xids_rule_goes_before_its_kinds() {
    let mut world = twenty();
    let with_xid = |xid| Condition { xid: Some(xid), ..condition("xid.fatal", Severity::Critical) };
    let xids = vec![XidRule { code: 74, severity: Some(Severity::Warning), remedy: None, dry_run: false }];
    world.given(set_policy(HealthPolicy { xids, ..policy("xid.fatal", Some(FATAL), false) }));
    world.when(report_health("node-a", vec![finding(1, vec![with_xid(74)], &[])])).then(&["DeviceHealthChanged"]);
    world
        .when(report_health("node-a", vec![finding(2, vec![with_xid(48)], &[])]))
        .then(&["DeviceHealthChanged", "DeviceQuarantined"]);
}

#[test]
fn a_policy_that_makes_no_sense_is_refused() {
    let mut world = twenty();
    let breaker = |share_percent, at_least, window_seconds| HealthPolicy {
        breaker: Breaker { share_percent, at_least, window_seconds },
        ..HealthPolicy::default()
    };
    let mut twice = policy(LOST, None, true);
    twice.conditions.push(twice.conditions[0].clone());
    for wrong in [breaker(0, 3, 300), breaker(101, 3, 300), breaker(20, 0, 300), breaker(20, 3, 9), twice] {
        world.when(set_policy(wrong)).refused("request.malformed");
    }
}

#[test]
fn an_override_lets_a_device_work_for_a_time() {
    let mut world = twenty();
    world.given(raise("node-a", 1, LOST, FATAL));
    let until = world.now.plus_seconds(1000);
    world
        .when(override_condition(1, Some((LOST, until))))
        .then(&["DeviceConditionOverridden", "DeviceQuarantineLifted"]);
    assert_eq!(availability(&world, 1), Availability::Free);
    world.when(override_condition(1, Some((LOST, until)))).nothing();
    world.when(raise("node-a", 1, "xid.fatal", FATAL)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
    world.given(clear("node-a", 1, "xid.fatal"));
    assert_eq!(world.cluster.next_due(), Some(until));
    world.when(UPKEEP).nothing();
    world.now = until;
    world.when(UPKEEP).then(&["DeviceOverrideEnded", "DeviceQuarantined"]);
    world.when(override_condition(1, None)).nothing();
}

#[test]
fn an_override_names_a_kind_that_is_known() {
    let mut world = twenty();
    world.given(raise("node-a", 1, "xid.fatal", FATAL));
    let wish = |kind| override_condition(1, Some((kind, world.now.plus_seconds(1000))));
    let (typo, own) = (wish("gpu.lsot"), wish("rack.door_open"));
    let said = world.when(typo.clone()).result.unwrap_err().to_string();
    let expected = format!("no condition is of kind gpu.lsot (did you mean gpu.lost?); {} has xid.fatal", d(1));
    assert_eq!(said, expected);
    world.when(own.clone()).refused("device.unknown_condition");
    world.given(raise("node-a", 1, "rack.door_open", FATAL));
    world.when(own).then(&["DeviceConditionOverridden"]);
    world.given(clear("node-a", 1, "rack.door_open"));
    let longer = override_condition(1, Some(("rack.door_open", world.now.plus_seconds(2000))));
    world.when(longer).then(&["DeviceConditionOverridden"]);
    let rule = KindRule { kind: w("gpu.lsot"), severity: None, remedy: None, dry_run: false };
    world.given(set_policy(HealthPolicy { conditions: vec![rule], ..HealthPolicy::default() }));
    world.when(typo).then(&["DeviceOverrideEnded", "DeviceConditionOverridden"]);
}

#[test]
fn an_operator_ends_an_override() {
    let mut world = twenty();
    let until = world.now.plus_seconds(1000);
    world.when(override_condition(1, Some((LOST, until)))).then(&["DeviceConditionOverridden"]);
    world.when(raise("node-a", 1, LOST, FATAL)).then(&["DeviceHealthChanged"]);
    world.when(override_condition(1, None)).then(&["DeviceOverrideEnded", "DeviceQuarantined"]);
    for wrong in [world.now, world.now.plus_seconds(91 * 86_400)] {
        world.when(override_condition(1, Some((LOST, wrong)))).refused("request.malformed");
    }
}

#[test]
fn what_is_cleared_stays_so_until_it_begins_anew_or_is_seen_again() {
    let mut world = twenty();
    let at = |micros| Condition { first_seen: Timestamp::from_micros(micros), ..condition(LOST, Severity::Critical) };
    let told = |condition| report_health("node-a", vec![finding(1, vec![condition], &[])]);
    world.given(told(at(1)));
    world.when(dismiss(1, LOST)).then(&["DeviceConditionCleared", "DeviceQuarantineLifted"]);
    world.when(dismiss(1, LOST)).refused("device.no_condition");
    world.when(told(at(1))).nothing();
    let worse = Condition { severity: FATAL, ..at(1) };
    world.when(told(worse)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
    world.given(dismiss(1, LOST));
    world.when(told(at(2))).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
    world.given(dismiss(1, LOST));
    world.when(told(at(2))).nothing();
    let still = Condition { last_seen: Timestamp::from_micros(9), ..at(2) };
    world.when(told(still)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
}

#[test]
fn a_replacement_of_another_model_waits_to_be_given_to_a_pool() {
    let mut world = twenty();
    world.given(create_pool("vision", &[1, 2]));
    let others = || (2..=20).map(|n| seen(n, n, H100));
    world.given(report("node-a", others().collect()));
    let new = seen(1, 101, "NVIDIA B200");
    world.when(report("node-a", others().chain([new]).collect())).then(&["DeviceReplaced"]);
    assert_eq!(device(&world, 101).displaced_from, Some(w("vision")));
    assert_eq!(device(&world, 101).pool, Some(PoolName::default_pool()));
    world.given(create_pool("b200", &[101]));
    assert_eq!(device(&world, 101).displaced_from, None);
}

#[test]
fn the_parts_of_a_device_are_known() {
    let mut world = twenty();
    let divided = |parts: u32| {
        let instances = (0..parts).map(instance).collect();
        report("node-b", vec![Seen { instances, ..seen(1, 101, H100) }])
    };
    world.when(divided(2)).then(&["NodeRegistered", "DeviceDiscovered", "DeviceInstancesChanged"]);
    assert_eq!(device(&world, 101).instances.len(), 2);
    world.when(divided(2)).nothing();
    world.when(divided(0)).then(&["DeviceInstancesChanged"]);
    world.when(divided(17)).refused("request.malformed");
}

#[test]
fn a_refused_report_stands_in_the_log_and_changes_nothing() {
    let mut world = twenty();
    let before = world.cluster.nodes().clone();
    world.when(refuse_report("node-z", "report.malformed")).then(&["NodeReportRefused"]);
    assert_eq!(*world.cluster.nodes(), before);
}

#[test]
fn one_that_is_replaced_is_not_quarantined_any_more() {
    let mut world = twenty();
    world.given(report_backlog("node-a", vec![lost(1)]));
    let others = (2..=20).map(|n| seen(n, n, H100));
    world.when(report("node-a", others.chain([seen(1, 101, H100)]).collect())).then(&["DeviceReplaced"]);
}

#[test]
fn one_that_lost_its_slot_is_let_go_all_the_same() {
    let mut world = twenty();
    world.given(report("node-b", vec![seen(1, 101, H100)]));
    world.given(raise("node-b", 101, LOST, FATAL));
    // Another known device sits in its slot now.
    world.given(report("node-a", (2..=20).map(|n| seen(n, n, H100)).collect()));
    world.given(report("node-b", vec![seen(1, 1, H100)]));
    world.when(clear("node-b", 101, LOST)).then(&["DeviceHealthChanged", "DeviceQuarantineLifted"]);
}

#[test]
fn an_override_of_another_condition_ends_the_one_before() {
    let mut world = twenty();
    world.given(raise("node-a", 1, LOST, FATAL));
    world.given(raise("node-a", 1, "xid.fatal", FATAL));
    let until = world.now.plus_seconds(1000);
    world.when(override_condition(1, Some((LOST, until)))).then(&["DeviceConditionOverridden"]);
    world
        .when(override_condition(1, Some(("xid.fatal", until))))
        .then(&["DeviceOverrideEnded", "DeviceConditionOverridden"]);
    world.given(clear("node-a", 1, LOST));
    assert_eq!(availability(&world, 1), Availability::Free);
    world.now = until;
    world.when(UPKEEP).then(&["DeviceOverrideEnded", "DeviceQuarantined"]);
    assert_eq!(world.cluster.next_due(), None);
}
