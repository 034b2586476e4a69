//! Devices that are out of service for good: retired, replaced, reinstated, and what is known of them meanwhile.
use crate::{
    harness::{World, availability, device},
    snapshots::assert_survives,
    words::{
        H100, clear, condition, create_pool, d, finding, instance, inventory, lose, observe, raise, report,
        report_blind, report_health, retire, seen, w,
    },
};
use domain::{
    Availability, Command, CommandId, Context, Event, PoolName, Principal, Rejection, Stamp, Subject, decide,
    device::{self, Presence, Severity},
    evolve,
    node::{self, Reported, Seen},
};
use uuid::Uuid;

#[test]
fn a_replaced_one_that_is_put_back_takes_its_slot_again() {
    let mut world = World::with_fleet();
    world.given(report("node-a", [vec![seen(1, 21, H100)], inventory(&[2, 3, 4])].concat()));
    world.given(retire(1, false));
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).then(&["DeviceReturned", "DeviceMissing"]);
    world.given(lose("node-a"));
    assert_eq!((availability(&world, 1), availability(&world, 21)), (Availability::Unknown, Availability::Missing));
}

#[test]
fn a_new_one_in_the_slot_of_a_retired_one_is_discovered() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1]));
    world.given(retire(1, true));
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).nothing();
    world
        .when(report("node-a", [vec![seen(1, 21, H100)], inventory(&[2, 3, 4])].concat()))
        .then(&["DeviceDiscovered", "DeviceMissing"]);
    assert_eq!(device(&world, 21).pool, Some(PoolName::default_pool()));
    world.when(retire(1, false)).then(&["DeviceReinstated"]);
}

#[test]
fn operators_retire_and_reinstate() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.when(retire(1, true)).then(&["DeviceRetired"]);
    world.when(retire(1, true)).nothing();
    assert_eq!(world.cluster.revision(&Subject::Pool(w("vision"))), Some(world.position()));
    world.when(retire(1, false)).exactly(&[
        Event::Device(device::Event::Reinstated { device: d(1) }),
        Event::Device(device::Event::Returned { device: d(1), node: w("node-a") }),
    ]);
    world.when(retire(1, false)).nothing();
    assert_eq!((device(&world, 1).presence(), availability(&world, 1)), (Presence::Present, Availability::Free));
    assert_eq!(device(&world, 1).pool, Some(PoolName::default_pool()));
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).nothing();
    world.when(retire(99, true)).refused("device.not_found");
}

#[test]
fn one_under_a_job_is_not_retired() {
    let mut world = World::with_fleet();
    world.given(observe("process/node-a/1", None, &[1]));
    let job = world.last_job();
    world.when(retire(1, true)).refused_for(&Rejection::DeviceBusy { device: d(1), jobs: vec![job] });
}

#[test]
fn what_ails_a_retired_device_goes_on_being_known() {
    let mut world = World::with_fleet();
    world.given(raise("node-a", 1, "gpu.lost", Severity::Fatal));
    world.given(retire(1, true));
    world.when(clear("node-a", 1, "gpu.lost")).then(&["DeviceHealthChanged", "DeviceQuarantineLifted"]);
    world.given(retire(1, false));
    assert_eq!(availability(&world, 1), Availability::Free);
}

#[test]
fn it_is_known_of_a_retired_one_whether_it_is_there() {
    let mut world = World::with_fleet();
    world.given(retire(1, true));
    world
        .when(report("node-a", inventory(&[2, 3, 4])))
        .exactly(&[Event::Device(device::Event::Missing { device: d(1), node: w("node-a") })]);
    assert_eq!(device(&world, 1).presence(), Presence::Retired);
    world.when(report("node-a", inventory(&[2, 3, 4]))).nothing();
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).then(&["DeviceReturned"]);
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).nothing();
    // Where it is elsewhere, is not followed.
    world.when(report("node-a", [vec![seen(7, 1, H100)], inventory(&[2, 3, 4])].concat())).then(&["DeviceMissing"]);
    world.when(retire(1, false)).then(&["DeviceReinstated"]);
    assert_eq!(availability(&world, 1), Availability::Missing, "until it is reported from where it is");
}

#[test]
fn what_a_retired_one_is_like_is_followed_where_it_is_reported() {
    let mut world = World::with_fleet();
    world.given(retire(1, true));
    let divided = Seen { instances: vec![instance(0)], ..seen(1, 1, H100) };
    world.when(report("node-a", [vec![divided], inventory(&[2, 3, 4])].concat())).then(&["DeviceInstancesChanged"]);
    let unread = world.when(report_blind("node-a")).result.expect("it is taken");
    assert_eq!(unread.iter().filter(|event| event.name() == "DeviceHealthChanged").count(), 4);
    world.given(retire(1, false));
    assert_eq!(availability(&world, 1), Availability::Unknown);
}

/// The host of node-a was silent, another one took its name, and the first is back.
#[test]
fn after_a_takeover_the_old_devices_are_there_as_soon_as_they_are_reinstated() {
    let mut world = World::with_fleet();
    world.given(report("node-a", (1..=4).map(|n| seen(n, n + 20, H100)).collect()));
    let back = world.when(report("node-a", inventory(&[1, 2, 3, 4]))).result.expect("it is taken");
    let count = |name| back.iter().filter(|event| event.name() == name).count();
    assert_eq!((count("DeviceReturned"), count("DeviceMissing")), (4, 4));
    let lacks = |world: &World| {
        let node = world.cluster.node(&w("node-a")).expect("the node is known");
        Reported::of(&world.cluster, node).short(node)
    };
    assert_eq!(lacks(&world), 4, "those that are in service are not there");
    assert_survives(&world.cluster);
    for n in 1..=4 {
        world.when(retire(n, false)).then(&["DeviceReinstated", "DeviceReturned"]);
        world.when(retire(n + 20, true)).then(&["DeviceRetired"]);
        assert_eq!((availability(&world, n), lacks(&world)), (Availability::Free, 4 - u32::from(n)));
    }
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).nothing();
    // And the same with one that is reported in the slot of another until that one is gone for good.
    world.given(report("node-a", [vec![seen(1, 31, H100)], inventory(&[2, 3, 4])].concat()));
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).then(&["DeviceReturned", "DeviceMissing"]);
    world
        .when(report("node-a", [vec![seen(1, 41, H100)], inventory(&[2, 3, 4])].concat()))
        .then(&["DeviceReplaced", "DeviceMissing"]);
    world.when(retire(1, false)).then(&["DeviceReinstated"]);
}

/// Once, nothing was recorded of whether a retired device is there: its reinstatement made it missing.
#[test]
fn a_log_in_which_reinstated_devices_were_missing_is_read_as_it_was() {
    let mut world = World::with_fleet();
    world.given(retire(1, true));
    let at = Stamp { position: world.position().next(), recorded_at: world.now };
    evolve(&mut world.cluster, at, &Event::Device(device::Event::Reinstated { device: d(1) }));
    assert_eq!(device(&world, 1).presence(), Presence::Missing);
    assert_survives(&world.cluster);
}

/// The same: neither a retired node nor a slot that is another's has it.
#[test]
fn a_log_in_which_nothing_was_said_of_retired_devices_makes_none_appear() {
    let mut world = World::with_fleet();
    world.given(retire(1, true));
    let at = Stamp { position: world.position().next(), recorded_at: world.now };
    evolve(&mut world.cluster, at, &Event::Node(node::Event::Retired { node: w("node-a") }));
    let back = Command::Device(device::Command::Retire { device: d(1), retired: false });
    assert_eq!(decided(&world, &back), ["DeviceReinstated"]);

    let mut world = World::with_fleet();
    world.given(retire(1, true));
    let (slot, model) = (device(&world, 1).slot, device(&world, 1).model.clone());
    let (node, memory_bytes) = (w("node-a"), 80 << 30);
    let taken = device::Event::Discovered { device: d(31), node, slot, model, memory_bytes, cordoned: false };
    let at = Stamp { position: world.position().next(), recorded_at: world.now };
    evolve(&mut world.cluster, at, &Event::Device(taken));
    assert_eq!(decided(&world, &back), ["DeviceReinstated"]);
}

/// What would happen, in a state that no history of today leads to.
fn decided(world: &World, command: &Command) -> Vec<&'static str> {
    let (id, asker) = (CommandId::from_uuid(Uuid::from_u128(1 << 100)), Principal::SYSTEM);
    let context = Context { now: world.now, command: id, asker: &asker, has_reason: false, limits: &world.limits };
    decide(&world.cluster, command, &context).expect("it is accepted").iter().map(Event::name).collect()
}

#[test]
fn a_retired_device_on_another_node_spoils_no_report() {
    let mut world = World::with_fleet();
    world.given(retire(1, true));
    world.when(report("node-b", [inventory(&[5, 6, 7, 8]), vec![seen(1, 1, H100)]].concat())).nothing();
    let lost = |n| finding(n, vec![condition("gpu.lost", Severity::Fatal)], &[]);
    world.when(report_health("node-b", vec![lost(1), lost(5)])).then(&["DeviceHealthChanged", "DeviceQuarantined"]);
    assert_eq!(device(&world, 1).conditions, []);
}
