use super::Facts;
use crate::{
    NodeName, Position, Timestamp,
    device::{DeviceId, Slot},
};
use std::collections::BTreeMap;

/// Whether a node speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// Its agent reports.
    Reporting,
    /// It was silent for longer than its lease.
    Lost,
}

/// A node as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// What its agent last said of it.
    pub facts: Facts,
    /// Since when its driver can't be asked, if it can't.
    pub blind_since: Option<Timestamp>,
    /// Its devices by slot: missing and retired ones too, until another takes their slot.
    pub devices: BTreeMap<Slot, DeviceId>,
    /// How many devices an operator says that it has.
    pub expected: Option<u16>,
    /// Since when it reports fewer devices than expected, if it does.
    pub short_since: Option<Timestamp>,
    /// Since when it reports more devices than expected, if it does.
    pub surplus_since: Option<Timestamp>,
    /// Whether it speaks.
    pub contact: Contact,
    /// Since when it does, or does not.
    pub contact_since: Timestamp,
    /// Whether an operator wishes that its devices take no job.
    pub cordoned: bool,
    /// Whether it is out of service.
    pub retired: bool,
    /// When it was first seen here.
    pub registered_at: Timestamp,
    /// Where it was last configured.
    pub revision: Position,
}
