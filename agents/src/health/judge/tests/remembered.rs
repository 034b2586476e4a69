//! What one agent leaves to the next.
use super::*;

#[test]
fn an_agent_that_begins_anew_knows_what_was() {
    let mut world = World::new();
    world.look();
    assert!(world.judge.news(Duration::ZERO).is_some());
    world.look();
    assert_eq!(world.judge.news(Duration::from_secs(2)), None, "nothing has changed");
    world.log(119);
    let before = world.look();
    let memory = world.judge.news(Duration::from_secs(3)).unwrap();
    assert_eq!(memory.log_position, Some(2));
    let mut later = World::with(Policy::built_in(), memory.clone());
    (later.now, later.readings.energy_mj) = (100, Some(5000));
    assert_eq!(only(&later.look()), only(&before));
    assert_eq!(later.judge.news(Duration::from_secs(100)), None);
    assert!(later.judge.news(Duration::from_mins(5)).is_some(), "the counters have moved");

    let mut reset = World::with(Policy::built_in(), memory.clone());
    (reset.now, reset.readings.energy_mj) = (100, Some(3));
    assert_eq!(kinds(&reset.look()), [""; 0], "the GPU was reset meanwhile");

    let mut restarted = World::with(Policy::built_in(), memory.clone());
    restarted.restart();
    restarted.readings.energy_mj = Some(9000);
    assert_eq!(kinds(&restarted.look()), [""; 0]);

    let mut blind = World::with(Policy::built_in(), memory);
    blind.see(Err(Unreadable::NotLoaded));
    blind.now += 15;
    let present = blind.see(Err(Unreadable::NotLoaded)).unwrap();
    assert_eq!((present.devices.as_ref(), kinds(&present)), (None, vec!["xid.fatal".to_owned()]));
}

#[test]
fn a_gpu_that_must_be_reset_and_says_nothing_else_is_known_to_be_reset_by_the_next_agent() {
    let mut world = World::new();
    world.after(10);
    world.log(119);
    world.look();
    let mute = Readings { recovery_action: Some(1), ..Readings::default() };
    world.state(State::Read(Box::new(mute)));
    let mut later = World::with(Policy::built_in(), world.judge.memory());
    (later.now, later.readings.energy_mj, later.readings.recovery_action) = (100, Some(3), Some(0));
    assert_eq!(kinds(&later.look()), [""; 0]);
}

#[test]
fn what_only_a_restart_of_the_host_ends_outlives_the_agent() {
    let mut world = World::new();
    world.look();
    world.state(State::Lost);
    world.state(State::Lost);
    assert_eq!(world.after(1), ["gpu.lost"]);
    let mut later = World::with(Policy::built_in(), world.judge.memory());
    (later.now, later.readings.energy_mj) = (10, Some(9000));
    assert_eq!(later.after(60), ["gpu.lost"]);
}

#[test]
fn a_restart_of_the_host_that_one_agent_saw_is_known_to_the_next() {
    let mut world = World::new();
    world.look();
    world.state(State::Lost);
    world.state(State::Lost);
    world.restart();
    assert_eq!(kinds(&world.state(State::Unreadable)), ["gpu.lost"]);
    let mut later = World::with(Policy::built_in(), world.judge.memory());
    (later.now, later.host) = (10, world.host.clone());
    assert_eq!(later.after(1), [""; 0]);
}

#[test]
fn how_long_it_was_seen_is_known_and_no_news() {
    let mut world = World::new();
    world.readings.remap = crate::source::Remap { pending: Some(true), ..Default::default() };
    world.look();
    world.judge.news(Duration::ZERO);
    let later = world.look();
    assert!(only(&later).last_seen > only(&later).first_seen);
    assert_eq!(world.judge.news(Duration::from_secs(3)), None);
    let mut logged = World::new();
    logged.log(119);
    let first = logged.look();
    logged.after(60);
    assert_eq!(only(&logged.look()).last_seen, only(&first).last_seen, "it was logged then");
}

#[test]
fn a_kind_that_the_policy_knows_no_more_is_over() {
    let mut world = World::new();
    world.log(119);
    world.look();
    let mut policy = Policy::clone(&Policy::built_in());
    policy.kinds.remove(&"xid.fatal".parse().unwrap());
    let mut later = World::with(Arc::new(policy), world.judge.memory());
    let present = later.look();
    assert_eq!(health(&present).said[&"xid.fatal".parse().unwrap()], None);
}
