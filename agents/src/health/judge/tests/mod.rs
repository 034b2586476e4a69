//! One GPU on one host, judged second by second.
mod logged;
mod presence;
mod readings;
mod remembered;

use super::*;
use crate::source::{Memory as GpuMemory, Readings, State, Throttle};
use domain::{Model, device::Condition};

const ID: &str = "GPU-4f1c0a9e-8d4b-6c1f-0a3b-2f3a5d6e7b8c";

/// One GPU on one host, looked at every second.
struct World {
    judge: Judge,
    now: u64,
    /// When the host was started; a day ago, unless said otherwise.
    booted: Option<u64>,
    host: Facts,
    model: Model,
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
        let (judge, model) = (Judge::new(policy, memory), "NVIDIA H100 80GB HBM3".parse().unwrap());
        Self { judge, now: 0, booted: None, host, model, readings, logged: vec![] }
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
        let sighting = Sighting { model: self.model.clone(), ..sighting(state) };
        self.see(Ok(vec![sighting])).expect("something is known")
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
