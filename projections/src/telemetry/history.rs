//! The last sample of each device, its past, and how each node's frames arrive.
use super::{
    ring::{Bucket, KEPT, Ring},
    series::{Series, SeriesError, series},
};
use domain::{
    AgentRun, NodeName, Timestamp,
    device::DeviceId,
    telemetry::{DeviceFrame, Field, Frame, Process, XidCount},
};
use parking_lot::RwLock;
use std::{collections::HashMap, sync::Arc};

/// The rings of each device: their width in seconds, and the most buckets that are kept. An hour, a day, a week.
const RINGS: [(i64, usize); 3] = [(10, 360), (60, 1440), (600, 1008)];

/// From this utilization on, in per cent, a device does something.
const BUSY_FROM: i64 = 5;

/// What is measured of the whole fleet. Cheap to clone: all clones are one.
#[derive(Debug, Clone)]
pub struct Telemetry {
    fleet: Arc<RwLock<Fleet>>,
    /// The most bytes that all rings together take.
    bytes: usize,
}

#[derive(Debug, Default)]
struct Fleet {
    nodes: HashMap<NodeName, NodeLink>,
    devices: HashMap<DeviceId, Track>,
}

/// How a node's frames arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLink {
    /// When the last one came.
    pub received_at: Timestamp,
    /// How far the node's clock is ahead of the server's, in milliseconds; the way of the frame counts as behind.
    pub skew_millis: i64,
    /// How many were lost on the way since the server's start, as their numbers tell.
    pub lost: u64,
    /// What ran on its devices then; none if that could not be told.
    pub processes: Option<Vec<Process>>,
    boot_id: Arc<str>,
    run: AgentRun,
    sequence: u64,
}

#[derive(Debug)]
struct Track {
    latest: Latest,
    /// When it was first measured, and when it last did something.
    first: Timestamp,
    busy_at: Option<Timestamp>,
    rings: [Ring; RINGS.len()],
}

/// A device's last sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Latest {
    /// When it came.
    pub received_at: Timestamp,
    /// Its number in NVML's order.
    pub index: Option<u32>,
    /// The number of its device file.
    pub minor: Option<u32>,
    /// How often each XID was logged, the last one first.
    pub xids: Vec<XidCount>,
    values: [Option<i64>; Field::COUNT],
}

/// A device that does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// Since when, as far as was measured.
    pub since: Timestamp,
    /// When it was last measured.
    pub measured_at: Timestamp,
}

impl NodeLink {
    /// The boot that the node's frames are of.
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }
}

impl Latest {
    /// What it gave last; none if it does not support that, or was not read in the last frame.
    pub const fn get(&self, field: Field) -> Option<i64> {
        self.values[field.code() as usize]
    }
}

impl Telemetry {
    /// Nothing measured yet; the past takes at most so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { fleet: Arc::default(), bytes }
    }

    /// Takes in a frame that came now. The time at which it came is what counts: of the node's clock only the steps.
    pub fn take(&self, frame: &Frame, now: Timestamp) {
        let mut fleet = self.fleet.write();
        let Fleet { nodes, devices } = &mut *fleet;
        let known = nodes.get(&frame.node);
        let lost = known.map_or(0, |link| {
            let same_run = link.run == frame.run && frame.sequence > link.sequence;
            link.lost + if same_run { frame.sequence - link.sequence - 1 } else { 0 }
        });
        let link = NodeLink {
            received_at: now,
            skew_millis: (frame.sampled_at.micros() - now.micros()) / 1000,
            lost,
            processes: frame.processes.clone(),
            boot_id: Arc::clone(&frame.boot_id),
            run: frame.run,
            sequence: frame.sequence,
        };
        nodes.insert(frame.node.clone(), link);
        let each = self.bytes / size_of::<Bucket>() / RINGS.len() / devices.len().max(1);
        for device in &frame.devices {
            devices.entry(device.device).or_insert_with(|| Track::new(now)).take(frame, device, now, each);
        }
    }

    /// The device's last sample.
    pub fn latest(&self, device: DeviceId) -> Option<Latest> {
        self.fleet.read().devices.get(&device).map(|track| track.latest.clone())
    }

    /// How the node's frames arrive.
    pub fn link(&self, node: &NodeName) -> Option<NodeLink> {
        self.fleet.read().nodes.get(node).cloned()
    }

    /// Whether the device does nothing, and since when. None if it does something, or was never measured.
    pub fn idle(&self, device: DeviceId) -> Option<Idle> {
        let fleet = self.fleet.read();
        let track = fleet.devices.get(&device)?;
        let quiet = track.latest.get(Field::GpuUtilization)? < BUSY_FROM;
        let since = track.busy_at.unwrap_or(track.first);
        quiet.then_some(Idle { since, measured_at: track.latest.received_at })
    }

    /// The device's past between two times, in steps of so many seconds.
    ///
    /// # Errors
    /// It would be too long, or end before it begins.
    pub fn series(&self, device: DeviceId, from: Timestamp, to: Timestamp, step: i64) -> Result<Series, SeriesError> {
        let seconds = |at: Timestamp| at.micros().div_euclid(1_000_000);
        let fleet = self.fleet.read();
        let rings = fleet.devices.get(&device).map(|track| &track.rings[..]).unwrap_or_default();
        series(rings, seconds(from), seconds(to), step.max(1))
    }
}

impl Track {
    fn new(now: Timestamp) -> Self {
        let latest = Latest { received_at: now, index: None, minor: None, xids: vec![], values: [None; Field::COUNT] };
        Self { latest, first: now, busy_at: None, rings: RINGS.map(|(width, _)| Ring::new(width)) }
    }

    /// At most `each` buckets of each ring are kept.
    fn take(&mut self, frame: &Frame, device: &DeviceFrame, now: Timestamp, each: usize) {
        self.latest = Latest {
            received_at: now,
            index: device.index,
            minor: device.minor,
            xids: device.xids.clone(),
            values: [None; Field::COUNT],
        };
        for column in &device.columns {
            self.latest.values[usize::from(column.field.code())] = column.last();
            let Some(kept) = KEPT.iter().position(|field| *field == column.field) else { continue };
            for (value, after) in column.samples(frame.samples).zip((0..i64::from(frame.samples)).rev()) {
                let Some(value) = value else { continue };
                let behind = i64::from(frame.step_millis) * after;
                let at = Timestamp::from_micros(now.micros() - behind * 1000);
                if column.field == Field::GpuUtilization && value >= BUSY_FROM {
                    self.busy_at = Some(at);
                }
                #[expect(clippy::cast_precision_loss, reason = "seven digits are enough for a curve")]
                for (ring, (_, most)) in self.rings.iter_mut().zip(RINGS) {
                    ring.add(at.micros().div_euclid(1_000_000), kept, value as f32, each.min(most));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Incarnation, device::Slot, telemetry::Column};
    use uuid::Uuid;

    fn device() -> DeviceId {
        DeviceId::from_uuid(Uuid::from_u128(1))
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::default().plus_seconds(second)
    }

    /// Ten samples of utilization, one a second.
    fn frame(sequence: u64, missing: u64, values: Vec<i64>) -> Frame {
        Frame {
            node: "n".parse().unwrap(),
            boot_id: "b".into(),
            run: AgentRun(Uuid::nil()),
            life: Incarnation(Uuid::nil()),
            within_millis: 10_000,
            sequence,
            sampled_at: at(0),
            step_millis: 1000,
            samples: 10,
            devices: vec![DeviceFrame {
                device: device(),
                slot: Slot { domain: 0, bus: 1, device: 0, function: 0 },
                index: Some(0),
                minor: Some(0),
                read: 0x3ff & !missing,
                columns: vec![Column { field: Field::GpuUtilization, missing, values }],
                xids: vec![],
            }],
            processes: None,
        }
    }

    const PLENTY: usize = 1 << 20;

    #[test]
    fn the_past_has_gaps_where_nothing_was_measured() {
        let telemetry = Telemetry::new(PLENTY);
        telemetry.take(&frame(0, 0, (0..10).collect()), at(1009));
        telemetry.take(&frame(1, 0, vec![50; 10]), at(1039));
        let series = telemetry.series(device(), at(1000), at(1040), 10).unwrap();
        assert_eq!(series.time, [at(1000), at(1010), at(1020), at(1030)]);
        assert_eq!(series.utilization.mean, [Some(4.5), None, None, Some(50.0)]);
        assert_eq!((series.utilization.min[0], series.utilization.max[0]), (Some(0.0), Some(9.0)));
        assert_eq!(series.power.mean, [None; 4], "what is not supported is no zero");
        let coarse = telemetry.series(device(), at(960), at(1080), 60).unwrap();
        assert_eq!(coarse.utilization.mean.len(), 2);
    }

    #[test]
    fn the_last_sample_says_what_was_read_last() {
        let telemetry = Telemetry::new(PLENTY);
        telemetry.take(&frame(0, 0, vec![7; 10]), at(9));
        assert_eq!(telemetry.latest(device()).unwrap().get(Field::GpuUtilization), Some(7));
        let mut blind = frame(1, 0, vec![]);
        blind.devices[0].columns.clear();
        telemetry.take(&blind, at(19));
        assert_eq!(telemetry.latest(device()).unwrap().get(Field::GpuUtilization), None);
    }

    #[test]
    fn lost_frames_and_the_clocks_difference_are_known() {
        let telemetry = Telemetry::new(PLENTY);
        for (sequence, second) in [(0, 10), (1, 20), (5, 60)] {
            telemetry.take(&frame(sequence, 0, vec![0; 10]), at(second));
        }
        let link = telemetry.link(&"n".parse().unwrap()).unwrap();
        assert_eq!((link.lost, link.skew_millis), (3, -60_000));
        telemetry.take(&frame(0, 0, vec![0; 10]), at(70));
        assert_eq!(telemetry.link(&"n".parse().unwrap()).unwrap().lost, 3, "the agent began anew");
    }

    #[test]
    fn a_device_is_idle_since_it_last_did_something() {
        let telemetry = Telemetry::new(PLENTY);
        telemetry.take(&frame(0, 0, [vec![90; 5], vec![0; 5]].concat()), at(109));
        telemetry.take(&frame(1, 0, vec![1; 10]), at(119));
        assert_eq!(telemetry.idle(device()), Some(Idle { since: at(104), measured_at: at(119) }));
        telemetry.take(&frame(2, 0, vec![80; 10]), at(129));
        assert_eq!(telemetry.idle(device()), None);
    }

    #[test]
    fn the_past_is_bounded() {
        let telemetry = Telemetry::new(size_of::<Bucket>() * RINGS.len() * 5);
        for nth in 0..100 {
            telemetry.take(&frame(nth, 0, vec![1; 10]), at(i64::try_from(nth).unwrap() * 10 + 9));
        }
        let series = telemetry.series(device(), at(0), at(1000), 10).unwrap();
        assert_eq!(series.utilization.mean.iter().flatten().count(), 5);
        assert_eq!(telemetry.series(device(), at(0), at(1_000_000), 1), Err(SeriesError::TooLong));
        assert_eq!(telemetry.series(device(), at(10), at(0), 1), Err(SeriesError::Backwards));
    }
}
