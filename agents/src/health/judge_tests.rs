use super::*;
use crate::source::{Memory as GpuMemory, Pcie, Temperatures, Throttle};
use domain::device::Remedy;

const ID: &str = "GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c";

/// One GPU on one host, looked at every second.
struct World {
    judge: Judge,
    now: u64,
    /// When the host was started; a day ago, unless said otherwise.
    booted: Option<u64>,
    host: Facts,
    readings: Readings,
    logged: Vec<XidEvent>,
}

impl World {
    fn new() -> Self {
        Self::with(Policy::built_in(), Memory::default())
    }

    fn with(policy: Arc<Policy>, memory: Memory) -> Self {
        let host = Facts { boot_id: "boot-1".into(), ..Facts::default() };
        let readings = Readings {
            memory: GpuMemory { used: Some(0), ..GpuMemory::default() },
            energy_mj: Some(1000),
            throttle: Some(Throttle::default()),
            ..Readings::default()
        };
        Self { judge: Judge::new(policy, memory), now: 0, booted: None, host, readings, logged: vec![] }
    }

    fn tick(&self) -> Tick {
        Tick { elapsed: Duration::from_secs(self.now), wall: wall(self.now) }
    }

    fn see(&mut self, devices: Result<Vec<Sighting>, Unreadable>) -> Option<Present> {
        let xids = std::mem::take(&mut self.logged);
        let uptime = Duration::from_secs(self.booted.map_or(86_400, |booted| self.now - booted));
        let observation = Observation { host: self.host.clone(), uptime, devices, xids, logged_up_to: Some(self.now) };
        let present = self.judge.look(self.tick(), observation);
        self.now += 1;
        present
    }

    fn state(&mut self, state: State) -> Present {
        self.see(Ok(vec![sighting(state)])).expect("something is known")
    }

    fn look(&mut self) -> Present {
        self.readings.energy_mj = self.readings.energy_mj.map(|energy| energy + 1);
        self.state(State::Read(Box::new(self.readings.clone())))
    }

    /// The conditions after so many seconds more.
    fn after(&mut self, seconds: u64) -> Vec<String> {
        for _ in 1..seconds {
            self.look();
        }
        kinds(&self.look())
    }

    fn log(&mut self, code: u32) {
        self.log_of(code, None, "");
    }

    fn log_of(&mut self, code: u32, pid: Option<u32>, detail: &str) {
        let (slot, at) = ("0000:b3:00".parse().unwrap(), wall(self.now));
        self.logged.push(XidEvent { slot, code, gpu_instance: None, pid, detail: detail.into(), at });
    }

    fn reset(&mut self) {
        self.readings.energy_mj = Some(0);
    }

    fn restart(&mut self) {
        self.host.boot_id = "boot-2".into();
        self.booted = Some(self.now);
        self.readings.energy_mj = Some(0);
    }
}

fn wall(second: u64) -> Timestamp {
    Timestamp::from_micros(1_772_366_400_000_000).plus_seconds(i64::try_from(second).unwrap())
}

fn sighting(state: State) -> Sighting {
    Sighting {
        device: ID.parse().unwrap(),
        slot: "0000:b3:00".parse().unwrap(),
        model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
        memory_bytes: 1,
        index: None,
        minor: None,
        instances: vec![],
        processes: None,
        state,
    }
}

fn health(present: &Present) -> &Health {
    &present.health[&ID.parse().unwrap()]
}

fn kinds(present: &Present) -> Vec<String> {
    health(present).conditions().map(|condition| condition.kind.to_string()).collect()
}

fn only(present: &Present) -> &Condition {
    let mut all = health(present).conditions();
    let first = all.next().expect("a condition");
    assert!(all.next().is_none(), "one condition");
    first
}

#[test]
fn a_sound_gpu_has_no_condition_and_what_can_be_told_is_told() {
    let mut world = World::new();
    let present = world.look();
    assert_eq!(kinds(&present), [""; 0]);
    assert!(health(&present).readable && health(&present).said.len() > 5);
    assert!(!health(&present).said.contains_key(&"ecc.uncorrected".parse().unwrap()), "it was not read");
}

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
fn a_loss_that_is_only_seen_is_confirmed_by_a_second_look() {
    let mut world = World::new();
    world.look();
    assert_eq!(kinds(&world.state(State::Lost)), [""; 0]);
    assert_eq!(kinds(&world.state(State::Lost)), ["gpu.lost"]);
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
    heat(&mut world, 93);
    world.after(11);
    assert_eq!(only(&world.look()).severity, Severity::Critical);
    heat(&mut world, 88);
    assert_eq!(world.after(400), ["thermal.over_limit"], "within three degrees of the limit");
    assert_eq!(only(&world.look()).severity, Severity::Warning);
    heat(&mut world, 80);
    assert_eq!(world.after(299), ["thermal.over_limit"]);
    assert_eq!(world.after(2), [""; 0]);
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
    let links = |active| Some(crate::source::NvLinks { total: 18, active, ..Default::default() });
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
fn another_code_of_the_same_kind_is_news() {
    let mut world = World::new();
    world.log(48);
    assert_eq!(only(&world.look()).xid, Some(48));
    world.after(600);
    world.log(119);
    assert_eq!(only(&world.look()).xid, Some(119));
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
