//! What an agent knows of its host: what the server should know, and what the next agent should.
use super::Wear;
use crate::health::Faults;
use domain::{
    device::{Condition, ConditionKind, DeviceId},
    node::{Facts, Seen},
};
use std::{collections::BTreeMap, sync::Arc};

/// What is known of one device's health.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Whether the driver answers for it, be it that the device is lost.
    pub readable: bool,
    /// By kind: the condition that it has, or that it is known not to have it. A kind that is not here is open.
    pub said: BTreeMap<ConditionKind, Option<Condition>>,
}

impl Health {
    /// The conditions that it has.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.said.values().flatten()
    }
}

/// A host as it stands now: what the server should know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// What it says of itself.
    pub facts: Facts,
    /// Its devices by slot; none if it can't be told which are there.
    pub devices: Option<Vec<Seen>>,
    /// The health of each of them; of those that were there last, where it can't be told which are.
    pub health: BTreeMap<DeviceId, Health>,
}

/// What is worth remembering when an agent begins anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memory {
    /// In which boot it was so.
    pub boot_id: Arc<str>,
    /// Up to where the kernel's log of that boot was read.
    pub log_position: Option<u64>,
    /// What was there.
    pub devices: Vec<Remembered>,
}

/// One remembered device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// The device.
    pub seen: Seen,
    /// How it was.
    pub health: Health,
    /// What was logged of it.
    pub faults: Faults,
    /// What it showed.
    pub wear: Wear,
}
