//! GPUs and drivers that do not answer, or are not there.
use super::*;

#[test]
fn what_can_not_be_read_stays_as_it_was_and_is_unknown_after_a_while() {
    let mut world = World::new();
    world.log(119);
    world.look();
    world.log(31);
    let hung = world.state(State::Unreadable);
    assert!(health(&hung).readable, "not yet");
    for _ in 0..14 {
        world.state(State::Unreadable);
    }
    let hung = world.state(State::Unreadable);
    assert!(!health(&hung).readable);
    assert_eq!(kinds(&hung), ["xid.fatal"]);
    assert!(health(&world.look()).readable);
}

#[test]
fn a_driver_that_hangs_is_unknown_after_a_while_and_never_healthy() {
    let mut world = World::new();
    assert_eq!(world.see(Err(Unreadable::Hung)), None, "nothing is known yet");
    for _ in 0..15 {
        world.see(Err(Unreadable::Hung));
    }
    assert_eq!(world.see(Err(Unreadable::Hung)).unwrap().devices, None);
    assert!(health(&world.look()).readable);
    let before = world.see(Err(Unreadable::Hung)).unwrap();
    assert!(before.devices.is_some() && health(&before).readable, "not yet");
    for _ in 0..14 {
        world.see(Err(Unreadable::Hung));
    }
    world.log(79);
    let blind = world.see(Err(Unreadable::Hung)).unwrap();
    assert_eq!(blind.devices, None);
    assert!(!health(&blind).readable);
    assert_eq!(kinds(&blind), ["gpu.lost"], "what the kernel logs is known all the same");
    assert_eq!(world.look().devices.unwrap().len(), 1);
}

#[test]
fn a_gpu_that_is_gone_is_missing_after_a_while_and_after_a_start_later() {
    let mut world = World::new();
    world.look();
    for _ in 0..10 {
        assert_eq!(world.see(Ok(vec![])).unwrap().devices.unwrap().len(), 1);
    }
    assert_eq!(world.see(Ok(vec![])).unwrap().devices.unwrap(), []);
    world.look();
    world.restart();
    for _ in 0..299 {
        assert_eq!(world.see(Ok(vec![])).unwrap().devices.unwrap().len(), 1);
    }
    assert!(!health(&world.see(Ok(vec![])).unwrap()).readable);
    assert_eq!(world.see(Ok(vec![])).unwrap().devices.unwrap(), []);
}

#[test]
fn another_gpu_in_the_slot_is_no_waiting() {
    let mut world = World::new();
    world.look();
    let other = domain::device::DeviceId::from_uuid(uuid::Uuid::from_u128(9));
    let replaced = Sighting { device: other, ..sighting(State::Read(Box::default())) };
    let devices = world.see(Ok(vec![replaced])).unwrap().devices.unwrap();
    assert_eq!(devices.iter().map(|seen| seen.device).collect::<Vec<_>>(), [other]);
}

#[test]
fn a_gpu_that_comes_back_in_the_same_boot_is_as_it_was() {
    let mut world = World::new();
    world.log(79);
    world.look();
    for _ in 0..30 {
        world.see(Ok(vec![]));
    }
    world.log(119);
    assert_eq!(world.see(Ok(vec![])).unwrap().devices.unwrap(), []);
    assert_eq!(world.after(1), ["gpu.lost", "xid.fatal"]);
}

#[test]
fn a_boot_id_that_can_not_be_read_is_no_other_boot() {
    let mut world = World::new();
    world.log(79);
    world.look();
    let known = std::mem::take(&mut world.host.boot_id);
    assert_eq!(world.after(2), ["gpu.lost"]);
    world.host.boot_id = known;
    assert_eq!(world.after(2), ["gpu.lost"]);
}
