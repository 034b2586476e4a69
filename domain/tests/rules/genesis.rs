use crate::{
    harness::{World, found},
    words::{H100, NO_USER},
    words::{create_pool, d, observe, report, seen, start, w},
};
use domain::{GroupName, PoolName, Role, Subject};

#[test]
fn the_first_start_makes_all_that_one_person_needs() {
    let mut world = World::empty();
    world.when(found()).then(&[
        "ClusterFounded",
        "PoolCreated",
        "GroupCreated",
        "PoolBound",
        "UserOnboarded",
        "UserAddedToGroup",
    ]);
    let operator = world.user("operator");
    assert_eq!((operator.role, operator.break_glass), (Role::Operator, true));
    assert_eq!(operator.group, Some(GroupName::default_group()));
    let group = world.cluster.group(&GroupName::default_group()).expect("the default group");
    assert_eq!(group.pool, Some(PoolName::default_pool()));
    assert_eq!(world.cluster.founded().map(|founded| founded.demonstration), Some(false));
}

#[test]
fn one_person_can_work_at_once_on_every_device() {
    let mut world = World::founded();
    world.given(report("node-a", vec![seen(1, 1, H100)]));
    world.when(start("operator", 1)).then(&["JobStarted"]);
    assert_eq!(world.cluster.device(d(1)).and_then(|device| device.job), Some(world.last_job()));
}

#[test]
fn a_log_is_founded_once() {
    World::founded().when(found()).refused("cluster.founded");
}

#[test]
fn nothing_happens_before_genesis() {
    let mut world = World::empty();
    for command in
        [create_pool("vision", &[]), report("node-a", vec![]), observe("process/node-a/1", Some(NO_USER), &[])]
    {
        let refusal = world.when(command).refused("cluster.not_found");
        assert_eq!(refusal.refs(), [Subject::Cluster]);
    }
    assert_eq!(world.cluster.user_by_login(&w("operator")), None);
}
