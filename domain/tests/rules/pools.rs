use crate::{
    harness::World,
    words::{
        A100, H100, bind, change_devices, cordon, create_group, create_pool, create_pool_of, d, delete_pool, ds, lose,
        observe, observe_end, raise, report, retire, seen, set_devices, start, w,
    },
};
use domain::{
    Event, GroupName, PoolName, Rejection, Shortage, Subject, Tally, Warning,
    device::{self, Severity},
    pool,
};

fn devices(world: &World, pool: &str) -> Vec<device::DeviceId> {
    world.cluster.pool(&w(pool)).expect("the pool exists").devices.iter().copied().collect()
}

#[test]
fn a_pool_takes_listed_devices_out_of_the_default_pool() {
    let mut world = World::with_fleet();
    let assigned = |n| {
        let (from, pool) = (PoolName::default_pool(), w("vision"));
        Event::Device(device::Event::Assigned { device: d(n), from, pool })
    };
    let created = Event::Pool(pool::Event::Created { name: w("vision"), model: Some(w(H100)) });
    world.when(create_pool("vision", &[1, 5])).exactly(&[created, assigned(1), assigned(5)]);
    assert_eq!(devices(&world, "vision"), ds(&[1, 5]));
    assert_eq!(devices(&world, "default"), ds(&[2, 3, 4, 6, 7, 8, 9, 10]));
}

#[test]
fn a_pool_may_begin_empty_and_its_first_device_decides_its_model() {
    let mut world = World::with_fleet();
    world
        .when(create_pool("vision", &[]))
        .exactly(&[Event::Pool(pool::Event::Created { name: w("vision"), model: None })]);
    world.given(change_devices("vision", &[9], &[]));
    world.when(change_devices("vision", &[1], &[])).refused_for(&Rejection::MixedModels { devices: ds(&[1]) });
    // Emptied, it may become one of another model.
    world.when(change_devices("vision", &[1], &[9])).then(&["DeviceAssigned", "DeviceAssigned"]);
}

#[test]
fn a_pool_may_pick_healthy_idle_devices_of_a_model() {
    let mut world = World::with_fleet();
    world.given(raise("node-a", 1, "gpu.lost", Severity::Fatal));
    world.given(cordon(2, true));
    world.given(report("node-b", [5, 6, 7].map(|n| seen(n, n, H100)).to_vec()));
    world.given(start("operator", 1));
    let busy = world.cluster.jobs().values().next().expect("a job").devices.clone();
    let tally = Tally { busy: 1, missing: 1, quarantined: 1, cordoned: 1, free: 4, unknown: 0 };
    world
        .when(create_pool_of("vision", H100, 5))
        .refused_for(&Rejection::PoolShortage(Shortage { asked: 5, had: tally }));
    world.given(create_pool_of("vision", H100, 4));
    let picked = devices(&world, "vision");
    assert_eq!(picked.len(), 4);
    assert!(busy.iter().chain(&ds(&[1, 2, 8])).all(|id| !picked.contains(id)), "{picked:?}");
}

#[test]
fn a_pool_never_picks_what_cannot_be_known() {
    let mut world = World::with_fleet();
    world.given(lose("node-a"));
    let refusal = world.when(create_pool_of("vision", H100, 5)).refused("pool.shortage");
    let had = refusal.shortage().expect("the numbers").had;
    assert_eq!((had.unknown, had.free), (4, 4));
    world.when(create_pool_of("speech", "NVIDIA B200", 1)).refused("model.not_found");
    world.when(create_pool_of("speech", H100, 0)).refused("request.malformed");
}

#[test]
fn a_pool_of_a_model_is_laid_on_few_nodes() {
    let mut world = World::with_fleet();
    world.given(cordon(1, true));
    world.given(create_pool_of("vision", H100, 3));
    // Three are left on node-a, and four on node-b: the better fit is taken.
    assert_eq!(devices(&world, "vision"), ds(&[2, 3, 4]));
}

#[test]
fn a_name_is_given_once() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[]));
    let taken = Rejection::NameTaken(Subject::Pool(w("vision")));
    world.when(create_pool("vision", &[1])).refused_for(&taken);
    world.when(create_pool("default", &[1])).refused("name.taken");
    world.given(delete_pool("vision"));
    world.given(create_pool("vision", &[1]));
}

#[test]
fn devices_of_another_pool_must_be_released_first() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.when(create_pool("speech", &[2, 3])).refused_for(&Rejection::DeviceNotFree { devices: ds(&[2]) });
    world.given(create_pool("speech", &[3]));
    world.when(change_devices("speech", &[1], &[])).refused("device.not_free");
    world.given(change_devices("vision", &[], &[1]));
    world.when(change_devices("speech", &[1], &[])).then(&["DeviceAssigned"]);
}

#[test]
fn a_pool_is_of_one_model() {
    let mut world = World::with_fleet();
    world.when(create_pool("vision", &[1, 9, 10])).refused_for(&Rejection::MixedModels { devices: ds(&[9, 10]) });
    world.given(create_pool("vision", &[1]));
    world.when(set_devices("vision", &[1, 9])).refused("pool.mixed_models");
    world.when(set_devices("vision", &[9])).then(&["DeviceAssigned", "DeviceAssigned"]);
}

#[test]
fn the_whole_set_is_reached_by_its_difference() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    let assigned = |n, from: &str, pool: &str| {
        Event::Device(device::Event::Assigned { device: d(n), from: w(from), pool: w(pool) })
    };
    world
        .when(set_devices("vision", &[2, 3]))
        .exactly(&[assigned(1, "vision", "default"), assigned(3, "default", "vision")]);
    world.when(set_devices("vision", &[3, 2])).nothing();
}

#[test]
fn single_devices_join_and_leave_and_a_repeat_is_harmless() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(create_pool("speech", &[3]));
    world.given(change_devices("vision", &[4], &[1]));
    world.when(change_devices("vision", &[4], &[1])).nothing();
    assert_eq!(devices(&world, "vision"), ds(&[2, 4]));
    world
        .when(change_devices("vision", &[], &[3]))
        .refused_for(&Rejection::DeviceNotInPool { pool: w("vision"), devices: ds(&[3]) });
}

#[test]
fn a_list_names_a_device_once() {
    let mut world = World::with_fleet();
    let twice = Rejection::NamedTwice(Subject::Device(d(1)));
    world.when(create_pool("vision", &[1, 1])).refused_for(&twice);
    world.given(create_pool("vision", &[2]));
    world.when(set_devices("vision", &[1, 1])).refused_for(&twice);
    world.when(change_devices("vision", &[1], &[1])).refused_for(&twice);
    world.when(change_devices("vision", &[1, 1], &[])).refused_for(&twice);
    world.when(change_devices("vision", &[], &[1, 1])).refused_for(&twice);
}

#[test]
fn a_list_names_devices_that_exist_and_are_in_service() {
    let mut world = World::with_fleet();
    let unknown = Rejection::NotFound(Subject::Device(d(99)));
    world.when(create_pool("vision", &[99])).refused_for(&unknown);
    world.given(create_pool("vision", &[]));
    world.when(set_devices("vision", &[99])).refused_for(&unknown);
    world.when(change_devices("vision", &[], &[99])).refused_for(&unknown);
    world.given(retire(1, true));
    world.when(change_devices("vision", &[1], &[])).refused_for(&Rejection::DeviceRetired { devices: ds(&[1]) });
}

#[test]
fn a_device_under_a_job_changes_no_pool() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(create_group("research", &[], Some("vision")));
    world.given(crate::words::onboard(&["ada"], Some("research")));
    world.given(start("ada", 1));
    let job = world.last_job();
    let busy = Rejection::PoolBusy { jobs: vec![job] };
    world.when(change_devices("vision", &[], &[1])).refused_for(&busy);
    world.when(set_devices("vision", &[])).refused_for(&busy);
    // The other one may go, and one may join.
    world.when(set_devices("vision", &[1, 3])).then(&["DeviceAssigned", "DeviceAssigned"]);
    world.ended(job);
    world.given(set_devices("vision", &[]));
    // Nor does one in the default pool.
    world.given(start("operator", 10 - 2));
    world.when(create_pool("speech", &[1, 2, 3, 4, 5, 6, 7, 8])).refused("pool.busy");
}

#[test]
fn an_observed_job_holds_a_device_in_its_pool_too() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1]));
    world.given(observe("process/node-a/1", None, &[1]));
    world.when(change_devices("vision", &[], &[1])).refused("pool.busy");
    world.when(delete_pool("vision")).refused("pool.busy");
    world.given(observe_end("process/node-a/1"));
    world.given(delete_pool("vision"));
}

#[test]
fn deleting_a_pool_releases_its_devices_and_its_group_at_once() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(create_group("research", &[], Some("vision")));
    let outcome =
        world.when(delete_pool("vision")).then(&["PoolUnbound", "DeviceAssigned", "DeviceAssigned", "PoolDeleted"]);
    assert_eq!(outcome.warnings, [Warning::GroupWithoutPool { group: w("research") }]);
    assert_eq!(world.cluster.pool(&w("vision")), None);
    assert_eq!(world.cluster.group(&w("research")).and_then(|group| group.pool.clone()), None);
    assert_eq!(devices(&world, "default").len(), 10);
}

#[test]
fn a_pool_with_a_job_is_not_deleted_and_the_job_is_named() {
    let mut world = World::with_fleet();
    world.given(create_pool("vision", &[1, 2]));
    world.given(create_group("research", &[], Some("vision")));
    world.given(crate::words::onboard(&["ada"], Some("research")));
    world.given(start("ada", 1));
    let job = world.last_job();
    let refusal = world.when(delete_pool("vision")).refused("pool.busy");
    assert_eq!(refusal.refs(), [Subject::Job(job)]);
    world.ended(job);
    world.given(delete_pool("vision"));
    world.when(delete_pool("vision")).refused_for(&Rejection::NotFound(Subject::Pool(w("vision"))));
}

#[test]
fn the_default_pool_is_not_managed_by_hand_and_alone_may_mix_models() {
    let mut world = World::with_fleet();
    world.when(delete_pool("default")).refused_for(&Rejection::PoolIsDefault);
    world.when(set_devices("default", &[1])).refused("pool.default");
    world.when(change_devices("default", &[1], &[])).refused("pool.default");
    let default = world.cluster.pool(&PoolName::default_pool()).expect("the default pool");
    assert!(default.models().map(domain::Model::as_str).eq([A100, H100]));
    assert_eq!(default.group, Some(GroupName::default_group()));
}

#[test]
fn what_configures_a_pool_moves_its_revision_and_what_is_observed_does_not() {
    let mut world = World::with_fleet();
    let pool = Subject::Pool(w("vision"));
    world.given(create_pool("vision", &[1]));
    let made = world.cluster.revision(&pool);
    assert_eq!(made, Some(world.position()));
    world.given(create_group("research", &[], None));
    world.given(raise("node-a", 1, "gpu.lost", Severity::Fatal));
    assert_eq!(world.cluster.revision(&pool), made);
    world.given(bind("research", Some("vision")));
    assert_eq!(world.cluster.revision(&pool), Some(world.position()));
    world.given(change_devices("vision", &[2], &[]));
    assert_eq!(world.cluster.revision(&pool), Some(world.position()));
    world.given(report("node-a", [2, 3, 4].map(|n| seen(n, n, H100)).to_vec()));
    assert!(world.cluster.revision(&pool) < Some(world.position()));
    world.given(delete_pool("vision"));
    assert_eq!(world.cluster.revision(&pool), None);
}
