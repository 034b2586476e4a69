//! Who is quarantined, and what keeps that within bounds: settled reports, the breaker, the policy, overrides, clears.
use crate::{
    harness::{World, availability, device},
    snapshots::assert_survives,
    words::{
        H100, UPKEEP, clear, condition, create_pool, d, dismiss, end_overrides, finding, instance, override_condition,
        raise, refuse_report, report, report_backlog, report_health, reset_breaker, retire, seen, set_policy, w,
    },
};
use domain::{
    Availability, Event, PoolName, Rejection, Stamp, Subject, Timestamp, Warning,
    device::{self, Condition, Device, Severity},
    evolve,
    node::Seen,
    policy::{Breaker, HealthPolicy, KindRule, XidRule},
};

const LOST: &str = "gpu.lost";
const FATAL: Severity = Severity::Fatal;

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
    world.when(override_condition(1, LOST, until)).then(&["DeviceConditionOverridden", "DeviceQuarantineLifted"]);
    assert_eq!(availability(&world, 1), Availability::Free);
    world.when(override_condition(1, LOST, until)).nothing();
    world.when(raise("node-a", 1, "xid.fatal", FATAL)).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
    world.given(clear("node-a", 1, "xid.fatal"));
    assert_eq!(world.cluster.next_due(), Some(until));
    world.when(UPKEEP).nothing();
    world.now = until;
    world.when(UPKEEP).then(&["DeviceOverrideEnded", "DeviceQuarantined"]);
    world.when(end_overrides(1, None)).nothing();
}

#[test]
fn a_retired_device_is_not_overridden_and_keeps_what_it_had_as_it_keeps_its_cordon() {
    let mut world = twenty();
    world.given(raise("node-a", 1, LOST, FATAL));
    let until = world.now.plus_seconds(1000);
    world.given(override_condition(1, LOST, until));
    world.given(retire(1, true));
    let longer = override_condition(1, LOST, until.plus_seconds(1));
    world.when(longer).refused_for(&Rejection::DeviceRetired { devices: vec![d(1)] });
    world.given(retire(1, false));
    assert_eq!(availability(&world, 1), Availability::Free);
    world.given(retire(1, true));
    world.when(end_overrides(1, None)).then(&["DeviceOverrideEnded", "DeviceQuarantined"]);
}

#[test]
fn an_override_names_a_kind_that_is_known() {
    let mut world = twenty();
    world.given(raise("node-a", 1, "xid.fatal", FATAL));
    let wish = |kind| override_condition(1, kind, world.now.plus_seconds(1000));
    let (typo, own) = (wish("gpu.lsot"), wish("rack.door_open"));
    let said = world.when(typo.clone()).result.unwrap_err().to_string();
    let expected = format!("no condition is of kind gpu.lsot (did you mean gpu.lost?); {} has xid.fatal", d(1));
    assert_eq!(said, expected);
    world.when(own.clone()).refused("device.unknown_condition");
    world.given(raise("node-a", 1, "rack.door_open", FATAL));
    world.when(own).then(&["DeviceConditionOverridden"]);
    world.given(clear("node-a", 1, "rack.door_open"));
    let longer = override_condition(1, "rack.door_open", world.now.plus_seconds(2000));
    world.when(longer).then(&["DeviceConditionOverridden"]);
    let rule = KindRule { kind: w("gpu.lsot"), severity: None, remedy: None, dry_run: false };
    world.given(set_policy(HealthPolicy { conditions: vec![rule], ..HealthPolicy::default() }));
    world.when(typo).then(&["DeviceConditionOverridden"]);
}

#[test]
fn a_policy_that_names_a_kind_that_nobody_knows_is_taken_and_warned_of() {
    let mut world = twenty();
    world.given(raise("node-a", 1, "rack.door_open", FATAL));
    let strange = |kind, alike: Option<&str>| Warning::UnknownCondition { kind: w(kind), alike: alike.map(w) };
    for known in [LOST, "rack.door_open"] {
        assert_eq!(world.clone().when(set_policy(policy(known, None, true))).warnings, [], "{known}");
    }
    let mut named = |kind| world.when(set_policy(policy(kind, None, true))).warnings;
    assert_eq!(named("gpu.lsot"), [strange("gpu.lsot", Some(LOST))]);
    assert_eq!(named("site.fan_stopped"), [strange("site.fan_stopped", None)]);
    let again = set_policy(policy("site.fan_stopped", Some(FATAL), false));
    assert_eq!(world.when(again).warnings, [], "it was said when it was first named");
}

#[test]
fn an_operator_ends_an_override() {
    let mut world = twenty();
    let until = world.now.plus_seconds(1000);
    world.when(override_condition(1, LOST, until)).then(&["DeviceConditionOverridden"]);
    world.when(raise("node-a", 1, LOST, FATAL)).then(&["DeviceHealthChanged"]);
    world.when(end_overrides(1, None)).then(&["DeviceOverrideEnded", "DeviceQuarantined"]);
    for wrong in [world.now, world.now.plus_seconds(91 * 86_400)] {
        world.when(override_condition(1, LOST, wrong)).refused("request.malformed");
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

/// Device 1 with two conditions that keep work from it, both overridden until times to come.
fn overridden_twice() -> (World, Timestamp, Timestamp) {
    let mut world = twenty();
    world.given(raise("node-a", 1, LOST, FATAL));
    world.given(raise("node-a", 1, "xid.fatal", FATAL));
    let (sooner, later) = (world.now.plus_seconds(1000), world.now.plus_seconds(2000));
    world.when(override_condition(1, LOST, later)).then(&["DeviceConditionOverridden"]);
    assert_eq!(availability(&world, 1), Availability::Quarantined, "the other one keeps work from it");
    world
        .when(override_condition(1, "xid.fatal", sooner))
        .then(&["DeviceConditionOverridden", "DeviceQuarantineLifted"]);
    assert_eq!(availability(&world, 1), Availability::Free);
    (world, sooner, later)
}

#[test]
fn each_condition_has_an_override_of_its_own_which_ends_in_its_time() {
    let (mut world, sooner, later) = overridden_twice();
    let kinds: Vec<_> = device(&world, 1).overrides.iter().map(|wish| wish.condition.as_str().to_owned()).collect();
    assert_eq!(kinds, [LOST, "xid.fatal"], "by kind");
    assert_survives(&world.cluster);
    assert_eq!(world.cluster.next_due(), Some(sooner));
    world.now = sooner;
    let ended = |condition: &str| Event::Device(device::Event::OverrideEnded { device: d(1), condition: w(condition) });
    let quarantined = Event::Device(device::Event::Quarantined { device: d(1), condition: w("xid.fatal") });
    world.when(UPKEEP).exactly(&[ended("xid.fatal"), quarantined]);
    assert_eq!(world.cluster.next_due(), Some(later));
    world.now = later;
    world.when(UPKEEP).exactly(&[ended(LOST)]);
    assert_eq!(world.cluster.next_due(), None);
}

#[test]
fn overrides_that_end_at_once_quarantine_once() {
    let (mut world, _, later) = overridden_twice();
    world.now = later;
    world.when(UPKEEP).then(&["DeviceOverrideEnded", "DeviceOverrideEnded", "DeviceQuarantined"]);
    assert_eq!(availability(&world, 1), Availability::Quarantined);
    world.when(UPKEEP).nothing();
}

#[test]
fn an_operator_ends_one_override_or_all() {
    let (mut world, ..) = overridden_twice();
    world.when(end_overrides(1, Some("thermal.over_limit"))).nothing();
    world.when(end_overrides(1, Some(LOST))).then(&["DeviceOverrideEnded", "DeviceQuarantined"]);
    world.when(end_overrides(1, Some(LOST))).nothing();
    let (mut world, sooner, _) = overridden_twice();
    world.when(override_condition(1, LOST, sooner)).then(&["DeviceConditionOverridden"]);
    assert_eq!(device(&world, 1).overrides.len(), 2, "another end of the same one is no other override");
    world.when(end_overrides(1, None)).then(&["DeviceOverrideEnded", "DeviceOverrideEnded", "DeviceQuarantined"]);
    assert_eq!((&device(&world, 1).overrides[..], world.cluster.next_due()), (&[][..], None));
    world.when(end_overrides(99, None)).refused("device.not_found");
}

#[test]
fn not_more_conditions_are_overridden_than_there_may_be() {
    let mut world = twenty();
    let rules = (0..=Device::CONDITIONS_MAX).map(|n| format!("rack.n{n:02}"));
    let rule = |kind: String| KindRule { kind: w(&kind), severity: None, remedy: None, dry_run: false };
    world.given(set_policy(HealthPolicy { conditions: rules.map(rule).collect(), ..HealthPolicy::default() }));
    let wish = |n: usize, until| override_condition(1, &format!("rack.n{n:02}"), until);
    let until = world.now.plus_seconds(1000);
    for n in 0..Device::CONDITIONS_MAX {
        world.given(wish(n, until));
    }
    world.when(wish(Device::CONDITIONS_MAX, until)).refused("request.malformed");
    world.when(wish(0, until.plus_seconds(1))).then(&["DeviceConditionOverridden"]);
}

/// Once, there was one override at a time: that of another condition was recorded behind the end of the one before.
#[test]
fn a_log_of_when_there_was_one_override_at_a_time_is_read_as_it_was() {
    let mut world = twenty();
    let (first, second) = (world.now.plus_seconds(1000), world.now.plus_seconds(2000));
    let overridden =
        |condition: &str, until| device::Event::ConditionOverridden { device: d(1), condition: w(condition), until };
    let ended = device::Event::OverrideEnded { device: d(1), condition: w(LOST) };
    for event in [overridden(LOST, first), overridden(LOST, second), ended, overridden("xid.fatal", first)] {
        let at = Stamp { position: world.position().next(), recorded_at: world.now };
        evolve(&mut world.cluster, at, &Event::Device(event));
    }
    let [wish] = &device(&world, 1).overrides[..] else { panic!("there is one: {:?}", device(&world, 1)) };
    assert_eq!((wish.condition.as_str(), wish.until), ("xid.fatal", first));
    assert_eq!(world.cluster.next_due(), Some(first));
    assert_survives(&world.cluster);
}
