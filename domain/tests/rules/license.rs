//! The license: what is refused without one, and what never is.
use crate::{
    harness::World,
    words::{
        H100, cordon, create_group, create_pool, delete_users, install, issue, license, observe, onboard, report, seen,
        set_role, start, suspend,
    },
};
use domain::{
    Command, Role, Warning,
    license::{License, Phase},
    token::Scope,
};

const DAY: i64 = 86_400;

/// A fleet that needs a license.
fn world() -> World {
    let mut world = World::with_fleet();
    world.given(onboard(&["ada"], Some("default")));
    world.limits.license_required = true;
    world
}

fn growth() -> [Command; 4] {
    [create_pool("vision", &[1]), create_group("research", &[], None), onboard(&["bob"], None), start("ada", 1)]
}

#[track_caller]
fn refuses_growth(world: &World, code: &str) {
    for command in growth() {
        world.clone().when(command).refused(code);
    }
    // What makes the cluster safer, and what is there anyway, needs no license.
    for command in [
        cordon(1, true),
        suspend("ada", true),
        set_role("ada", Role::Auditor),
        issue("ci", Scope::Read, 1),
        observe("process/1", None, &[1]),
        report("node-e", vec![seen(21, 21, H100)]),
        delete_users(&["ada"]),
    ] {
        world.clone().given(command);
    }
}

#[track_caller]
fn grows(world: &World) {
    for command in growth() {
        world.clone().given(command);
    }
}

#[test]
fn without_one_nothing_is_made_where_one_is_required() {
    let mut world = world();
    refuses_growth(&world, "license.missing");
    world.limits.license_required = false;
    grows(&world);
}

#[test]
fn it_holds_until_its_grace_is_over() {
    let mut world = world();
    let granted = license(1, world.now, 10, 40 * DAY);
    world.given(install(granted.clone()));
    assert_eq!(world.cluster.license().map(|installed| &installed.license), Some(&granted));
    for (days, phase, left) in [(5, Phase::Valid, 34), (15, Phase::Ending, 24), (41, Phase::Grace, -2)] {
        let mut later = world.clone();
        later.now = world.now.plus_seconds(days * DAY);
        assert_eq!((granted.phase(later.now), granted.days_left(later.now)), (phase, left));
        grows(&later);
    }
    world.now = world.now.plus_seconds(47 * DAY);
    assert_eq!(granted.phase(world.now), Phase::Over);
    refuses_growth(&world, "license.over");
    world.given(install(license(2, world.now, 10, DAY)));
    grows(&world);
}

#[test]
fn it_bounds_users_and_devices() {
    let mut world = world();
    let of = |seats, devices| License { seats, devices, ..license(1, world.now, 10, DAY) };
    let (two_users, ten_devices) = (of(Some(2), None), of(Some(3), Some(10)));
    let mut full = world.clone();
    assert_eq!(full.when(install(two_users)).warnings, []);
    full.when(onboard(&["bob"], None)).refused("license.seats");
    full.given(create_pool("vision", &[1]));
    full.given(delete_users(&["ada"]));
    full.given(onboard(&["bob"], None));
    full.when(onboard(&["cyd", "dan"], None)).refused("license.seats");

    world.given(install(ten_devices));
    grows(&world);
    world.given(report("node-d", vec![seen(20, 20, H100)]));
    let smaller = License { devices: Some(10), seats: Some(3), ..license(2, world.now, 1, DAY) };
    assert_eq!(world.clone().when(install(smaller)).warnings, [Warning::LicenseExceeded]);
    refuses_growth(&world, "license.devices");
}

#[test]
fn an_older_an_ended_and_a_later_one_are_refused() {
    let mut world = world();
    let now = world.now;
    let granted = license(1, now, 10, DAY);
    world.given(install(granted.clone()));
    world.when(install(granted.clone())).nothing();
    world.when(install(license(2, now, 11, DAY))).refused("license.older");
    world.when(install(license(2, now, 5, -1))).refused("license.ended");
    let begins = now.plus_seconds(3600);
    world.when(install(License { starts_at: begins, ..license(2, now, 5, DAY) })).refused("license.not_begun");
    let late = now.plus_seconds(2 * DAY);
    world.when(install(License { issued_at: late, ..license(2, now, 5, DAY) })).refused("license.from_future");
    world.when(install(License { starts_at: now, ends_at: now, ..granted.clone() })).refused("request.malformed");
    world.when(install(License { grace_days: u16::MAX, ..license(2, now, 5, DAY) })).refused("request.malformed");
    // Signed at once, and another: it follows.
    world.given(install(License { seats: Some(9), ..granted.clone() }));
    // The end comes first: neither that one is installed nor that it is older is told of one that is over.
    world.now = granted.ends_at;
    world.when(install(License { seats: Some(9), ..granted.clone() })).refused("license.ended");
    world.when(install(License { issued_at: now.plus_seconds(-20 * DAY), ..granted })).refused("license.ended");
}
