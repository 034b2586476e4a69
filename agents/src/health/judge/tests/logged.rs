//! What the driver logs, and what ends it.
use super::*;
use domain::device::{Remedy, Severity};

#[test]
fn an_xid_of_a_lost_gpu_is_told_at_once_and_only_a_restart_ends_it() {
    let mut world = World::new();
    world.look();
    world.log(79);
    let lost = world.state(State::Lost);
    let condition = only(&lost);
    assert_eq!((condition.severity, condition.remedy, condition.xid), (Severity::Fatal, Remedy::RebootNode, Some(79)));
    assert_eq!(&*condition.reason, "XID 79: the GPU has fallen off the bus");
    assert!(health(&lost).readable, "that it is lost is an answer");
    world.state(State::Lost);
    assert_eq!(world.after(60), ["gpu.lost"], "it may answer for a while");
    world.reset();
    assert_eq!(world.after(60), ["gpu.lost"], "a reset does not bring it back for good");
    world.restart();
    let first_seen = condition.first_seen;
    assert_eq!(kinds(&world.state(State::Unreadable)), ["gpu.lost"], "it has to be seen");
    assert_eq!(world.after(1), [""; 0]);
    world.log(79);
    assert!(only(&world.state(State::Lost)).first_seen > first_seen, "another occurrence");
}

#[test]
fn that_an_xid_is_logged_again_is_said_every_ten_seconds_at_most_and_never_lost() {
    let mut world = World::new();
    world.log(119);
    let first = only(&world.look()).last_seen;
    let said = |world: &mut World| only(&world.look()).last_seen;
    world.after(2);
    world.log(119);
    let again = wall(world.now);
    assert!(again > first);
    for _ in 4..10 {
        assert_eq!(said(&mut world), first, "not at once");
    }
    world.after(2);
    assert_eq!(said(&mut world), again, "and yet, though it is logged no more");
    for _ in 0..60 {
        assert_eq!(said(&mut world), again);
    }
}

#[test]
fn what_is_kept_without_being_seen_is_no_news() {
    let mut world = World::new();
    world.log(79);
    world.state(State::Lost);
    world.restart();
    // Until it is plain that it can't be read.
    for _ in 0..30 {
        assert_eq!(kinds(&world.state(State::Unreadable)), ["gpu.lost"]);
    }
    world.judge.news(Duration::from_secs(world.now));
    for _ in 0..30 {
        world.state(State::Unreadable);
        assert!(world.judge.news(Duration::from_secs(world.now)).is_none(), "nothing to write down");
    }
}

#[test]
fn a_fault_stands_until_the_gpu_is_reset() {
    let mut world = World::new();
    world.log(119);
    assert_eq!(world.after(1), ["xid.fatal"]);
    assert_eq!(world.after(3600), ["xid.fatal"]);
    world.reset();
    assert_eq!(world.after(1), [""; 0]);
}

#[test]
fn an_uncorrectable_error_with_a_remapping_calls_for_a_drain() {
    let mut world = World::new();
    world.log(48);
    assert_eq!(only(&world.look()).remedy, Remedy::ResetGpu);
    world.log(63);
    assert_eq!(only(&world.look()).remedy, Remedy::DrainAndReset);
}

#[test]
fn an_application_fault_is_counted_and_is_no_condition() {
    let mut world = World::new();
    for code in [13, 31, 43, 45, 63] {
        world.log(code);
    }
    assert_eq!(world.after(1), [""; 0]);
    let (_, faults) = world.judge.faults().next().unwrap();
    let mut counts: Vec<_> = faults.counts().iter().map(|xid| (xid.code, xid.count)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [(13, 1), (31, 1), (43, 1), (45, 1), (63, 1)]);
}

#[test]
fn a_contained_error_is_a_warning_for_a_while() {
    let mut world = World::new();
    world.log(94);
    assert_eq!(world.after(1), ["xid.app"]);
    assert_eq!(world.after(598), ["xid.app"]);
    assert_eq!(world.after(2), [""; 0]);
}

#[test]
fn a_link_error_says_itself_whether_it_is_fatal() {
    let mut world = World::new();
    world.log_of(149, None, "NETIR_LINK_EVT  Nonfatal XC0 i0 Link 08");
    assert_eq!(world.after(1), ["xid.link"]);
    world.log_of(149, None, "NETIR_LINK_EVT  Fatal    XC0 i0 Link 08");
    world.log_of(149, None, "NETIR_LINK_EVT  Nonfatal XC0 i0 Link 08");
    assert_eq!(world.after(1), ["xid.fatal", "xid.link"], "one of them was");
}

#[test]
fn what_the_driver_asks_for_in_its_log_is_followed() {
    let mut world = World::new();
    let log = |world: &mut World, change: &str| {
        world.log_of(154, None, &format!("GPU recovery action changed from {change}"));
        world.after(1)
    };
    assert_eq!(log(&mut world, "0x0 (None) to 0x1 (GPU Reset Required)"), ["gpu.reset_required"]);
    assert_eq!(only(&world.look()).remedy, Remedy::ResetGpu);
    assert_eq!(log(&mut world, "0x1 (GPU Reset Required) to 0x4 (Drain and Reset)"), ["gpu.reset_required"]);
    assert_eq!(only(&world.look()).remedy, Remedy::DrainAndReset);
    assert_eq!(log(&mut world, "0x4 (Drain and Reset) to 0x0 (None)"), [""; 0]);
    assert_eq!(log(&mut world, "0x0 (None) to 0x3 (Drain P2P)"), ["gpu.recovery_required"]);
    assert!(only(&world.look()).reason.ends_with("no rule here (3)"), "the text says which it is");
    world.reset();
    assert_eq!(world.after(1), [""; 0], "it was reset");
    assert_eq!(log(&mut world, "0x0 (None) to 0x2 (Node Reboot Required)"), ["gpu.reboot_required"]);
    let mut later = World::with(Policy::built_in(), world.judge.memory());
    (later.now, later.readings.energy_mj) = (100, Some(9000));
    assert_eq!(later.after(60), ["gpu.reboot_required"], "the next agent knows");
    later.restart();
    assert_eq!(later.after(1), [""; 0]);
}

#[test]
fn what_nvml_says_goes_before_the_log_and_the_log_before_silence() {
    const RESET: &str = "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)";
    let mut world = World::new();
    world.readings.recovery_action = Some(0);
    world.log_of(154, None, RESET);
    assert_eq!(world.after(1), [""; 0]);
    let mut silent = World::new();
    silent.look();
    silent.log_of(154, None, RESET);
    assert_eq!(kinds(&silent.state(State::Unreadable)), ["gpu.reset_required"]);
    silent.log_of(154, None, "");
    assert_eq!(silent.after(1), ["gpu.reset_required"], "without a text it says nothing");
}

#[test]
fn the_same_fault_of_several_applications_makes_the_hardware_suspect() {
    let mut world = World::new();
    for pid in 1..=5 {
        assert_eq!(world.after(600), [""; 0]);
        world.log_of(13, Some(pid), "");
    }
    let present = world.look();
    assert_eq!(only(&present).kind.as_str(), "xid.suspect_hw");
    assert_eq!(&*only(&present).reason, "XID 13: graphics engine exception, again and again, from different processes");
}

#[test]
fn an_unknown_fault_is_told() {
    let mut world = World::new();
    world.log(999);
    assert_eq!(&*only(&world.look()).reason, "XID 999, which the policy does not know");
}

#[test]
fn another_code_of_the_same_kind_is_news() {
    let mut world = World::new();
    world.log(48);
    assert_eq!(only(&world.look()).xid, Some(48));
    world.after(600);
    world.log(119);
    assert_eq!(only(&world.look()).xid, Some(119));
}

#[test]
fn what_is_logged_again_is_another_occurrence() {
    let mut world = World::new();
    world.log(119);
    let first = only(&world.look()).first_seen;
    assert_eq!(world.after(600), ["xid.fatal"]);
    world.log(119);
    assert!(only(&world.look()).first_seen > first, "so that one that was cleared by hand is there again");
}

#[test]
fn what_was_logged_before_a_slow_driver_answers_is_not_lost() {
    let mut world = World::new();
    world.log(119);
    assert_eq!(world.see(Err(Unreadable::Hung)), None);
    assert_eq!(world.after(1), ["xid.fatal"]);
}

#[test]
fn what_was_logged_before_anybody_looked_is_over_if_the_driver_asks_for_nothing() {
    for (action, expected) in [(Some(0), vec![]), (None, vec!["xid.fatal".to_owned()])] {
        let mut world = World::new();
        world.log(119);
        (world.now, world.readings.recovery_action) = (3600, action);
        assert_eq!(world.after(1), expected, "{action:?}");
        world.log(119);
        assert_eq!(world.after(1), ["xid.fatal"], "now somebody looks");
    }
}

#[test]
fn a_reset_counts_once_the_driver_asks_for_nothing_more() {
    let mut world = World::new();
    world.readings.energy_mj = Some(50_000);
    world.log(119);
    world.readings.recovery_action = Some(1);
    assert_eq!(world.after(1), ["gpu.reset_required", "xid.fatal"]);
    world.reset();
    assert_eq!(world.after(2), ["gpu.reset_required", "xid.fatal"]);
    world.readings.recovery_action = Some(0);
    assert_eq!(world.after(1), [""; 0]);
}

#[test]
fn errors_that_a_command_sets_back_are_no_sign_of_a_reset() {
    let mut world = World::new();
    world.readings.ecc.uncorrected = Some(3);
    world.log(95);
    assert_eq!(world.after(1), ["ecc.uncorrected", "xid.fatal"]);
    world.readings.ecc.uncorrected = Some(0);
    assert_eq!(world.after(2), ["xid.fatal"]);
}

const DAY: u64 = 86_400;

/// It fails, and is reset for it; or only reset.
fn reset_on(world: &mut World, day: u64, code: Option<u32>) -> Vec<String> {
    world.now = day * DAY;
    if let Some(code) = code {
        world.log(code);
    }
    world.after(2);
    world.reset();
    world.after(2)
}

#[test]
fn a_gpu_that_has_to_be_reset_again_and_again_within_a_week_is_not_sound() {
    let mut world = World::new();
    for day in 1..=4 {
        assert_eq!(reset_on(&mut world, day, Some(119)), [""; 0], "{day}");
    }
    world = World { now: world.now, ..World::with(Policy::built_in(), world.judge.memory()) };
    world.readings.energy_mj = Some(5_000);
    assert_eq!(reset_on(&mut world, 5, Some(119)), ["gpu.flapping"], "what the last agent saw counts");
    let condition = only(&world.look()).clone();
    assert_eq!((condition.severity, condition.remedy), (Severity::Critical, Remedy::ServiceRequired));
    assert_eq!(reset_on(&mut world, 11, None), ["gpu.flapping"], "another reset does not mend it");
    world.now = 13 * DAY;
    assert_eq!(world.after(2), [""; 0], "a week without");
}

#[test]
fn only_what_was_needed_is_held_against_a_gpu() {
    let mut world = World::new();
    for day in 1..=6 {
        assert_eq!(reset_on(&mut world, day, None), [""; 0], "it was sound");
    }
    world.readings.remap.pending = Some(true);
    for day in 7..=13 {
        assert_eq!(reset_on(&mut world, day, None), ["row_remap.pending"], "that is a warning");
    }
    world.readings.remap.pending = Some(false);
    for day in [20, 22, 24, 26, 28, 30, 32] {
        assert_eq!(reset_on(&mut world, day, Some(119)), [""; 0], "four within a week at most");
    }
}

#[test]
fn a_link_error_is_as_bad_as_its_registers_say() {
    let of = |model: &str, registers: [u32; 7]| {
        let mut world = World::new();
        world.model = model.parse().unwrap();
        world.look();
        let texts: Vec<String> = registers.iter().map(|register| format!("{register:#x}")).collect();
        world.log_of(74, None, &format!("NVLink: fatal error detected on link 14({})", texts.join(", ")));
        let present = world.look();
        let fatal = health(&present).conditions().find(|condition| condition.kind.as_str() == "xid.fatal");
        assert!(kinds(&present).iter().any(|kind| kind == "xid.link"), "it is told in any case");
        fatal.map(|condition| (condition.severity, condition.remedy))
    };
    let hopper = "NVIDIA H100 80GB HBM3";
    assert_eq!(of(hopper, [1 << 23, 0, 0, 0, 1 << 20 | 1 << 29, 0, 0]), None, "of no consequence");
    let connection = Some((Severity::Critical, Remedy::ServiceRequired));
    assert_eq!(of(hopper, [1 << 12 | 1 << 4, 0, 0, 0, 0, 0, 0]), connection);
    let reset = Some((Severity::Critical, Remedy::ResetGpu));
    assert_eq!(of(hopper, [0, 0, 1 << 16, 0, 0, 0, 0]), reset);
    assert_eq!(of(hopper, [1 << 23, 0, 0, 0, 1 << 18, 0, 0]), reset, "one that is not harmless is enough");
    assert_eq!(of("NVIDIA A100-SXM4-80GB", [1 << 23, 0, 0, 0, 0, 0, 0]), reset, "it may have another meaning there");

    let mut world = World::new();
    world.log(74);
    assert_eq!(world.after(1), ["xid.fatal", "xid.link"], "NVML alone says nothing of registers");
}
