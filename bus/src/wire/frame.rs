//! Telemetry on the wire: a version byte, then postcard, in which a column is its first value and then differences, so
//! that what stands still costs a byte a sample, and what never changes costs a byte in all.
use super::{FRAME_MAX, WireError, read, write};
use bytes::Bytes;
use domain::{
    AgentRun, Incarnation, Timestamp,
    device::{DeviceId, Slot},
    telemetry::{Column, DeviceFrame, Field, Frame, Process, ProcessOwner, SAMPLES_MAX, XidCount},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most devices of a frame.
const DEVICES_MAX: usize = 256;

/// The most columns of a device: a few more than there are fields, so that later ones can be left out.
const COLUMNS_MAX: usize = 64;

/// The most XIDs of a device: there are fewer in NVIDIA's catalogue.
pub const XIDS_MAX: usize = 256;

/// The longest name of a user of the host, in bytes: a login here may be as long.
const USER_MAX: usize = 254;

/// The most processes of a frame.
pub const PROCESSES_MAX: usize = 1024;

/// A frame's bytes.
///
/// # Errors
/// They are more than [`FRAME_MAX`].
pub fn encode_frame(frame: &Frame) -> Result<Bytes, WireError> {
    write(&FrameV1::from(frame), FRAME_MAX)
}

/// The frame that these bytes are. What a later release measures besides is left out.
///
/// # Errors
/// See [`WireError`].
pub fn decode_frame(bytes: &[u8]) -> Result<Frame, WireError> {
    read::<FrameV1<'_>>(bytes, FRAME_MAX)?.frame()
}

// What travels. Frozen: a change is a new version beside these, never an edit.

#[derive(Serialize, Deserialize)]
struct FrameV1<'a> {
    node: &'a str,
    boot_id: &'a str,
    run: [u8; 16],
    life: [u8; 16],
    within_millis: u32,
    sequence: u64,
    sampled_at: i64,
    step_millis: u32,
    samples: u8,
    devices: Vec<DeviceV1>,
    #[serde(borrow)]
    processes: Option<Vec<ProcessV1<'a>>>,
}

#[derive(Serialize, Deserialize)]
struct DeviceV1 {
    device: [u8; 16],
    slot: u64,
    index: Option<u32>,
    minor: Option<u32>,
    read: u64,
    columns: Vec<ColumnV1>,
    xids: Vec<(u32, u32)>,
}

#[derive(Serialize, Deserialize)]
struct ColumnV1 {
    field: u8,
    missing: u64,
    first: i64,
    /// What each further sample adds to the one before it; none, if they are all the same.
    differences: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
struct ProcessV1<'a> {
    device: [u8; 16],
    pid: u32,
    started: u64,
    memory_bytes: Option<u64>,
    #[serde(borrow)]
    owner: OwnerV1<'a>,
}

#[derive(Serialize, Deserialize)]
enum OwnerV1<'a> {
    Pod([u8; 16]),
    User(&'a str),
    Unknown,
}

impl<'a> From<&'a Frame> for FrameV1<'a> {
    fn from(frame: &'a Frame) -> Self {
        let processes = frame.processes.as_ref().map(|all| all.iter().map(ProcessV1::from).collect());
        Self {
            node: frame.node.as_str(),
            boot_id: &frame.boot_id,
            run: frame.run.0.into_bytes(),
            life: frame.life.0.into_bytes(),
            within_millis: frame.within_millis,
            sequence: frame.sequence,
            sampled_at: frame.sampled_at.micros(),
            step_millis: frame.step_millis,
            samples: frame.samples,
            devices: frame.devices.iter().map(DeviceV1::from).collect(),
            processes,
        }
    }
}

impl FrameV1<'_> {
    fn frame(self) -> Result<Frame, WireError> {
        let samples = usize::from(self.samples);
        let within = samples <= SAMPLES_MAX
            && self.devices.len() <= DEVICES_MAX
            && self.boot_id.len() <= domain::node::Facts::TEXT_MAX
            && self.processes.as_ref().is_none_or(|all| all.len() <= PROCESSES_MAX);
        if !within {
            return Err(WireError::Malformed);
        }
        let devices = self.devices.into_iter().map(|device| device.device(samples));
        let processes = self.processes.map(|all| all.into_iter().map(ProcessV1::process).collect());
        Ok(Frame {
            node: self.node.parse()?,
            boot_id: self.boot_id.into(),
            run: AgentRun(Uuid::from_bytes(self.run)),
            life: Incarnation(Uuid::from_bytes(self.life)),
            within_millis: self.within_millis,
            sequence: self.sequence,
            sampled_at: Timestamp::from_micros(self.sampled_at),
            step_millis: self.step_millis,
            samples: self.samples,
            devices: devices.collect::<Result<_, _>>()?,
            processes,
        })
    }
}

impl From<&DeviceFrame> for DeviceV1 {
    fn from(device: &DeviceFrame) -> Self {
        Self {
            device: device.device.uuid().into_bytes(),
            slot: device.slot.to_bits(),
            index: device.index,
            minor: device.minor,
            read: device.read,
            columns: device.columns.iter().map(ColumnV1::from).collect(),
            xids: device.xids.iter().map(|xid| (xid.code, xid.count)).collect(),
        }
    }
}

impl DeviceV1 {
    fn device(self, samples: usize) -> Result<DeviceFrame, WireError> {
        if self.columns.len() > COLUMNS_MAX || self.xids.len() > XIDS_MAX {
            return Err(WireError::Malformed);
        }
        let columns = self.columns.into_iter().filter_map(|column| column.column(samples).transpose());
        Ok(DeviceFrame {
            device: DeviceId::from_uuid(Uuid::from_bytes(self.device)),
            slot: Slot::from_bits(self.slot).ok_or(WireError::Unknown("slot"))?,
            index: self.index,
            minor: self.minor,
            read: self.read,
            columns: columns.collect::<Result<_, _>>()?,
            xids: self.xids.into_iter().map(|(code, count)| XidCount { code, count }).collect(),
        })
    }
}

impl From<&Column> for ColumnV1 {
    fn from(column: &Column) -> Self {
        let differences: Vec<i64> = column.values.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
        let still = differences.iter().all(|difference| *difference == 0);
        Self {
            field: column.field.code(),
            missing: column.missing,
            first: column.values.first().copied().unwrap_or_default(),
            differences: if still { vec![] } else { differences },
        }
    }
}

impl ColumnV1 {
    /// None for a field that this release does not know.
    fn column(self, samples: usize) -> Result<Option<Column>, WireError> {
        let missing = self.missing & mask(samples);
        let there = samples - missing.count_ones() as usize;
        let fits = self.differences.is_empty() || self.differences.len() + 1 == there;
        if missing != self.missing || there == 0 || !fits {
            return Err(WireError::Malformed);
        }
        let Some(field) = Field::of_code(self.field) else { return Ok(None) };
        let mut value = self.first;
        let mut values = Vec::with_capacity(there);
        values.push(value);
        if self.differences.is_empty() {
            values.resize(there, value);
        }
        for difference in self.differences {
            value = value.wrapping_add(difference);
            values.push(value);
        }
        Ok(Some(Column { field, missing, values }))
    }
}

/// A bit for each of so many samples.
const fn mask(samples: usize) -> u64 {
    if samples == 0 { 0 } else { u64::MAX >> (64 - samples) }
}

impl<'a> From<&'a Process> for ProcessV1<'a> {
    fn from(process: &'a Process) -> Self {
        let owner = match &process.owner {
            ProcessOwner::Pod(uid) => OwnerV1::Pod(uid.into_bytes()),
            ProcessOwner::User(name) => OwnerV1::User(name),
            ProcessOwner::Unknown => OwnerV1::Unknown,
        };
        Self {
            device: process.device.uuid().into_bytes(),
            pid: process.pid,
            started: process.started,
            memory_bytes: process.memory_bytes,
            owner,
        }
    }
}

impl ProcessV1<'_> {
    fn process(self) -> Process {
        let owner = match self.owner {
            OwnerV1::Pod(uid) => ProcessOwner::Pod(Uuid::from_bytes(uid)),
            OwnerV1::User(name) if name.len() <= USER_MAX => ProcessOwner::User(name.into()),
            // A name that is longer is no login here.
            OwnerV1::User(_) | OwnerV1::Unknown => ProcessOwner::Unknown,
        };
        Process {
            device: DeviceId::from_uuid(Uuid::from_bytes(self.device)),
            pid: self.pid,
            started: self.started,
            memory_bytes: self.memory_bytes,
            owner,
        }
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
