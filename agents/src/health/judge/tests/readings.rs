//! What is read from look to look.
use super::*;
use crate::source::{BitErrorRate, Fabric, NvLinks, Pcie, Retired, Temperatures};
use domain::device::Severity;

#[test]
fn a_sound_gpu_has_no_condition_and_what_can_be_told_is_told() {
    let mut world = World::new();
    let present = world.look();
    assert_eq!(kinds(&present), [""; 0]);
    assert!(health(&present).readable && health(&present).said.len() > 5);
    assert!(!health(&present).said.contains_key(&"ecc.uncorrected".parse().unwrap()), "it was not read");
}

#[test]
fn a_loss_that_is_only_seen_is_confirmed_by_a_second_look() {
    let mut world = World::new();
    world.look();
    assert_eq!(kinds(&world.state(State::Lost)), [""; 0]);
    assert_eq!(kinds(&world.state(State::Lost)), ["gpu.lost"]);
}

#[test]
fn heat_has_to_last_and_to_be_over_for_a_while() {
    let mut world = World::new();
    let heat = |world: &mut World, gpu| {
        world.readings.temperatures =
            Temperatures { gpu: Some(gpu), slowdown: Some(90), shutdown: Some(95), ..Temperatures::default() };
    };
    heat(&mut world, 90);
    assert_eq!(world.after(10), [""; 0]);
    let warm = world.look();
    assert_eq!((only(&warm).kind.as_str(), only(&warm).severity), ("thermal.over_limit", Severity::Warning));
    assert_eq!(&*only(&warm).reason, "the GPU is hotter than its limit (90 °C, the GPU slows itself down at 90 °C)");
    heat(&mut world, 91);
    assert_eq!(only(&world.look()).reason, only(&warm).reason, "that it is a degree more is no news");
    heat(&mut world, 93);
    world.after(11);
    let hot = world.look();
    assert_eq!(only(&hot).severity, Severity::Critical);
    assert!(only(&hot).reason.ends_with("(93 °C, the GPU switches itself off at 95 °C)"), "{}", only(&hot).reason);
    heat(&mut world, 88);
    assert_eq!(world.after(400), ["thermal.over_limit"], "within three degrees of the limit");
    assert_eq!(only(&world.look()).severity, Severity::Warning);
    heat(&mut world, 80);
    assert_eq!(world.after(299), ["thermal.over_limit"]);
    assert_eq!(world.after(2), [""; 0]);
}

#[test]
fn figures_outlive_the_agent_that_raised_them() {
    let mut world = World::new();
    world.readings.remap.uncorrected = Some(512);
    let first = world.look();
    assert_eq!(&*only(&first).reason, "the spare memory rows are used up (512, the limit is 512)");
    world.readings.remap.uncorrected = Some(513);
    world.judge.news(Duration::ZERO);
    let second = world.look();
    assert_eq!((only(&second).reason.clone(), world.judge.news(Duration::ZERO)), (only(&first).reason.clone(), None));
    let mut later = World::with(Policy::built_in(), world.judge.memory());
    later.readings.remap.uncorrected = Some(514);
    assert_eq!(only(&later.look()).reason, only(&first).reason);
}

#[test]
fn new_retired_pages_are_too_many_where_there_are_many() {
    let mut world = World::new();
    let retire = |world: &mut World, pages| {
        world.readings.retired = Retired { single_bit: Some(0), double_bit: Some(pages), pending: Some(false) };
        world.after(1)
    };
    assert_eq!(retire(&mut world, 9), [""; 0]);
    assert_eq!(retire(&mut world, 15), [""; 0], "six new ones of few");
    world.reset();
    let mut later = World::with(Policy::built_in(), world.judge.memory());
    later.now = 5 * 24 * 3600;
    assert_eq!(retire(&mut later, 16), ["pages.retired"]);
    let present = later.look();
    assert_eq!(&*only(&present).reason, "many memory pages are retired, and more by the week (7 in a week, 16 in all)");
    later.now += 9 * 24 * 3600;
    assert_eq!(retire(&mut later, 17), [""; 0], "a quiet week, as far as it was seen");
    assert_eq!(retire(&mut later, 18), [""; 0], "one new one");
    assert_eq!(retire(&mut later, 19), ["pages.retired"]);
}

#[test]
fn a_site_may_go_by_the_thermal_margin() {
    let line = r#"
        [[condition]]
        kind = "thermal.margin"
        signal = "temperature.beyond_slowdown_margin"
        at_least = 0
        severity = "warning"
        remedy = "operator"
        reason = "the GPU is too hot"
        [names]"#;
    let policy = Policy::parse(&Policy::BUILT_IN.replace("[names]", line)).unwrap();
    let mut world = World::with(Arc::new(policy), Memory::default());
    let heat = Temperatures { margin: Some(-1), slowdown_margin: Some(-2), ..Temperatures::default() };
    world.readings.temperatures = heat;
    assert_eq!(world.after(1), [""; 0]);
    world.readings.temperatures.margin = Some(-3);
    let reason = only(&world.look()).reason.clone();
    assert_eq!(&*reason, "the GPU is too hot (margin -3 °C, the GPU slows itself down at -2 °C)");
}

#[test]
fn a_throttle_has_to_come_in_most_minutes() {
    let mut world = World::new();
    for minute in 0..6 {
        assert_eq!(world.after(1), [""; 0], "minute {minute}");
        world.readings.throttle = Some(Throttle::HW_THERMAL);
        world.after(1);
        world.readings.throttle = Some(Throttle::POWER_CAP);
        world.after(58);
    }
    assert_eq!(world.after(2), ["thermal.hw_slowdown"]);
    assert_eq!(world.after(530), ["thermal.hw_slowdown"]);
    assert_eq!(world.after(120), [""; 0]);
}

#[test]
fn rates_are_of_a_whole_minute() {
    let mut world = World::new();
    let mut replays = 0;
    world.readings.pcie = Pcie { width: Some(16), width_max: Some(16), generation_max: Some(5), ..Pcie::default() };
    for minute in 0..4 {
        // DCGM's bound for 16 lanes of the fifth generation is 31 a minute.
        let raised = minute >= 1;
        for _ in 0..60 {
            replays += 1;
            world.readings.pcie.replays = Some(replays);
            world.look();
        }
        let told = kinds(&world.look()).iter().any(|kind| kind == "pcie.replay");
        assert_eq!(told, raised, "minute {minute}");
    }
    assert_eq!(world.after(500), ["pcie.replay"]);
    assert_eq!(world.after(200), [""; 0], "ten minutes without");
}

#[test]
fn links_may_take_their_time_after_a_start() {
    let mut world = World::new();
    let links = |active| Some(NvLinks { total: 18, active, ..Default::default() });
    (world.booted, world.readings.nvlinks) = (Some(0), links(12));
    assert_eq!(world.after(700), [""; 0], "six lead nowhere");
    world.restart();
    world.readings.nvlinks = links(11);
    assert_eq!(world.after(600), [""; 0]);
    assert_eq!(world.after(31), ["nvlink.down"]);
    world.readings.nvlinks = links(12);
    assert_eq!(world.after(31), [""; 0]);
}

#[test]
fn a_gpu_that_is_not_registered_with_its_switches_is_told_after_three_looks() {
    let mut world = World::new();
    let fabric = |state, status, degraded| Some(Fabric { state, status, degraded_bandwidth: degraded });
    let sound = fabric(Fabric::COMPLETED, 0, Some(false));
    for unsound in [
        fabric(Fabric::NOT_STARTED, 0, None),
        fabric(Fabric::IN_PROGRESS, 0, None),
        fabric(Fabric::COMPLETED, 999, None),
        fabric(Fabric::COMPLETED, 0, Some(true)),
    ] {
        world.readings.fabric = unsound;
        assert_eq!(world.after(30), [""; 0], "{unsound:?}");
        assert_eq!(world.after(1), ["fabric.unhealthy"], "{unsound:?}");
        assert_eq!(only(&world.look()).severity, Severity::Critical);
        world.readings.fabric = sound;
        assert_eq!(world.after(31), [""; 0]);
        // Flapping is not what this is about.
        world.judge = Judge::new(Policy::built_in(), Memory::default());
    }
    // What its status says is of no meaning as long as there is no registration.
    for no_fabric in [None, fabric(Fabric::NOT_SUPPORTED, 3, None)] {
        world.readings.fabric = no_fabric;
        assert_eq!(world.after(60), [""; 0], "{no_fabric:?}");
    }
    world.restart();
    world.readings.fabric = fabric(Fabric::IN_PROGRESS, 0, None);
    assert_eq!(world.after(600), [""; 0], "it takes its time after a start");
    assert_eq!(world.after(31), ["fabric.unhealthy"]);
}

#[test]
fn what_comes_and_goes_is_not_believed_to_be_over() {
    let mut world = World::new();
    for nth in 0..5 {
        assert_eq!(world.after(1), [""; 0], "{nth}");
        world.readings.recovery_action = Some(1);
        world.after(1);
        world.readings.recovery_action = Some(0);
    }
    assert_eq!(world.after(2), ["gpu.flapping"]);
    assert_eq!(&*only(&world.look()).reason, "gpu.reset_required comes and goes: it is not believed to be over");
}

#[test]
fn a_link_that_is_slow_while_idle_says_nothing() {
    let mut world = World::new();
    world.readings.pcie = Pcie { generation: Some(1), generation_max: Some(5), ..Pcie::default() };
    world.readings.gpu_utilization = Some(0);
    assert_eq!(world.after(60), [""; 0]);
    world.readings.gpu_utilization = Some(50);
    assert_eq!(world.after(40), ["pcie.degraded"]);
    world.readings.gpu_utilization = Some(0);
    assert_eq!(world.after(300), ["pcie.degraded"], "and does not clear it");
    (world.readings.gpu_utilization, world.readings.pcie.generation) = (Some(50), Some(5));
    assert_eq!(world.after(40), [""; 0]);
}

#[test]
fn a_site_may_have_rules_for_nvlink_5() {
    let rule = "[[condition]]\nkind = \"nvlink.errors\"\nseverity = \"warning\"\nremedy = \"operator\"\n";
    let rate = format!(
        "{rule}signal = \"nvlink5.worst_bit_error_rate\"\nat_least = -12\nreason = \"an NVLink has many errors\"\n"
    );
    let recoveries =
        format!("{rule}signal = \"nvlink5.recoveries_per_minute\"\nreason = \"links recover\"\nminutes = [1, 1]\n");
    let links = |exponent, link_recoveries| {
        let worst_ber = Some(BitErrorRate { link: 7, mantissa: 3, exponent });
        let links = NvLinks { total: 18, active: 18, worst_ber, link_recoveries, ..NvLinks::default() };
        assert_eq!(links.replays, None, "it has no counters of before");
        Some(links)
    };
    let policy = Policy::parse(&format!("{}\n{rate}\n{recoveries}", Policy::BUILT_IN)).unwrap();
    let mut world = World::with(Arc::new(policy), Memory::default());
    world.readings.nvlinks = links(13, Some(5));
    assert_eq!(world.after(61), [""; 0]);
    world.readings.nvlinks = links(12, Some(5));
    assert_eq!(&*only(&world.look()).reason, "an NVLink has many errors (link 7: 3e-12)");
    world.readings.nvlinks = links(13, Some(6));
    world.after(1);
    let told = world.after(60);
    assert_eq!(told, ["nvlink.errors"]);
    assert!(only(&world.look()).reason.starts_with("links recover (1"), "{told:?}");
}
