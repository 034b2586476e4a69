use crate::{
    harness::{World, availability, device},
    words::{
        A100, H100, clear, condition, cordon, create_group, create_pool, d, finding, inventory, observe, observe_end,
        onboard, raise, report, report_health, retire, retire_node, seen, slot, start, w,
    },
};
use domain::{
    Availability, Event, PoolName, Rejection, Subject,
    device::{self, Condition, Device, Finding, Presence, Severity},
};

#[test]
fn a_setting_makes_new_devices_start_cordoned() {
    let mut world = World::founded();
    world.limits.cordon_new_devices = true;
    world.given(report("node-a", inventory(&[1])));
    assert_eq!(availability(&world, 1), Availability::Cordoned);
    world.when(cordon(1, false)).then(&["DeviceUncordoned"]);
}

#[test]
fn one_that_is_not_reported_is_missing_not_forgotten() {
    let mut world = World::with_fleet();
    world
        .when(report("node-a", inventory(&[1, 2, 3])))
        .exactly(&[Event::Device(device::Event::Missing { device: d(4), node: w("node-a") })]);
    assert_eq!(availability(&world, 4), Availability::Missing);
    assert_eq!(device(&world, 4).pool, Some(PoolName::default_pool()));
    world.when(report("node-a", inventory(&[1, 2, 3]))).nothing();
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).then(&["DeviceReturned"]);
    assert_eq!(availability(&world, 4), Availability::Free);
}

#[test]
fn one_that_is_missing_under_a_job_stays_claimed_until_the_job_ends() {
    let mut world = World::with_fleet();
    world.given(start("operator", 8));
    let job = world.last_job();
    world.given(report("node-a", inventory(&[1, 2, 3])));
    assert_eq!((availability(&world, 4), device(&world, 4).job), (Availability::Busy, Some(job)));
    world.ended(job);
    assert_eq!(availability(&world, 4), Availability::Missing);
}

/// Devices 1 and 2 are a pool, with 1 cordoned and missing.
fn with_a_gap() -> World {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(cordon(1, true));
    world.given(report("node-a", inventory(&[2, 3, 4])));
    world
}

#[test]
fn a_new_one_in_the_slot_of_a_missing_one_replaces_it() {
    let mut world = with_a_gap();
    world.when(report("node-a", [vec![seen(1, 21, H100)], inventory(&[2, 3, 4])].concat())).exactly(&[Event::Device(
        device::Event::Replaced {
            device: d(1),
            replacement: d(21),
            node: w("node-a"),
            slot: slot(1),
            model: w(H100),
            memory_bytes: 80 << 30,
            from: w("vision"),
            pool: w("vision"),
            cordoned: true,
        },
    )]);
    assert_eq!((device(&world, 1).presence(), &device(&world, 1).pool), (Presence::Retired, &None));
    let new = device(&world, 21);
    assert_eq!((new.pool.clone(), new.cordoned, new.job), (Some(w("vision")), true, None));
    assert_eq!((new.replaces, device(&world, 2).replaces), (Some(d(1)), None), "it is known what it replaced");
    // The old one is out of service also when it shows up elsewhere, until it is reinstated.
    world.given(report("node-a", [vec![seen(1, 21, H100)], inventory(&[2, 3])].concat()));
    let elsewhere = || [vec![seen(1, 21, H100), seen(7, 1, H100)], inventory(&[2, 3])].concat();
    world.when(report("node-a", elsewhere())).nothing();
    world.when(retire(1, false)).then(&["DeviceReinstated"]);
    world.when(report("node-a", elsewhere())).then(&["DeviceMoved"]);
    assert_eq!(availability(&world, 1), Availability::Cordoned);
}

#[test]
fn one_is_replaced_in_the_same_report_in_which_it_is_gone() {
    let mut world = World::with_fleet();
    world.when(report("node-a", [vec![seen(1, 21, H100)], inventory(&[2, 3, 4])].concat())).then(&["DeviceReplaced"]);
}

#[test]
fn a_replacement_of_another_model_goes_to_the_default_pool() {
    let mut world = with_a_gap();
    world.given(report("node-a", [vec![seen(1, 21, A100)], inventory(&[2, 3, 4])].concat()));
    assert_eq!(device(&world, 21).pool, Some(PoolName::default_pool()));
    assert!(device(&world, 21).cordoned, "it inherits the cordon");
}

#[test]
fn a_job_keeps_its_claim_on_a_replaced_device_until_it_ends() {
    let mut world = World::with_fleet();
    world.given(start("operator", 8));
    let job = world.last_job();
    world.given(report("node-a", [vec![seen(1, 21, H100)], inventory(&[2, 3, 4])].concat()));
    assert_eq!(device(&world, 1).job, Some(job));
    assert_eq!(availability(&world, 21), Availability::Free, "the new one is free");
    world.ended(job);
    assert_eq!((device(&world, 1).job, device(&world, 1).presence()), (None, Presence::Retired));
}

#[test]
fn a_known_one_in_another_slot_has_moved() {
    let mut world = World::with_fleet();
    world.when(report("node-a", [vec![seen(7, 1, H100)], inventory(&[2, 3, 4])].concat())).exactly(&[Event::Device(
        device::Event::Moved { device: d(1), from: w("node-a"), node: w("node-a"), slot: slot(7) },
    )]);
    // And its old slot is free for another, which replaces nothing.
    world
        .when(report("node-a", [vec![seen(7, 1, H100), seen(1, 21, H100)], inventory(&[2, 3, 4])].concat()))
        .then(&["DeviceDiscovered"]);
}

#[test]
fn two_may_swap_their_slots() {
    let mut world = World::with_fleet();
    let swapped = || [vec![seen(2, 1, H100), seen(1, 2, H100)], inventory(&[3, 4])].concat();
    world.when(report("node-a", swapped())).then(&["DeviceMoved", "DeviceMoved"]);
    assert_eq!((device(&world, 1).slot, device(&world, 2).slot), (slot(2), slot(1)));
    world.when(report("node-a", swapped())).nothing();
}

#[test]
fn one_may_move_into_the_slot_of_one_that_is_gone() {
    let mut world = World::with_fleet();
    let shifted = || [vec![seen(1, 2, H100)], inventory(&[3, 4])].concat();
    world.when(report("node-a", shifted())).then(&["DeviceMoved", "DeviceMissing"]);
    world.when(report("node-a", shifted())).nothing();
    // The one without a slot is no one's predecessor, and may come back where there is room.
    world.when(report("node-a", [shifted(), vec![seen(2, 1, H100)]].concat())).then(&["DeviceMoved"]);
    assert_eq!(availability(&world, 1), Availability::Free);
}

#[test]
fn one_that_moved_aside_for_a_new_one_is_not_replaced_by_it() {
    let mut world = World::with_fleet();
    world
        .when(report("node-a", [vec![seen(1, 21, H100), seen(7, 1, H100)], inventory(&[2, 3, 4])].concat()))
        .then(&["DeviceDiscovered", "DeviceMoved"]);
    assert_eq!(device(&world, 1).presence(), Presence::Present);
}

#[test]
fn operators_cordon_and_a_repeat_is_harmless() {
    let mut world = World::with_fleet();
    world.when(cordon(1, true)).then(&["DeviceCordoned"]);
    world.when(cordon(1, true)).nothing();
    assert_eq!(availability(&world, 1), Availability::Cordoned);
    world.when(cordon(1, false)).then(&["DeviceUncordoned"]);
    world.when(cordon(1, false)).nothing();
    world.when(cordon(99, true)).refused_for(&Rejection::NotFound(Subject::Device(d(99))));
    world.given(retire(1, true));
    world.when(cordon(1, true)).refused_for(&Rejection::DeviceRetired { devices: vec![d(1)] });
}

#[test]
fn health_is_recorded_on_a_change_and_never_per_sample() {
    let mut world = World::with_fleet();
    let warm = || condition("thermal.slowdown", Severity::Warning);
    world.when(report_health("node-a", vec![finding(1, vec![warm()], &[])])).then(&["DeviceHealthChanged"]);
    let later = Condition { last_seen: domain::Timestamp::from_micros(99), ..warm() };
    world.when(report_health("node-a", vec![finding(1, vec![later], &[])])).nothing();
    let worse = Condition { reason: "hotter".into(), ..warm() };
    world.when(report_health("node-a", vec![finding(1, vec![worse], &[])])).then(&["DeviceHealthChanged"]);
    world.when(clear("node-a", 1, "gpu.lost")).nothing();
    world.when(clear("node-a", 1, "thermal.slowdown")).then(&["DeviceHealthChanged"]);
    assert_eq!(device(&world, 1).conditions, []);
}

#[test]
fn a_condition_that_is_raised_again_keeps_its_first_sight() {
    let mut world = World::with_fleet();
    world.given(raise("node-a", 1, "ecc.pending", Severity::Warning));
    let again = Condition {
        severity: Severity::Critical,
        first_seen: domain::Timestamp::from_micros(50),
        ..condition("ecc.pending", Severity::Warning)
    };
    world.given(report_health("node-a", vec![finding(1, vec![again], &[])]));
    let [now] = &device(&world, 1).conditions[..] else { panic!("there is one condition") };
    assert_eq!((now.severity, now.first_seen.micros()), (Severity::Critical, 1));
}

#[test]
fn critical_and_fatal_quarantine_and_the_device_comes_back_by_itself() {
    for severity in [Severity::Info, Severity::Warning, Severity::Critical, Severity::Fatal] {
        let mut world = World::with_fleet();
        let quarantines = severity.quarantines();
        let expected: &[_] =
            if quarantines { &["DeviceHealthChanged", "DeviceQuarantined"] } else { &["DeviceHealthChanged"] };
        world.when(raise("node-a", 1, "gpu.lost", severity)).then(expected);
        let state = if quarantines { Availability::Quarantined } else { Availability::Free };
        assert_eq!(availability(&world, 1), state);
        assert_eq!(device(&world, 1).pool, Some(PoolName::default_pool()), "it stays in its pool");
        let expected: &[_] =
            if quarantines { &["DeviceHealthChanged", "DeviceQuarantineLifted"] } else { &["DeviceHealthChanged"] };
        world.when(clear("node-a", 1, "gpu.lost")).then(expected);
        assert_eq!(availability(&world, 1), Availability::Free);
    }
}

#[test]
fn the_last_bad_condition_lifts_the_quarantine() {
    let mut world = World::with_fleet();
    world.given(raise("node-a", 1, "gpu.lost", Severity::Fatal));
    world.when(raise("node-a", 1, "xid.fatal", Severity::Critical)).then(&["DeviceHealthChanged"]);
    world.when(clear("node-a", 1, "gpu.lost")).then(&["DeviceHealthChanged"]);
    assert_eq!(availability(&world, 1), Availability::Quarantined);
    world.when(clear("node-a", 1, "xid.fatal")).then(&["DeviceHealthChanged", "DeviceQuarantineLifted"]);
}

#[test]
fn one_that_cannot_be_read_is_unknown_and_neither_healthy_nor_sick() {
    let mut world = World::with_fleet();
    let unread = |readable| report_health("node-a", vec![Finding { readable, ..finding(1, vec![], &[]) }]);
    world.when(unread(false)).then(&["DeviceHealthChanged"]);
    world.when(unread(false)).nothing();
    assert_eq!(availability(&world, 1), Availability::Unknown);
    world.when(unread(true)).then(&["DeviceHealthChanged"]);
    assert_eq!(availability(&world, 1), Availability::Free);
}

#[test]
fn a_quarantine_takes_no_device_from_a_job() {
    let mut world = World::with_fleet();
    world.given(start("operator", 8));
    let job = world.last_job();
    world.given(raise("node-a", 1, "gpu.lost", Severity::Fatal));
    assert_eq!((availability(&world, 1), device(&world, 1).job), (Availability::Busy, Some(job)));
    world.ended(job);
    assert_eq!(availability(&world, 1), Availability::Quarantined);
}

#[test]
fn a_finding_that_contradicts_itself_or_is_too_large_is_refused() {
    let mut world = World::with_fleet();
    let bad = |raised, cleared: &[&str]| report_health("node-a", vec![finding(1, raised, cleared)]);
    let lost = || condition("gpu.lost", Severity::Fatal);
    world.when(bad(vec![lost(), lost()], &[])).refused("request.malformed");
    world.when(bad(vec![lost()], &["gpu.lost"])).refused("request.malformed");
    world.when(bad(vec![], &["gpu.lost", "gpu.lost"])).refused("request.malformed");
    let wordy = Condition { reason: "x".repeat(Condition::REASON_MAX + 1).into(), ..lost() };
    world.when(bad(vec![wordy], &[])).refused("request.malformed");
    let many = |from: usize, to: usize| (from..to).map(|n| condition(&format!("xid.n{n}"), Severity::Info)).collect();
    world.when(bad(many(0, 33), &[])).refused("request.malformed");
    world.given(bad(many(0, 32), &[]));
    world.when(bad(many(32, 33), &[])).refused("request.malformed");
    world.when(bad(many(32, 33), &["xid.n0"])).then(&["DeviceHealthChanged"]);
}

#[test]
fn the_largest_finding_can_be_written_down() {
    let mut world = World::with_fleet();
    let long = |prefix: &str, n: usize| format!("{prefix}.{}{n:02}", "x".repeat(60));
    let largest = |prefix: &str| -> Vec<Condition> {
        let condition = |n| Condition {
            reason: "x".repeat(Condition::REASON_MAX).into(),
            xid: Some(u32::MAX),
            ..condition(&long(prefix, n), Severity::Fatal)
        };
        (0..Device::CONDITIONS_MAX).map(condition).collect()
    };
    world.given(report_health("node-a", vec![finding(1, largest("a"), &[])]));
    let cleared: Vec<String> = (0..Device::CONDITIONS_MAX).map(|n| long("a", n)).collect();
    let cleared: Vec<&str> = cleared.iter().map(String::as_str).collect();
    // The harness writes every event that happens.
    world.given(report_health("node-a", vec![finding(1, largest("b"), &cleared)]));
}

#[test]
fn a_job_that_was_seen_before_its_device_is_on_it_once_it_is_known() {
    let mut world = World::with_fleet();
    world.given(observe("process/node-d/1", None, &[21]));
    world.given(report("node-d", vec![seen(1, 21, H100)]));
    assert_eq!(device(&world, 21).observed, [world.last_job()]);
    assert_eq!(availability(&world, 21), Availability::Busy);
}

#[test]
fn a_job_that_ended_before_its_device_was_known_is_not_on_it() {
    let mut world = World::with_fleet();
    world.given(observe("process/node-d/1", None, &[21]));
    world.given(observe("process/node-d/2", None, &[21, 22]));
    world.given(observe_end("process/node-d/1"));
    world.given(report("node-d", vec![seen(1, 21, H100)]));
    assert_eq!(device(&world, 21).observed, [world.last_job()]);
    world.given(observe_end("process/node-d/2"));
    world.given(report("node-d", vec![seen(1, 21, H100), seen(2, 22, H100)]));
    assert_eq!((availability(&world, 21), availability(&world, 22)), (Availability::Free, Availability::Free));
}

#[test]
fn a_pool_and_a_node_that_a_device_leaves_are_told_so() {
    let named = |world: &World, subject: &Subject| world.log.last().expect("an event").subjects.contains(subject);
    let (vision, default) = (Subject::Pool(w("vision")), Subject::Pool(PoolName::default_pool()));
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(retire(1, true));
    assert!(named(&world, &vision) && !named(&world, &default));
    world.given(report("node-a", inventory(&[2, 3, 4])));
    world.given(retire(1, false));
    assert!(named(&world, &default) && !named(&world, &vision));
    world.given(report("node-a", inventory(&[1, 2, 3, 4])));
    // One of another model takes the slot, and not the place in the pool.
    world.given(report("node-a", [vec![seen(2, 21, A100)], inventory(&[1, 3, 4])].concat()));
    let replaced =
        world.log.iter().rfind(|recorded| recorded.event.name() == "DeviceReplaced").expect("it is replaced");
    assert!([&vision, &default].into_iter().all(|pool| replaced.subjects.contains(pool)));
    world.given(report("node-a", inventory(&[1, 3])));
    world.given(report("node-b", inventory(&[5, 6, 7, 8, 4])));
    assert!(["node-a", "node-b"].into_iter().all(|node| named(&world, &Subject::Node(w(node)))));
}

#[test]
fn health_leaves_a_devices_revision_and_an_operators_wish_moves_it() {
    let mut world = World::with_fleet();
    let subject = Subject::Device(d(1));
    let seen_at = world.cluster.revision(&subject);
    world.given(raise("node-a", 1, "gpu.lost", Severity::Fatal));
    world.given(report("node-a", inventory(&[2, 3, 4])));
    world.given(report("node-a", inventory(&[1, 2, 3, 4])));
    assert_eq!(world.cluster.revision(&subject), seen_at);
    world.given(cordon(1, true));
    assert_eq!(world.cluster.revision(&subject), Some(world.position()));
    world.given(create_pool("vision", &[1]));
    assert_eq!(world.cluster.revision(&subject), Some(world.position()));
    world.given(create_group("research", &[], Some("vision")));
    world.given(onboard(&["ada"], Some("research")));
    world.given(retire_node("node-a", true));
    assert!(world.cluster.revision(&subject) > seen_at);
}
