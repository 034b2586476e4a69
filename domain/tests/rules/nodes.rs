use crate::{
    harness::{World, availability},
    words::{
        A100, H100, cordon, cordon_node, create_pool, d, expect_devices, facts, finding, hear, inventory, lose,
        observe, observe_end, raise, report, report_blind, report_facts, report_health, retire, retire_node, seen,
        slot, start, w,
    },
};
use domain::{
    Availability, Event, NodeName, PoolName, Rejection, Subject,
    device::{self, DeviceId, Presence, Severity},
    node::{self, Contact, Facts},
};

fn contact(world: &World, node: &str) -> Contact {
    world.cluster.node(&w(node)).expect("the node is known").contact
}

#[test]
fn a_first_report_registers_the_node_and_discovers_its_devices() {
    let mut world = World::founded();
    let node = || w::<NodeName>("node-a");
    world.when(report("node-a", inventory(&[1]))).exactly(&[
        Event::Node(node::Event::Registered { node: node(), facts: facts() }),
        Event::Device(device::Event::Discovered {
            device: d(1),
            node: node(),
            slot: slot(1),
            model: w(H100),
            memory_bytes: 80 << 30,
            cordoned: false,
        }),
    ]);
    assert_eq!(world.cluster.device(d(1)).and_then(|device| device.pool.clone()), Some(PoolName::default_pool()));
    world.when(report("node-b", vec![])).then(&["NodeRegistered"]);
}

#[test]
fn the_same_report_again_changes_nothing() {
    let mut world = World::with_fleet();
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).nothing();
    world.when(report("node-a", inventory(&[4, 3, 2, 1]))).nothing();
}

#[test]
fn what_the_agent_says_of_its_host_is_recorded_when_it_changes() {
    let mut world = World::with_fleet();
    let restarted = Facts { boot_id: "boot-2".into(), ..facts() };
    world.when(report_facts("node-a", restarted.clone(), inventory(&[1, 2, 3, 4]))).then(&["NodeFactsChanged"]);
    world.when(report_facts("node-a", restarted, inventory(&[1, 2, 3, 4]))).nothing();
}

#[test]
fn a_silent_node_is_lost_and_its_devices_are_of_unknown_health() {
    let mut world = World::with_fleet();
    world.when(lose("node-a")).then(&["NodeLost"]);
    world.when(lose("node-a")).nothing();
    assert_eq!(availability(&world, 1), Availability::Unknown);
    assert_eq!(availability(&world, 5), Availability::Free);
    world.when(lose("nowhere")).refused_for(&Rejection::NotFound(Subject::Node(w("nowhere"))));
}

#[test]
fn a_driver_that_gives_no_answer_leaves_the_devices_where_they_are_and_unknown() {
    let mut world = World::with_fleet();
    world.when(report_blind("node-a")).then(&[
        "NodeFactsChanged",
        "DeviceHealthChanged",
        "DeviceHealthChanged",
        "DeviceHealthChanged",
        "DeviceHealthChanged",
    ]);
    assert_eq!(availability(&world, 1), Availability::Unknown);
    assert_eq!(world.cluster.device(d(1)).map(device::Device::presence), Some(Presence::Present));
    world.when(report_blind("node-a")).nothing();
    world.when(report("node-a", inventory(&[1, 2, 3, 4]))).then(&["NodeFactsChanged"]);
    assert_eq!(availability(&world, 1), Availability::Unknown, "until a finding says that it can be read");
    world.when(report_health("node-a", vec![finding(1, vec![], &[])])).then(&["DeviceHealthChanged"]);
    world.when(report_blind("node-new")).then(&["NodeRegistered"]);
}

#[test]
fn any_word_of_a_lost_node_is_its_return() {
    let words = [
        report("node-a", inventory(&[1, 2, 3, 4])),
        report_health("node-a", vec![]),
        report_health("node-a", vec![finding(1, vec![], &[])]),
        hear("node-a"),
    ];
    for word in words {
        let mut world = World::with_fleet();
        world.given(lose("node-a"));
        world.when(word.clone()).then(&["NodeReturned"]);
        assert_eq!((contact(&world, "node-a"), availability(&world, 1)), (Contact::Reporting, Availability::Free));
        world.when(word).nothing();
    }
}

#[test]
fn a_lost_node_returns_with_all_that_changed_meanwhile() {
    let mut world = World::with_fleet();
    world.given(lose("node-a"));
    let facts = Facts { boot_id: "boot-2".into(), ..facts() };
    world.when(report_facts("node-a", facts, [inventory(&[1, 2]), vec![seen(3, 30, H100)]].concat())).then(&[
        "NodeReturned",
        "NodeFactsChanged",
        "DeviceReplaced",
        "DeviceMissing",
    ]);
    assert_eq!(availability(&world, 30), Availability::Free);
    assert_eq!(availability(&world, 4), Availability::Missing);
}

#[test]
fn a_job_stays_on_a_lost_node_and_its_device_is_unknown_after_it() {
    let mut world = World::with_fleet();
    world.given(start("operator", 8));
    world.given(lose("node-a"));
    assert_eq!(availability(&world, 1), Availability::Busy);
    world.ended(world.last_job());
    assert_eq!(availability(&world, 1), Availability::Unknown);
    world.given(hear("node-a"));
    assert_eq!(availability(&world, 1), Availability::Free);
}

#[test]
fn a_whole_node_is_cordoned() {
    let mut world = World::with_fleet();
    world.when(cordon_node("node-a", true)).then(&["NodeCordoned"]);
    world.when(cordon_node("node-a", true)).nothing();
    assert_eq!(availability(&world, 1), Availability::Cordoned);
    world.when(start("operator", 5)).refused("job.shortage");
    world.given(cordon(1, true));
    world.when(cordon_node("node-a", false)).then(&["NodeUncordoned"]);
    assert_eq!((availability(&world, 1), availability(&world, 2)), (Availability::Cordoned, Availability::Free));
    world.when(cordon_node("nowhere", true)).refused("node.not_found");
}

#[test]
fn the_expected_count_is_set_and_unset() {
    let mut world = World::with_fleet();
    world.when(expect_devices("node-a", Some(8))).then(&["NodeExpectationSet"]);
    world.when(expect_devices("node-a", Some(8))).nothing();
    world.when(expect_devices("node-a", None)).then(&["NodeExpectationSet"]);
    let limit = world.limits.devices_per_node;
    world.when(expect_devices("node-a", Some(129))).refused_for(&Rejection::TooManyDevices { devices: 129, limit });
}

#[test]
fn a_node_knows_since_when_its_number_of_devices_is_wrong() {
    let mut world = World::with_fleet();
    let since = |world: &World| {
        let node = world.cluster.node(&w("node-a")).unwrap();
        (node.short_since, node.surplus_since)
    };
    assert_eq!(since(&world), (None, None));
    world.given(report("node-a", inventory(&[1, 2, 3])));
    let began = world.now;
    world.given(report("node-a", inventory(&[1])));
    world.given(report("node-a", inventory(&[1, 4])));
    assert_eq!(since(&world), (Some(began), None), "it has lacked one ever since, if not the same");
    world.given(expect_devices("node-a", Some(1)));
    assert_eq!(since(&world), (None, Some(world.now)));
    world.given(expect_devices("node-a", Some(2)));
    assert_eq!(since(&world), (None, None));
    world.given(report("node-a", inventory(&[1])));
    world.given(retire_node("node-a", true));
    assert_eq!(since(&world), (None, None), "out of service, it lacks nothing");
    world.given(retire_node("node-a", false));
    assert_eq!(since(&world), (Some(world.now), None));
}

#[test]
fn it_is_known_since_when_a_driver_gives_no_answer() {
    let mut world = World::with_fleet();
    world.given(report_blind("node-a"));
    let blind = world.now;
    let silent = Facts { driver: "(the driver hangs)".into(), ..facts() };
    world.given(report_facts("node-a", silent, inventory(&[1, 2, 3, 4])));
    let since = |world: &World| {
        let readable_since = world.cluster.device(d(1)).unwrap().readable_since;
        (world.cluster.node(&w("node-a")).unwrap().blind_since, readable_since)
    };
    assert_eq!(since(&world), (Some(blind), blind), "whatever it says of it since");
    world.given(report("node-a", inventory(&[1, 2, 3, 4])));
    world.given(report_health("node-a", vec![finding(1, vec![], &[])]));
    let read = world.now;
    world.given(raise("node-a", 1, "gpu.lost", Severity::Fatal));
    assert_eq!(since(&world), (None, read));
}

#[test]
fn a_retired_node_is_out_of_service_with_its_devices_and_comes_back_with_them() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    // One was retired for its own sake, and one is missing.
    world.given(retire(3, true));
    world.given(report("node-a", inventory(&[1, 2, 3])));
    // Nobody tells any more whether the one is there that was retired before.
    world.when(retire_node("node-a", true)).then(&[
        "NodeRetired",
        "DeviceRetired",
        "DeviceRetired",
        "DeviceMissing",
        "DeviceRetired",
    ]);
    world.when(retire_node("node-a", true)).nothing();
    world.when(report("node-a", inventory(&[1, 2, 3]))).refused_for(&Rejection::NodeRetired(w("node-a")));
    world.when(report_health("node-a", vec![])).refused("node.retired");
    world.when(hear("node-a")).refused("node.retired");
    world.when(lose("node-a")).nothing();
    world.when(retire_node("node-a", false)).then(&[
        "NodeReinstated",
        "DeviceReinstated",
        "DeviceReinstated",
        "DeviceReinstated",
    ]);
    let presence = |n| world.cluster.device(d(n)).map(device::Device::presence);
    assert_eq!((presence(1), presence(3)), (Some(Presence::Missing), Some(Presence::Retired)));
    world.when(report("node-a", inventory(&[1, 2, 3]))).then(&["DeviceReturned", "DeviceReturned", "DeviceReturned"]);
    world.when(retire(3, false)).then(&["DeviceReinstated", "DeviceReturned"]);
    assert_eq!(world.cluster.device(d(1)).and_then(|device| device.pool.clone()), Some(PoolName::default_pool()));
}

#[test]
fn a_node_with_a_job_is_not_retired() {
    let mut world = World::with_fleet();
    world.given(start("operator", 1));
    let job = world.last_job();
    let node =
        world.cluster.device(world.cluster.job(job).expect("the job").devices[0]).expect("its device").node.clone();
    let busy = Rejection::NodeBusy { node: node.clone(), jobs: vec![job] };
    world.when(retire_node(node.as_str(), true)).refused_for(&busy);
    assert_eq!(busy.refs(), [Subject::Job(job)]);
    world.ended(job);
    world.given(retire_node(node.as_str(), true));
}

#[test]
fn a_node_with_a_job_that_was_only_seen_is_not_retired() {
    let mut world = World::with_fleet();
    world.given(observe("process/node-a/1", None, &[1]));
    let job = world.last_job();
    world.when(retire_node("node-a", true)).refused_for(&Rejection::NodeBusy { node: w("node-a"), jobs: vec![job] });
    world.given(observe_end("process/node-a/1"));
    world.given(retire_node("node-a", true));
}

#[test]
fn several_changes_of_a_node_are_one_command() {
    let mut world = World::with_fleet();
    let change = node::Command::Change {
        node: w("node-c"),
        cordoned: Some(true),
        expected_devices: Some(Some(2)),
        retired: Some(true),
    };
    world.when(domain::Command::Node(change.clone())).then(&[
        "NodeCordoned",
        "NodeExpectationSet",
        "NodeRetired",
        "DeviceRetired",
        "DeviceRetired",
    ]);
    world.when(domain::Command::Node(change)).nothing();
}

#[test]
fn a_report_that_no_honest_agent_sends_is_refused_whole() {
    let mut world = World::with_fleet();
    world.limits.devices_per_node = 2;
    world
        .when(report("node-d", inventory(&[20, 21, 22])))
        .refused_for(&Rejection::TooManyDevices { devices: 3, limit: 2 });
    let twice = vec![seen(1, 20, H100), seen(2, 20, H100)];
    world.when(report("node-d", twice)).refused_for(&Rejection::NamedTwice(Subject::Device(d(20))));
    world.when(report("node-d", vec![seen(1, 20, H100), seen(1, 21, H100)])).refused("request.malformed");
    let long = Facts { os: "x".repeat(Facts::TEXT_MAX + 1).into(), ..facts() };
    world.when(report_facts("node-d", long, vec![])).refused("request.malformed");
    let many = Facts { addresses: vec!["::1".into(); Facts::ADDRESSES_MAX + 1], ..facts() };
    world.when(report_facts("node-d", many, vec![])).refused("request.malformed");
    assert_eq!(world.cluster.node(&w("node-d")), None);
}

#[test]
fn a_device_that_is_live_on_one_node_is_refused_from_another() {
    let mut world = World::with_fleet();
    let elsewhere = Rejection::DeviceElsewhere { device: d(1), node: w("node-a") };
    assert_eq!(elsewhere.refs(), [Subject::Device(d(1)), Subject::Node(w("node-a"))]);
    world.when(report("node-d", inventory(&[1, 20]))).refused_for(&elsewhere);
    assert_eq!(world.cluster.device(d(20)), None);
    // Gone from there, or there being silence there, it has moved.
    world.given(report("node-a", inventory(&[2, 3, 4])));
    world.when(report("node-d", inventory(&[1]))).then(&["NodeRegistered", "DeviceMoved"]);
    world.given(lose("node-a"));
    world.when(report("node-d", inventory(&[1, 2]))).then(&["DeviceMoved"]);
    assert_eq!(availability(&world, 2), Availability::Free);
    // And then its old node may not claim it back.
    world.when(report("node-a", inventory(&[2, 3, 4]))).refused("device.elsewhere");
}

#[test]
fn health_is_told_by_the_own_node_of_known_devices_each_once() {
    let mut world = World::with_fleet();
    world
        .when(raise("node-b", 1, "gpu.lost", Severity::Fatal))
        .refused_for(&Rejection::DeviceNotOnNode { device: d(1), node: w("node-b") });
    world.when(raise("node-a", 99, "gpu.lost", Severity::Fatal)).refused("device.not_found");
    world.when(raise("nowhere", 1, "gpu.lost", Severity::Fatal)).refused("node.not_found");
    let twice = vec![finding(1, vec![], &[]), finding(1, vec![], &[])];
    world.when(report_health("node-a", twice)).refused_for(&Rejection::NamedTwice(Subject::Device(d(1))));
}

#[test]
fn what_is_observed_of_a_node_leaves_its_revision() {
    let mut world = World::with_fleet();
    let node = Subject::Node(w("node-a"));
    let made = world.cluster.revision(&node);
    world.given(lose("node-a"));
    world.given(report_facts("node-a", Facts { boot_id: "boot-2".into(), ..facts() }, inventory(&[1, 2, 3])));
    assert_eq!(world.cluster.revision(&node), made);
    world.given(cordon_node("node-a", true));
    assert_eq!(world.cluster.revision(&node), Some(world.position()));
    let ids: Vec<DeviceId> = world.cluster.node(&w("node-c")).expect("node-c").devices.values().copied().collect();
    assert_eq!(ids, [d(9), d(10)]);
    assert_eq!(world.cluster.device(d(9)).map(|device| device.model.as_str().to_owned()), Some(A100.to_owned()));
}

#[test]
fn what_was_seen_on_a_lost_node_ends_with_the_node() {
    let mut world = World::with_fleet();
    world.given(observe("process/node-b/boot/1/1", None, &[5]));
    world.when(retire_node("node-b", true)).refused("node.busy");
    world.given(lose("node-b"));
    let names = world.when(retire_node("node-b", true)).result.expect("it is retired");
    assert_eq!(names[0].name(), "JobFinished");
    assert_eq!(world.cluster.jobs().len(), 0);
}

#[test]
fn what_was_seen_elsewhere_too_keeps_a_lost_node() {
    let mut world = World::with_fleet();
    world.given(observe("kubernetes/east/ns/train/1", None, &[1, 5]));
    world.given(lose("node-b"));
    world.when(retire_node("node-b", true)).refused("node.busy");
}
