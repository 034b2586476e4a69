//! One node of a simulated fleet.
use super::{
    Entry, Fault, Fleet, chance,
    model::{A100, Figures, H100, load},
};
use crate::source::{Observation, Readings, Sighting, Source, State, Throttle, Tick, XidEvent};
use domain::{
    Model, NodeName, Timestamp,
    device::{DeviceId, Slot},
    node::Facts,
};
use std::{sync::Arc, time::Duration};

/// A node that exists only here. What it shows depends on its fleet and the time alone: asked twice for one time, or
/// asked anew from the beginning, it shows the same. Times are to rise.
#[derive(Debug)]
pub struct SimulatedNode {
    fleet: Fleet,
    index: u32,
    name: NodeName,
    figures: &'static Figures,
    model: Model,
    /// The fleet's next fault that was not looked at.
    next: u64,
    /// The faults of this node that have begun and not ended.
    under_way: Vec<Entry>,
    /// What was logged since the last look.
    logged: Vec<XidEvent>,
    /// How often it was started again, and when it last was.
    boots: u64,
    booted: Option<Duration>,
    /// How often the GPU of each slot was replaced.
    generations: Vec<u64>,
    /// When each was last reset.
    resets: Vec<Duration>,
}

impl SimulatedNode {
    pub(super) fn new(fleet: Fleet, index: u32) -> Self {
        let name = format!("sim-{}", u64::from(index) + 1).parse().expect("sim- and a number is a node's name");
        let figures = if index < fleet.size.nodes.div_ceil(2) { &H100 } else { &A100 };
        let model = figures.name.parse().expect("both models' names are well formed");
        let gpus = usize::from(fleet.size.gpus_per_node);
        Self {
            fleet,
            index,
            name,
            figures,
            model,
            next: 0,
            under_way: vec![],
            logged: vec![],
            boots: 0,
            booted: None,
            generations: vec![0; gpus],
            resets: vec![Duration::ZERO; gpus],
        }
    }

    /// Its name: `sim-1` for the first.
    pub const fn name(&self) -> &NodeName {
        &self.name
    }

    /// What it shows at that time; none while it is down or cut off.
    pub fn look(&mut self, at: Duration) -> Option<Observation> {
        self.advance(at);
        if self.under_way.iter().any(|entry| entry.silences(at)) {
            return None;
        }
        let devices = (0..self.fleet.size.gpus_per_node).filter_map(|gpu| self.sighting(gpu, at)).collect();
        let xids = std::mem::take(&mut self.logged);
        let uptime = match self.booted {
            Some(booted) => at.saturating_sub(booted),
            None => at + self.ran_before(),
        };
        Some(Observation { host: self.facts(), uptime, devices: Ok(devices), xids, logged_up_to: None })
    }

    /// Takes up what has begun, and settles what has ended.
    fn advance(&mut self, at: Duration) {
        while let Some((begins, entry)) = self.fleet.fault(self.next, self.index) {
            if begins > at {
                break;
            }
            self.next += 1;
            // Settled one by one, so that a long time at once keeps no more than what overlaps.
            self.settle(begins);
            self.logged.extend(entry.and_then(|entry| self.logs(&entry, entry.at)));
            self.under_way.extend(entry);
        }
        self.settle(at);
    }

    fn settle(&mut self, at: Duration) {
        let mut ended: Vec<Entry> = self.under_way.extract_if(.., |entry| entry.ends() <= at).collect();
        ended.sort_by_key(Entry::ends);
        for entry in ended {
            match entry.fault {
                Fault::FallenOff | Fault::NodeRestart => {
                    self.boots += 1;
                    self.booted = Some(entry.ends());
                    self.resets.fill(entry.ends());
                    // The log begins anew, with what is still wrong.
                    let still = self.under_way.iter().filter_map(|wrong| self.logs(wrong, entry.ends()));
                    self.logged = still.collect();
                }
                Fault::Replaced => {
                    if let Some(generation) = self.generations.get_mut(usize::from(entry.device)) {
                        *generation += 1;
                    }
                }
                Fault::UncorrectedEcc | Fault::RemapPending => {
                    // Who looks for the first time after the reset takes it for over.
                    self.logged.retain(|event| event.slot != slot(entry.device));
                    if let Some(reset) = self.resets.get_mut(usize::from(entry.device)) {
                        *reset = entry.ends();
                    }
                }
                Fault::Overheated | Fault::Hung | Fault::Missing | Fault::NodeSilent => {}
            }
        }
    }

    /// For how long it ran before the simulation began.
    const fn ran_before(&self) -> Duration {
        Duration::from_secs(3600 + (self.index as u64 + 1) % 1_000_000 * 600)
    }

    /// What its driver logs of a fault when it meets it.
    fn logs(&self, entry: &Entry, at: Duration) -> Option<XidEvent> {
        let code = match entry.fault {
            Fault::UncorrectedEcc => 48,
            Fault::FallenOff => 79,
            _ => return None,
        };
        let (detail, at) = (Arc::from(""), later(self.fleet.began, at));
        Some(XidEvent { slot: slot(entry.device), code, gpu_instance: None, pid: None, detail, at })
    }

    fn facts(&self) -> Facts {
        let number = u64::from(self.index) + 1;
        let boot = chance::uuid(self.fleet.seed, "boot", &[number, self.boots]);
        let began = self.fleet.began;
        let booted_at = match self.booted {
            Some(at) => later(began, at),
            None => began.plus_seconds(-i64::try_from(self.ran_before().as_secs()).unwrap_or_default()),
        };
        let address = format!("10.{}.{}.{}", 64 + (number >> 16 & 63), number >> 8 & 255, number & 255);
        Facts {
            boot_id: boot.to_string().into(),
            booted_at,
            addresses: vec![address.into()],
            os: Arc::from("Ubuntu 24.04.3 LTS"),
            kernel: Arc::from("6.8.0-71-generic"),
            cpus: 192,
            memory_bytes: 2 << 40,
            driver: Arc::from("580.95.05"),
            agent: Arc::from(concat!(env!("CARGO_PKG_VERSION"), " (simulated)")),
        }
    }

    fn sighting(&self, gpu: u16, at: Duration) -> Option<Sighting> {
        let has = |fault| self.under_way.iter().any(|entry| entry.device == gpu && entry.fault == fault);
        if has(Fault::Missing) || has(Fault::Replaced) {
            return None;
        }
        let (node, nth) = (u64::from(self.index), u64::from(gpu));
        let generation = self.generations.get(usize::from(gpu)).copied().unwrap_or_default();
        let device = DeviceId::from_uuid(chance::uuid(self.fleet.seed, "device", &[node, nth, generation]));
        let state = if has(Fault::FallenOff) {
            State::Lost
        } else if has(Fault::Hung) {
            State::Unreadable
        } else {
            let load = load(self.fleet.seed, node, nth, at);
            let since = match self.resets.get(usize::from(gpu)) {
                Some(reset) if !reset.is_zero() => at.saturating_sub(*reset),
                _ => at + self.ran_before(),
            };
            let mut readings = self.figures.sound(load, since);
            spoil(&mut readings, has);
            State::Read(Box::new(readings))
        };
        Some(Sighting {
            device,
            slot: slot(gpu),
            model: self.model.clone(),
            memory_bytes: self.figures.memory_bytes,
            index: Some(gpu.into()),
            minor: Some(gpu.into()),
            instances: vec![],
            processes: None,
            state,
        })
    }
}

impl Source for SimulatedNode {
    async fn observe(&mut self, tick: Tick) -> Option<Observation> {
        self.look(tick.elapsed)
    }
}

/// Makes a sound GPU's readings those of a GPU with these faults.
fn spoil(readings: &mut Readings, has: impl Fn(Fault) -> bool) {
    if has(Fault::UncorrectedEcc) {
        readings.ecc.uncorrected = Some(1);
    }
    if has(Fault::RemapPending) {
        readings.remap.pending = Some(true);
        readings.remap.uncorrected = Some(1);
    }
    if has(Fault::Overheated) {
        readings.throttle = Some(Throttle::HW_THERMAL);
        readings.temperatures.gpu = readings.temperatures.slowdown.map(|limit| limit + 1);
    }
}

fn slot(gpu: u16) -> Slot {
    let bus = u8::try_from(0x10 + gpu).unwrap_or(u8::MAX);
    Slot { domain: 0, bus, device: 0, function: 0 }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    Timestamp::from_micros(moment.micros().saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Faults, Script},
        *,
    };

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn fleet(entries: &[(u64, u64, u16, Fault)]) -> Fleet {
        let entry = |(at, lasts, device, fault): &(u64, u64, u16, Fault)| Entry {
            at: seconds(*at),
            lasts: seconds(*lasts),
            node: 0,
            device: *device,
            fault: *fault,
        };
        Fleet {
            size: "2x4".parse().unwrap(),
            seed: 11,
            began: Timestamp::from_micros(1_772_366_400_000_000),
            faults: Faults::Script(Arc::new(Script::new(entries.iter().map(entry).collect()))),
        }
    }

    fn first(fleet: &Fleet) -> SimulatedNode {
        fleet.nodes().next().unwrap()
    }

    fn devices(observation: &Observation) -> &[Sighting] {
        observation.devices.as_ref().unwrap()
    }

    #[test]
    fn half_the_nodes_are_of_each_model() {
        let fleet = Fleet { size: "4x2".parse().unwrap(), ..fleet(&[]) };
        let models: Vec<_> = fleet.nodes().map(|node| node.model.to_string()).collect();
        assert_eq!(models.iter().filter(|model| *model == H100.name).count(), 2);
        assert_eq!(models.iter().filter(|model| *model == A100.name).count(), 2);
        let names: Vec<_> = fleet.nodes().map(|node| node.name().to_string()).collect();
        assert_eq!(names, ["sim-1", "sim-2", "sim-3", "sim-4"]);
    }

    #[test]
    fn a_gpu_falls_off_and_a_restart_brings_it_back() {
        let mut node = first(&fleet(&[(10, 30, 2, Fault::FallenOff)]));
        let before = node.look(seconds(9)).unwrap();
        let during = node.look(seconds(10)).unwrap();
        assert_eq!(devices(&during)[2].state, State::Lost);
        assert_eq!(during.xids.iter().map(|event| (event.slot, event.code)).collect::<Vec<_>>(), [(slot(2), 79)]);
        assert_eq!(node.look(seconds(11)).unwrap().xids, [], "it is logged once");
        assert_eq!(during.host, before.host);
        assert_eq!(node.look(seconds(30)), None, "the node is down");
        let after = node.look(seconds(40)).unwrap();
        assert!(devices(&after)[2].readings().is_some());
        assert_eq!(devices(&after)[2].device, devices(&before)[2].device);
        assert_ne!(after.host.boot_id, before.host.boot_id);
        assert!(after.host.booted_at > before.host.booted_at);
    }

    #[test]
    fn a_replaced_gpu_has_another_uuid_in_the_same_slot() {
        let mut node = first(&fleet(&[(10, 10, 1, Fault::Replaced), (30, 10, 1, Fault::Missing)]));
        let before = node.look(seconds(0)).unwrap();
        assert_eq!(devices(&node.look(seconds(15)).unwrap()).len(), 3);
        let after = node.look(seconds(20)).unwrap();
        assert_ne!(devices(&after)[1].device, devices(&before)[1].device);
        assert_eq!(devices(&after)[1].slot, devices(&before)[1].slot);
        assert_eq!(devices(&node.look(seconds(35)).unwrap()).len(), 3);
        assert_eq!(devices(&node.look(seconds(40)).unwrap())[1].device, devices(&after)[1].device);
    }

    #[test]
    fn what_a_node_shows_does_not_depend_on_when_it_was_asked_before() {
        let fleet = Fleet { size: "4x8".parse().unwrap(), faults: Faults::Calm, ..fleet(&[]) };
        for (mut often, mut seldom) in fleet.nodes().zip(fleet.nodes()) {
            for at in (0..7200).step_by(7) {
                often.look(seconds(at));
            }
            // Only what is logged is told once.
            let shown = |seen: Option<Observation>| seen.map(|seen| (seen.host, seen.devices));
            assert_eq!(shown(often.look(seconds(7200))), shown(seldom.look(seconds(7200))));
        }
    }

    #[test]
    fn a_calm_fleet_shows_every_fault_within_some_hours() {
        let fleet = Fleet { size: "4x8".parse().unwrap(), faults: Faults::Calm, ..fleet(&[]) };
        let mut seen = std::collections::HashSet::new();
        for mut node in fleet.nodes() {
            for at in (0..6 * 3600).step_by(10) {
                node.look(seconds(at));
                seen.extend(node.under_way.iter().map(|entry| entry.fault));
            }
        }
        assert_eq!(seen.len(), Fault::ALL.len() - 1, "all but a plain restart: {seen:?}");
    }
}
