//! What is measured from look to look, gathered into frames. Pure: whoever sends them knows the network.
use crate::{
    health::Faults,
    source::{Observation, Owner, Readings, Sighting, State, Tick},
};
use bus::wire::PROCESSES_MAX;
use domain::{
    AgentRun, Incarnation, NodeName, Timestamp,
    device::{DeviceId, Slot},
    telemetry::{Column, DeviceFrame, Field, Frame, Process, ProcessOwner, SAMPLES_MAX},
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Gathers one node's samples.
#[derive(Debug)]
pub struct Recorder {
    node: NodeName,
    run: AgentRun,
    every: Duration,
    within_millis: u32,
    due: Option<Duration>,
    first_after: Duration,
    sequence: u64,
    began: Option<Duration>,
    last: Duration,
    sampled_at: Timestamp,
    samples: usize,
    boot_id: Arc<str>,
    devices: BTreeMap<DeviceId, Track>,
    processes: Option<Vec<Process>>,
}

/// One device's samples.
#[derive(Debug)]
struct Track {
    slot: Slot,
    index: Option<u32>,
    minor: Option<u32>,
    read: u64,
    columns: BTreeMap<Field, (u64, Vec<i64>)>,
}

impl Recorder {
    /// Gathers for so long at a time, in looks that are so far apart; the first frame is due after a time of this node's own,
    /// so that a fleet does not send all at once.
    pub fn new(node: NodeName, run: AgentRun, every: Duration, look_every: Duration, first_after: Duration) -> Self {
        let within_millis = u32::try_from((every + look_every).as_millis()).unwrap_or(u32::MAX);
        Self {
            node,
            run,
            every,
            within_millis,
            due: None,
            first_after,
            sequence: 0,
            began: None,
            last: Duration::ZERO,
            sampled_at: Timestamp::default(),
            samples: 0,
            boot_id: Arc::from(""),
            devices: BTreeMap::new(),
            processes: None,
        }
    }

    /// Takes in what was seen. A frame, once its time has come or it is full; with what was logged of each device, and in which
    /// life the agent's queue is.
    pub fn note<'a>(
        &mut self,
        tick: Tick,
        life: Incarnation,
        observation: &Observation,
        faults: impl Iterator<Item = (DeviceId, &'a Faults)>,
    ) -> Option<Frame> {
        let due = *self.due.get_or_insert(tick.elapsed + self.first_after);
        self.began.get_or_insert(tick.elapsed);
        (self.last, self.sampled_at) = (tick.elapsed, tick.wall);
        self.boot_id = Arc::clone(&observation.host.boot_id);
        let bit = 1 << self.samples;
        for sighting in observation.devices.iter().flatten() {
            self.track(sighting, bit);
        }
        self.processes = observation.devices.as_ref().ok().and_then(|seen| processes(seen));
        self.samples += 1;
        if tick.elapsed < due && self.samples < SAMPLES_MAX {
            return None;
        }
        self.due = Some(tick.elapsed + self.every);
        Some(self.frame(life, &faults.collect()))
    }

    /// The boot of the host at the last look; empty before the first.
    pub const fn boot_id(&self) -> &Arc<str> {
        &self.boot_id
    }

    fn track(&mut self, sighting: &Sighting, bit: u64) {
        let Sighting { slot, index, minor, .. } = *sighting;
        let fresh = || Track { slot, index, minor, read: 0, columns: BTreeMap::new() };
        let track = self.devices.entry(sighting.device).or_insert_with(fresh);
        (track.slot, track.index, track.minor) = (slot, index, minor);
        let State::Read(readings) = &sighting.state else { return };
        track.read |= bit;
        for (field, value) in measures(readings) {
            let (there, values) = track.columns.entry(field).or_default();
            *there |= bit;
            values.push(value);
        }
    }

    fn frame(&mut self, life: Incarnation, faults: &BTreeMap<DeviceId, &Faults>) -> Frame {
        let all = u64::MAX >> (64 - self.samples);
        let devices = std::mem::take(&mut self.devices).into_iter().map(|(device, track)| DeviceFrame {
            device,
            slot: track.slot,
            index: track.index,
            minor: track.minor,
            read: track.read,
            xids: faults.get(&device).map(|faults| faults.counts()).unwrap_or_default(),
            columns: track
                .columns
                .into_iter()
                .map(|(field, (there, values))| Column { field, missing: all & !there, values })
                .collect(),
        });
        let steps = u32::try_from(self.samples.saturating_sub(1)).unwrap_or_default();
        let span = self.last.saturating_sub(self.began.take().unwrap_or(self.last));
        let frame = Frame {
            node: self.node.clone(),
            boot_id: Arc::clone(&self.boot_id),
            run: self.run,
            life,
            within_millis: self.within_millis,
            sequence: self.sequence,
            sampled_at: self.sampled_at,
            step_millis: span.checked_div(steps).map_or(0, |step| u32::try_from(step.as_millis()).unwrap_or(u32::MAX)),
            samples: u8::try_from(self.samples).unwrap_or_default(),
            devices: devices.collect(),
            processes: self.processes.take(),
        };
        self.sequence += 1;
        self.samples = 0;
        frame
    }
}

/// What runs on the devices; none unless that could be told of all of them, and wholly: who is left out would be taken for
/// gone. On one that is lost, nothing runs.
fn processes(sightings: &[Sighting]) -> Option<Vec<Process>> {
    let there = sightings.iter().filter(|sighting| sighting.state != State::Lost);
    let told = there.map(|sighting| Some((sighting.device, sighting.processes.as_ref()?)));
    let told: Vec<_> = told.collect::<Option<_>>()?;
    let count: usize = told.iter().map(|(_, processes)| processes.len()).sum();
    if sightings.is_empty() || count > PROCESSES_MAX {
        return None;
    }
    let all = told.into_iter().flat_map(|(device, processes)| {
        processes.iter().map(move |process| Process {
            device,
            pid: process.pid,
            started: process.started,
            memory_bytes: process.memory_bytes,
            owner: match &process.owner {
                Owner::Pod(uid) => ProcessOwner::Pod(*uid),
                Owner::User(name) => ProcessOwner::User(Arc::clone(name)),
                Owner::Unknown => ProcessOwner::Unknown,
            },
        })
    });
    Some(all.collect())
}

/// Every field that could be read.
fn measures(readings: &Readings) -> impl Iterator<Item = (Field, i64)> {
    fn int<T: TryInto<i64>>(value: Option<T>) -> Option<i64> {
        value.and_then(|value| value.try_into().ok())
    }
    let Readings { memory, temperatures, ecc, remap, retired, pcie, profile, violations, .. } = readings;
    let links = readings.nvlinks.unwrap_or_default();
    let flag = |value: Option<bool>| value.map(i64::from);
    [
        (Field::GpuUtilization, int(readings.gpu_utilization)),
        (Field::MemoryUtilization, int(readings.memory_utilization)),
        (Field::EncoderUtilization, int(readings.encoder_utilization)),
        (Field::DecoderUtilization, int(readings.decoder_utilization)),
        (Field::MemoryUsed, int(memory.used)),
        (Field::MemoryFree, int(memory.free)),
        (Field::MemoryReserved, int(memory.reserved)),
        (Field::Temperature, int(temperatures.gpu)),
        (Field::MemoryTemperature, int(temperatures.memory)),
        (Field::Power, int(readings.power_mw)),
        (Field::Energy, int(readings.energy_mj)),
        (Field::SmClock, int(readings.sm_clock_mhz)),
        (Field::MemoryClock, int(readings.memory_clock_mhz)),
        (Field::Throttle, int(readings.throttle.map(|reasons| reasons.0))),
        (Field::PcieReplays, int(pcie.replays)),
        (Field::EccCorrected, int(ecc.corrected)),
        (Field::EccUncorrected, int(ecc.uncorrected)),
        (Field::EccCorrectedEver, int(ecc.corrected_ever)),
        (Field::EccUncorrectedEver, int(ecc.uncorrected_ever)),
        (Field::RowsRemappedCorrected, int(remap.corrected)),
        (Field::RowsRemappedUncorrected, int(remap.uncorrected)),
        (Field::RowRemapFailed, flag(remap.failed)),
        (Field::PagesRetiredSingleBit, int(retired.single_bit)),
        (Field::PagesRetiredDoubleBit, int(retired.double_bit)),
        (Field::PagesRetiredPending, flag(retired.pending)),
        (Field::NvLinkCrcFlit, int(links.crc_flit)),
        (Field::NvLinkCrcData, int(links.crc_data)),
        (Field::NvLinkReplays, int(links.replays)),
        (Field::NvLinkRecoveries, int(links.recoveries)),
        (Field::PowerViolation, int(violations.power_ns)),
        (Field::ThermalViolation, int(violations.thermal_ns)),
        (Field::EngineActive, int(profile.engine_active)),
        (Field::TensorActive, int(profile.tensor_active)),
        (Field::DramActive, int(profile.dram_active)),
        (Field::PcieSent, int(profile.pcie_sent)),
        (Field::PcieReceived, int(profile.pcie_received)),
    ]
    .into_iter()
    .filter_map(|(field, value)| Some((field, value?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Temperatures, Unreadable};
    use domain::node::Facts;

    const EVERY: Duration = Duration::from_secs(10);
    const LOOK: Duration = Duration::from_secs(1);
    const RUN: AgentRun = AgentRun(uuid::Uuid::from_u128(5));

    fn tick(second: u64) -> Tick {
        let wall = Timestamp::default().plus_seconds(i64::try_from(second).unwrap());
        Tick { elapsed: Duration::from_secs(second), wall }
    }

    fn recorder() -> Recorder {
        Recorder::new("n".parse().unwrap(), RUN, EVERY, LOOK, Duration::from_secs(3))
    }

    fn note(recorder: &mut Recorder, second: u64, seen: &Observation) -> Option<Frame> {
        recorder.note(tick(second), Incarnation(uuid::Uuid::nil()), seen, std::iter::empty())
    }

    fn seen(state: State) -> Observation {
        let sighting = Sighting {
            device: DeviceId::from_uuid(uuid::Uuid::from_u128(1)),
            slot: "0000:b3:00".parse().unwrap(),
            model: "NVIDIA H100 80GB HBM3".parse().unwrap(),
            memory_bytes: 1,
            index: Some(0),
            minor: Some(0),
            instances: vec![],
            processes: None,
            state,
        };
        Observation {
            host: Facts::default(),
            devices: Ok(vec![sighting]),
            xids: vec![],
            logged_up_to: None,
            uptime: Duration::MAX,
        }
    }

    fn warm(degrees: i32) -> State {
        let temperatures = Temperatures { gpu: Some(degrees), ..Temperatures::default() };
        State::Read(Box::new(Readings { temperatures, ..Readings::default() }))
    }

    #[test]
    fn a_frame_is_due_after_its_time_and_then_every_interval() {
        let mut recorder = recorder();
        let due: Vec<u64> = (0..30).filter(|at| note(&mut recorder, *at, &seen(warm(40))).is_some()).collect();
        assert_eq!(due, [3, 13, 23]);
        let frame = (30..40).find_map(|at| note(&mut recorder, at, &seen(warm(40)))).unwrap();
        assert_eq!((frame.run, frame.within_millis), (RUN, 11_000));
    }

    #[test]
    fn what_is_not_supported_is_absent_and_what_was_not_read_is_a_gap() {
        let mut recorder = recorder();
        for (at, state) in [warm(40), State::Unreadable, warm(42)].into_iter().enumerate() {
            assert!(note(&mut recorder, at as u64, &seen(state)).is_none());
        }
        let frame = note(&mut recorder, 3, &seen(State::Lost)).unwrap();
        assert_eq!((frame.samples, frame.step_millis, frame.sequence), (4, 1000, 0));
        assert_eq!(frame.sampled_at, tick(3).wall);
        let [device] = &frame.devices[..] else { panic!("one device") };
        assert_eq!(device.read, 0b0101);
        assert_eq!(device.columns, [Column { field: Field::Temperature, missing: 0b1010, values: vec![40, 42] }]);
        assert_eq!(frame.processes, Some(vec![]), "nothing runs on a lost GPU");
    }

    #[test]
    fn a_node_that_can_read_nothing_shows_that_it_lives() {
        let mut recorder = recorder();
        let blind = Observation {
            host: Facts::default(),
            devices: Err(Unreadable::Hung),
            xids: vec![],
            logged_up_to: None,
            uptime: Duration::MAX,
        };
        let frame = (0..4).find_map(|at| note(&mut recorder, at, &blind)).unwrap();
        assert_eq!((frame.devices, frame.samples), (vec![], 4));
    }

    #[test]
    fn processes_are_told_of_all_devices_or_of_none() {
        let own = crate::source::Process {
            pid: 1,
            started: 2,
            gpu_instance: None,
            memory_bytes: None,
            owner: Owner::Unknown,
        };
        let of = |processes: [Option<Vec<_>>; 2]| {
            let both = processes.map(|processes| Sighting { processes, ..seen(warm(40)).devices.unwrap().remove(0) });
            super::processes(&both).map(|told| told.len())
        };
        assert_eq!(of([Some(vec![own.clone()]), Some(vec![])]), Some(1));
        assert_eq!(of([Some(vec![own.clone()]), None]), None);
        assert_eq!(of([Some(vec![own; PROCESSES_MAX + 1]), Some(vec![])]), None);
    }

    #[test]
    fn a_frame_is_never_fuller_than_it_may_be() {
        let mut recorder =
            Recorder::new("n".parse().unwrap(), RUN, Duration::from_hours(1), LOOK, Duration::from_hours(1));
        let frames: Vec<_> = (0..121).filter_map(|at| note(&mut recorder, at, &seen(warm(40)))).collect();
        assert_eq!(frames.iter().map(|frame| usize::from(frame.samples)).collect::<Vec<_>>(), [SAMPLES_MAX; 2]);
        assert!(frames.iter().all(|frame| bus::wire::encode_frame(frame).is_ok()));
    }
}
