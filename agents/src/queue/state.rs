//! What an agent keeps on its disk, as bytes: a line that says what it is, a hash, and postcard. What travels is written
//! as it travels.
use crate::health::{Faults, Health, Memory, Remembered, Wear};
use bus::wire::{Content, Kind, Report, WireError};
use domain::{
    Incarnation, Origin, Timestamp,
    device::Finding,
    node::{Facts, Seen},
};
use serde::{Deserialize, Serialize};
use std::{collections::VecDeque, sync::Arc};
use uuid::Uuid;

/// What an agent keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) incarnation: Incarnation,
    pub(super) next: u64,
    pub(super) waiting: VecDeque<Report>,
    pub(super) memory: Memory,
}

/// Why bytes are no state.
#[derive(Debug, thiserror::Error)]
pub(super) enum StateError {
    #[error("it is not of this form, but of another version's")]
    Form,
    #[error("its hash is wrong: it is damaged")]
    Damaged,
    #[error(transparent)]
    Bytes(#[from] postcard::Error),
    #[error(transparent)]
    Wire(#[from] WireError),
}

const MAGIC: &[u8] = b"dkube-agent state 4\n";
const HASH: usize = 32;

#[derive(Serialize, Deserialize)]
struct StateV1 {
    incarnation: [u8; 16],
    next: u64,
    waiting: Vec<(bool, Vec<u8>)>,
    boot_id: Arc<str>,
    log_position: Option<u64>,
    devices: Vec<DeviceV1>,
}

#[derive(Serialize, Deserialize)]
struct DeviceV1 {
    /// An inventory of this device alone.
    seen: Vec<u8>,
    /// A finding of all that is said of it.
    health: Vec<u8>,
    faults: Faults,
    wear: Wear,
}

impl State {
    pub(super) fn encode(&self) -> Result<Vec<u8>, StateError> {
        let waiting =
            self.waiting.iter().map(|report| Ok((report.kind() == Kind::Inventory, report.encode()?.to_vec())));
        let state = StateV1 {
            incarnation: self.incarnation.0.into_bytes(),
            next: self.next,
            waiting: waiting.collect::<Result<_, WireError>>()?,
            boot_id: Arc::clone(&self.memory.boot_id),
            log_position: self.memory.log_position,
            devices: self.memory.devices.iter().map(encode_device).collect::<Result<_, _>>()?,
        };
        let body = postcard::to_allocvec(&state)?;
        Ok([MAGIC, blake3::hash(&body).as_bytes(), &body].concat())
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(StateError::Form)?;
        let (hash, body) = rest.split_at_checked(HASH).ok_or(StateError::Damaged)?;
        if blake3::hash(body).as_bytes() != hash {
            return Err(StateError::Damaged);
        }
        let state: StateV1 = postcard::from_bytes(body)?;
        let waiting = state
            .waiting
            .iter()
            .map(|(inventory, bytes)| Report::decode(if *inventory { Kind::Inventory } else { Kind::Health }, bytes));
        let devices = state.devices.into_iter().map(decode_device);
        Ok(Self {
            incarnation: Incarnation(Uuid::from_bytes(state.incarnation)),
            next: state.next,
            waiting: waiting.collect::<Result<_, _>>()?,
            memory: Memory {
                boot_id: state.boot_id,
                log_position: state.log_position,
                devices: devices.collect::<Result<_, _>>()?,
            },
        })
    }
}

fn encode_device(device: &Remembered) -> Result<DeviceV1, WireError> {
    let mut finding =
        Finding { device: device.seen.device, readable: device.health.readable, raised: vec![], cleared: vec![] };
    for (kind, condition) in &device.health.said {
        match condition {
            Some(condition) => finding.raised.push(condition.clone()),
            None => finding.cleared.push(kind.clone()),
        }
    }
    let devices = Some(vec![device.seen.clone()]);
    Ok(DeviceV1 {
        seen: report(Content::Inventory { facts: Facts::default(), devices }).encode()?.to_vec(),
        health: report(Content::Health { findings: vec![finding] }).encode()?.to_vec(),
        faults: device.faults.clone(),
        wear: device.wear,
    })
}

fn decode_device(device: DeviceV1) -> Result<Remembered, WireError> {
    let seen = match Report::decode(Kind::Inventory, &device.seen)?.content {
        Content::Inventory { devices, .. } => devices.and_then(|devices: Vec<Seen>| devices.into_iter().next()),
        Content::Health { .. } => None,
    };
    let finding = match Report::decode(Kind::Health, &device.health)?.content {
        Content::Health { findings } => findings.into_iter().next(),
        Content::Inventory { .. } => None,
    };
    let (seen, finding) = seen.zip(finding).ok_or(WireError::Malformed)?;
    let raised = finding.raised.into_iter().map(|condition| (condition.kind.clone(), Some(condition)));
    let cleared = finding.cleared.into_iter().map(|kind| (kind, None));
    let health = Health { readable: finding.readable, said: raised.chain(cleared).collect() };
    Ok(Remembered { seen, health, faults: device.faults, wear: device.wear })
}

/// Where it stands in a queue is of no meaning here.
fn report(content: Content) -> Report {
    let origin = Origin { incarnation: Incarnation(Uuid::nil()), sequence: 0, observed_at: Timestamp::from_micros(0) };
    Report::new(origin, content)
}
