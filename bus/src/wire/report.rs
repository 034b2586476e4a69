//! What an agent reports.
use super::{Kind, REPORT_MAX, WireError, read, write};
use bytes::Bytes;
use domain::{
    AgentRun, Incarnation, NodeName, Origin, Timestamp,
    device::{Condition, ConditionKind, DeviceId, Finding, Instance, Remedy, Severity, Slot},
    node::{Command, Facts, Seen},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use uuid::Uuid;

/// One report of an agent. Whose it is says the subject that it comes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Which report of the agent's queue: inventory and health share one count.
    pub origin: Origin,
    /// Who sends it; nobody until it is sent.
    pub speaker: Speaker,
    /// Whether nothing more waited to be told when it was sent. Until such a report comes, the server records what it is
    /// told and draws no consequence: what waited may be over.
    pub settled: bool,
    /// What it says.
    pub content: Content,
}

/// Who speaks for a node: a run of an agent, on a boot of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    /// The run.
    pub run: AgentRun,
    /// The boot; empty, if it is not known.
    pub boot_id: Arc<str>,
}

impl Default for Speaker {
    /// Nobody.
    fn default() -> Self {
        Self { run: AgentRun(Uuid::nil()), boot_id: Arc::from("") }
    }
}

/// What a report says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The host and all devices on it.
    Inventory {
        /// The host.
        facts: Facts,
        /// Every device; none if it can't be told which there are.
        devices: Option<Vec<Seen>>,
    },
    /// Changes in the devices' health.
    Health {
        /// What changed, each device once.
        findings: Vec<Finding>,
    },
}

impl Report {
    /// A report that was not sent yet.
    pub fn new(origin: Origin, content: Content) -> Self {
        Self { origin, speaker: Speaker::default(), settled: true, content }
    }

    /// Which kind of report it is, and so which subject it goes to.
    pub const fn kind(&self) -> Kind {
        match self.content {
            Content::Inventory { .. } => Kind::Inventory,
            Content::Health { .. } => Kind::Health,
        }
    }

    /// Its bytes.
    ///
    /// # Errors
    /// They are more than [`REPORT_MAX`].
    pub fn encode(&self) -> Result<Bytes, WireError> {
        let (origin, settled) = (OriginV1::from(&self.origin), self.settled);
        let (run, boot_id) = (self.speaker.run.0.into_bytes(), Arc::clone(&self.speaker.boot_id));
        match &self.content {
            Content::Inventory { facts, devices } => {
                let devices = devices.as_ref().map(|all| all.iter().map(SeenV1::from).collect());
                write(&InventoryV1 { origin, run, boot_id, settled, facts: facts.into(), devices }, REPORT_MAX)
            }
            Content::Health { findings } => {
                let findings = findings.iter().map(FindingV1::from).collect();
                write(&HealthV1 { origin, run, boot_id, settled, findings }, REPORT_MAX)
            }
        }
    }

    /// The report of this kind that these bytes are. Whether its lists are within the domain's bounds is decided there.
    ///
    /// # Errors
    /// See [`WireError`].
    pub fn decode(kind: Kind, bytes: &[u8]) -> Result<Self, WireError> {
        let (origin, run, boot_id, settled, content) = match kind {
            Kind::Inventory => {
                let InventoryV1 { origin, run, boot_id, settled, facts, devices } = read(bytes, REPORT_MAX)?;
                let seen = |all: Vec<SeenV1>| all.into_iter().map(Seen::try_from).collect::<Result<_, _>>();
                let devices = devices.map(seen).transpose()?;
                (origin, run, boot_id, settled, Content::Inventory { facts: facts.into(), devices })
            }
            Kind::Health => {
                let HealthV1 { origin, run, boot_id, settled, findings } = read(bytes, REPORT_MAX)?;
                let findings = findings.into_iter().map(Finding::try_from).collect::<Result<_, _>>()?;
                (origin, run, boot_id, settled, Content::Health { findings })
            }
        };
        if boot_id.len() > Facts::TEXT_MAX {
            return Err(WireError::Malformed);
        }
        let speaker = Speaker { run: AgentRun(Uuid::from_bytes(run)), boot_id };
        Ok(Self { origin: origin.into(), speaker, settled, content })
    }

    /// The command that it is when the agent of this node sends it.
    pub fn into_command(self, node: NodeName) -> Command {
        let (origin, settled) = (self.origin, self.settled);
        match self.content {
            Content::Inventory { facts, devices } => Command::ReportInventory { node, origin, facts, devices, settled },
            Content::Health { findings } => Command::ReportHealth { node, origin, findings, settled },
        }
    }

    /// The report behind a command, as it was before it was sent, and whose it is; none if the command is no report.
    pub fn from_command(command: Command) -> Option<(NodeName, Self)> {
        match command {
            Command::ReportInventory { node, origin, facts, devices, settled } => {
                let content = Content::Inventory { facts, devices };
                Some((node, Self { settled, ..Self::new(origin, content) }))
            }
            Command::ReportHealth { node, origin, findings, settled } => {
                let content = Content::Health { findings };
                Some((node, Self { settled, ..Self::new(origin, content) }))
            }
            Command::Lose { .. } | Command::Return { .. } | Command::RecordRefusal { .. } | Command::Change { .. } => {
                None
            }
        }
    }
}

// What travels. Frozen: a change is a new version beside these, never an edit.

#[derive(Serialize, Deserialize)]
struct InventoryV1 {
    origin: OriginV1,
    run: [u8; 16],
    boot_id: Arc<str>,
    settled: bool,
    facts: FactsV1,
    devices: Option<Vec<SeenV1>>,
}

#[derive(Serialize, Deserialize)]
struct HealthV1 {
    origin: OriginV1,
    run: [u8; 16],
    boot_id: Arc<str>,
    settled: bool,
    findings: Vec<FindingV1>,
}

#[derive(Serialize, Deserialize)]
struct OriginV1 {
    incarnation: [u8; 16],
    sequence: u64,
    observed_at: i64,
}

#[derive(Serialize, Deserialize)]
struct FactsV1 {
    boot_id: Arc<str>,
    booted_at: i64,
    addresses: Vec<Arc<str>>,
    os: Arc<str>,
    kernel: Arc<str>,
    cpus: u32,
    memory_bytes: u64,
    driver: Arc<str>,
    agent: Arc<str>,
}

#[derive(Serialize, Deserialize)]
struct SeenV1 {
    device: [u8; 16],
    slot: u64,
    model: String,
    memory_bytes: u64,
    instances: Vec<InstanceV1>,
}

#[derive(Serialize, Deserialize)]
struct InstanceV1 {
    uuid: Arc<str>,
    gpu_instance: u32,
    compute_instance: u32,
    profile: Arc<str>,
    memory_bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct FindingV1 {
    device: [u8; 16],
    readable: bool,
    raised: Vec<ConditionV1>,
    cleared: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct ConditionV1 {
    kind: String,
    severity: u8,
    remedy: u8,
    reason: Arc<str>,
    xid: Option<u32>,
    first_seen: i64,
    last_seen: i64,
}

impl From<&Origin> for OriginV1 {
    fn from(origin: &Origin) -> Self {
        Self {
            incarnation: origin.incarnation.0.into_bytes(),
            sequence: origin.sequence,
            observed_at: origin.observed_at.micros(),
        }
    }
}

impl From<OriginV1> for Origin {
    fn from(origin: OriginV1) -> Self {
        Self {
            incarnation: Incarnation(Uuid::from_bytes(origin.incarnation)),
            sequence: origin.sequence,
            observed_at: Timestamp::from_micros(origin.observed_at),
        }
    }
}

impl From<&Facts> for FactsV1 {
    fn from(facts: &Facts) -> Self {
        let Facts { boot_id, booted_at, addresses, os, kernel, cpus, memory_bytes, driver, agent } = facts.clone();
        Self { boot_id, booted_at: booted_at.micros(), addresses, os, kernel, cpus, memory_bytes, driver, agent }
    }
}

impl From<FactsV1> for Facts {
    fn from(facts: FactsV1) -> Self {
        let FactsV1 { boot_id, booted_at, addresses, os, kernel, cpus, memory_bytes, driver, agent } = facts;
        let booted_at = Timestamp::from_micros(booted_at);
        Self { boot_id, booted_at, addresses, os, kernel, cpus, memory_bytes, driver, agent }
    }
}

impl From<&Seen> for SeenV1 {
    fn from(seen: &Seen) -> Self {
        Self {
            device: seen.device.uuid().into_bytes(),
            slot: seen.slot.to_bits(),
            model: seen.model.as_str().to_owned(),
            memory_bytes: seen.memory_bytes,
            instances: seen.instances.iter().map(InstanceV1::from).collect(),
        }
    }
}

impl TryFrom<SeenV1> for Seen {
    type Error = WireError;
    fn try_from(seen: SeenV1) -> Result<Self, WireError> {
        Ok(Self {
            device: DeviceId::from_uuid(Uuid::from_bytes(seen.device)),
            slot: Slot::from_bits(seen.slot).ok_or(WireError::Unknown("slot"))?,
            model: seen.model.parse()?,
            memory_bytes: seen.memory_bytes,
            instances: seen.instances.into_iter().map(Instance::from).collect(),
        })
    }
}

impl From<&Instance> for InstanceV1 {
    fn from(instance: &Instance) -> Self {
        let Instance { uuid, gpu_instance, compute_instance, profile, memory_bytes } = instance.clone();
        Self { uuid, gpu_instance, compute_instance, profile, memory_bytes }
    }
}

impl From<InstanceV1> for Instance {
    fn from(instance: InstanceV1) -> Self {
        let InstanceV1 { uuid, gpu_instance, compute_instance, profile, memory_bytes } = instance;
        Self { uuid, gpu_instance, compute_instance, profile, memory_bytes }
    }
}

impl From<&Finding> for FindingV1 {
    fn from(finding: &Finding) -> Self {
        Self {
            device: finding.device.uuid().into_bytes(),
            readable: finding.readable,
            raised: finding.raised.iter().map(ConditionV1::from).collect(),
            cleared: finding.cleared.iter().map(|kind| kind.as_str().to_owned()).collect(),
        }
    }
}

impl TryFrom<FindingV1> for Finding {
    type Error = WireError;
    fn try_from(finding: FindingV1) -> Result<Self, WireError> {
        let cleared = finding.cleared.into_iter().map(|kind| kind.parse::<ConditionKind>());
        Ok(Self {
            device: DeviceId::from_uuid(Uuid::from_bytes(finding.device)),
            readable: finding.readable,
            raised: finding.raised.into_iter().map(Condition::try_from).collect::<Result<_, _>>()?,
            cleared: cleared.collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Condition> for ConditionV1 {
    fn from(condition: &Condition) -> Self {
        Self {
            kind: condition.kind.as_str().to_owned(),
            severity: severity_number(condition.severity),
            remedy: remedy_number(condition.remedy),
            reason: condition.reason.clone(),
            xid: condition.xid,
            first_seen: condition.first_seen.micros(),
            last_seen: condition.last_seen.micros(),
        }
    }
}

impl TryFrom<ConditionV1> for Condition {
    type Error = WireError;
    fn try_from(condition: ConditionV1) -> Result<Self, WireError> {
        Ok(Self {
            kind: condition.kind.parse()?,
            severity: severity(condition.severity).ok_or(WireError::Unknown("severity"))?,
            remedy: remedy(condition.remedy).ok_or(WireError::Unknown("remedy"))?,
            reason: condition.reason,
            xid: condition.xid,
            first_seen: Timestamp::from_micros(condition.first_seen),
            last_seen: Timestamp::from_micros(condition.last_seen),
        })
    }
}

const fn severity_number(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
        Severity::Fatal => 3,
    }
}

const fn severity(number: u8) -> Option<Severity> {
    Some(match number {
        0 => Severity::Info,
        1 => Severity::Warning,
        2 => Severity::Critical,
        3 => Severity::Fatal,
        _ => return None,
    })
}

const fn remedy_number(remedy: Remedy) -> u8 {
    match remedy {
        Remedy::None => 0,
        Remedy::RestartApp => 1,
        Remedy::CheckApp => 2,
        Remedy::ResetGpu => 3,
        Remedy::DrainAndReset => 4,
        Remedy::RebootNode => 5,
        Remedy::ServiceRequired => 6,
        Remedy::Operator => 7,
    }
}

const fn remedy(number: u8) -> Option<Remedy> {
    Some(match number {
        0 => Remedy::None,
        1 => Remedy::RestartApp,
        2 => Remedy::CheckApp,
        3 => Remedy::ResetGpu,
        4 => Remedy::DrainAndReset,
        5 => Remedy::RebootNode,
        6 => Remedy::ServiceRequired,
        7 => Remedy::Operator,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
