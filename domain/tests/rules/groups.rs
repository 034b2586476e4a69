use crate::{
    harness::World,
    words::{bind, create_group, create_pool, delete_group, delete_users, edit_group, move_user, onboard, start, w},
};
use domain::{Event, GroupName, PoolName, Rejection, Subject, Warning, group};

/// Ada and Bob are in no group, Cyd in the default one.
fn world() -> World {
    let mut world = World::with_fleet();
    world.given(onboard(&["ada", "bob"], None));
    world.given(onboard(&["cyd"], Some("default")));
    world.given(create_pool("vision", &[1, 2]));
    world
}

#[test]
fn a_group_is_made_of_free_users_and_a_free_pool() {
    let mut world = world();
    let (ada, bob, name) = (world.id("ada"), world.id("bob"), || w("research"));
    world.when(create_group("research", &["ada", "bob"], Some("vision"))).exactly(&[
        Event::Group(group::Event::Created { name: name() }),
        Event::Group(group::Event::UserAdded { group: name(), user: ada }),
        Event::Group(group::Event::UserAdded { group: name(), user: bob }),
        Event::Group(group::Event::PoolBound { group: name(), pool: w("vision") }),
    ]);
    assert_eq!(world.user("ada").group, Some(name()));
    world.when(create_group("empty", &[], None)).then(&["GroupCreated"]);
}

#[test]
fn a_name_is_given_once() {
    let mut world = world();
    world.given(create_group("research", &[], None));
    world
        .when(create_group("research", &["ada"], None))
        .refused_for(&Rejection::NameTaken(Subject::Group(w("research"))));
    world.when(create_group("default", &[], None)).refused("name.taken");
    world.given(delete_group("research"));
    world.given(create_group("research", &["ada"], None));
}

#[test]
fn a_user_of_another_group_must_be_removed_there_first() {
    let mut world = world();
    let cyd = world.id("cyd");
    let refusal = Rejection::UserInAnotherGroup { users: vec![cyd] };
    world.when(create_group("research", &["ada", "cyd"], None)).refused_for(&refusal);
    world.given(create_group("research", &["ada"], None));
    world.when(edit_group("research", &["bob", "cyd"], &[])).refused_for(&refusal);
    world.given(edit_group("default", &[], &["cyd"]));
    assert_eq!(world.user("cyd").group, None);
    world.when(edit_group("research", &["bob", "cyd"], &[])).then(&["UserAddedToGroup", "UserAddedToGroup"]);
}

#[test]
fn a_pool_is_bound_to_one_group() {
    let mut world = world();
    world.given(create_group("research", &[], Some("vision")));
    let bound = Rejection::PoolBound { pool: w("vision"), group: w("research") };
    world.when(create_group("teaching", &[], Some("vision"))).refused_for(&bound);
    world.given(create_group("teaching", &[], None));
    world.when(bind("teaching", Some("vision"))).refused_for(&bound);
    world.when(bind("teaching", Some("default"))).refused("group.default");
    world.given(bind("research", None));
    world.when(bind("teaching", Some("vision"))).then(&["PoolBound"]);
    world.when(bind("teaching", Some("nowhere"))).refused_for(&Rejection::NotFound(Subject::Pool(w("nowhere"))));
}

#[test]
fn a_group_changes_pool_in_one_step_and_a_repeat_is_harmless() {
    let mut world = world();
    world.given(create_pool("speech", &[3]));
    world.given(create_group("research", &[], Some("vision")));
    let outcome = world.when(bind("research", Some("speech"))).then(&["PoolUnbound", "PoolBound"]);
    assert_eq!(outcome.warnings, [], "it has a pool");
    world.when(bind("research", Some("speech"))).nothing();
    let outcome = world.when(bind("research", None)).then(&["PoolUnbound"]);
    assert_eq!(outcome.warnings, [Warning::GroupWithoutPool { group: w("research") }]);
    world.when(bind("research", None)).nothing();
}

#[test]
fn members_join_and_leave_and_a_repeat_is_harmless() {
    let mut world = world();
    world.given(create_group("research", &["ada"], None));
    world.when(edit_group("research", &["bob"], &["ada"])).then(&["UserRemovedFromGroup", "UserAddedToGroup"]);
    world.when(edit_group("research", &["bob"], &["ada"])).nothing();
    let cyd = world.id("cyd");
    world
        .when(edit_group("research", &[], &["cyd"]))
        .refused_for(&Rejection::UserNotInGroup { group: w("research"), users: vec![cyd] });
}

#[test]
fn a_list_names_users_that_exist_and_each_once() {
    let mut world = world();
    let ada = Rejection::NamedTwice(Subject::User(world.id("ada")));
    world.when(create_group("research", &["ada", "ada"], None)).refused_for(&ada);
    world.when(create_group("research", &["ada", "eve"], None)).refused_for(&Rejection::UnknownLogin(1));
    world.given(create_group("research", &[], None));
    world.when(edit_group("research", &["ada"], &["ada"])).refused_for(&ada);
    // Logins are numbered through both lists.
    world.when(edit_group("research", &["ada", "bob"], &["eve"])).refused_for(&Rejection::UnknownLogin(2));
    world.when(edit_group("nowhere", &[], &[])).refused_for(&Rejection::NotFound(Subject::Group(w("nowhere"))));
}

#[test]
fn a_group_is_deleted_when_it_has_neither_users_nor_pool() {
    let mut world = world();
    world.given(create_group("research", &["ada"], Some("vision")));
    let ada = world.id("ada");
    let full = Rejection::GroupNotEmpty { group: w("research"), users: vec![ada], pool: Some(w("vision")) };
    let refusal = full.refs();
    assert_eq!(refusal, [Subject::User(ada), Subject::Pool(w("vision"))]);
    world.when(delete_group("research")).refused_for(&full);
    world.given(edit_group("research", &[], &["ada"]));
    world.when(delete_group("research")).refused("group.not_empty");
    world.given(bind("research", None));
    world.when(delete_group("research")).then(&["GroupDeleted"]);
    world.when(delete_group("research")).refused_for(&Rejection::NotFound(Subject::Group(w("research"))));
}

#[test]
fn a_deleted_user_leaves_the_group() {
    let mut world = world();
    world.given(create_group("research", &["ada"], None));
    world.when(delete_users(&["ada"])).then(&["UserRemovedFromGroup", "UserDeleted"]);
    world.given(delete_group("research"));
}

#[test]
fn the_default_group_stays_and_keeps_the_default_pool() {
    let mut world = world();
    world.when(delete_group("default")).refused_for(&Rejection::GroupIsDefault);
    world.when(bind("default", None)).refused("group.default");
    world.when(bind("default", Some("vision"))).refused("group.default");
    world.when(bind("default", Some("default"))).nothing();
    // But its members may go.
    world.when(edit_group("default", &["ada"], &["cyd"])).then(&["UserRemovedFromGroup", "UserAddedToGroup"]);
}

#[test]
fn a_user_moves_between_groups_in_one_step() {
    let mut world = world();
    world.given(create_group("research", &[], None));
    let user = world.id("cyd");
    world.when(move_user("cyd", Some("research"))).exactly(&[
        Event::Group(group::Event::UserRemoved { group: GroupName::default_group(), user }),
        Event::Group(group::Event::UserAdded { group: w("research"), user }),
    ]);
    world.when(move_user("cyd", Some("research"))).nothing();
    world.when(move_user("ada", Some("research"))).then(&["UserAddedToGroup"]);
    world.when(move_user("ada", None)).then(&["UserRemovedFromGroup"]);
    world.when(move_user("ada", None)).nothing();
    world.when(move_user("ada", Some("nowhere"))).refused("group.not_found");
    world.when(move_user("eve", Some("research"))).refused_for(&Rejection::UnknownLogin(0));
}

#[test]
fn a_removed_user_may_claim_no_device() {
    let mut world = world();
    world.given(start("cyd", 1));
    world.given(edit_group("default", &[], &["cyd"]));
    let user = world.id("cyd");
    world.when(start("cyd", 1)).refused_for(&Rejection::NoGroup { user });
    assert!(world.ask(&world.session("cyd"), &start("cyd", 1)).is_ok(), "but may sign in");
}

#[test]
fn jobs_keep_their_devices_and_the_answer_says_so() {
    let mut world = world();
    world.given(create_group("research", &["ada"], Some("vision")));
    world.given(create_group("teaching", &[], None));
    world.given(start("ada", 2));
    let (ada, job) = (world.id("ada"), world.last_job());
    let outcome = world.when(move_user("ada", Some("teaching")));
    assert_eq!(outcome.warnings, [Warning::JobsKeepDevices { user: ada, jobs: vec![job] }]);
    // The job of someone who has moved on is told of as well.
    let outcome = world.when(bind("research", None));
    let under = Warning::PoolUnboundUnderJobs { group: w("research"), pool: w("vision"), jobs: vec![job] };
    assert_eq!(outcome.warnings, [under, Warning::GroupWithoutPool { group: w("research") }]);
    let devices = &world.cluster.job(job).expect("the job goes on").devices;
    assert!(devices.iter().all(|id| world.cluster.device(*id).is_some_and(|device| device.job == Some(job))));
}

#[test]
fn what_configures_a_group_moves_the_revisions_of_both_sides() {
    let mut world = world();
    world.given(create_group("research", &["ada"], None));
    let (group, user) = (Subject::Group(w("research")), Subject::User(world.id("ada")));
    assert_eq!(world.cluster.revision(&group), Some(world.position()));
    assert_eq!(world.cluster.revision(&user), Some(world.position()));
    world.given(bind("research", Some("vision")));
    assert_eq!(world.cluster.revision(&Subject::Pool(w("vision"))), Some(world.position()));
    assert_eq!(world.cluster.revision(&group), Some(world.position()));
    world.given(start("ada", 1));
    assert!(world.cluster.revision(&group) < Some(world.position()), "a job configures no group");
    assert_eq!(world.cluster.group(&w("default")).and_then(|group| group.pool.clone()), Some(PoolName::default_pool()));
}
