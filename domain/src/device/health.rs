//! What is known of a GPU's health: conditions, each with what it means and what to do.
use crate::{Timestamp, WordError, published::record};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

use super::DeviceId;

/// A kind of trouble, as a dotted word: `gpu.lost`, `xid.fatal`, `row_remap.pending`. Which kinds there are is data.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConditionKind(pub(super) Arc<str>);

impl ConditionKind {
    pub(crate) const RULE: &str =
        "is two or more lower-case words joined by dots, at most 64 characters, like gpu.lost";

    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ConditionKind {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        let part =
            |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if text.len() <= 64 && text.contains('.') && text.split('.').all(part) {
            return Ok(Self(text.into()));
        }
        Err(WordError { what: "a condition", rule: Self::RULE })
    }
}

impl TryFrom<String> for ConditionKind {
    type Error = WordError;
    fn try_from(text: String) -> Result<Self, WordError> {
        text.parse()
    }
}

impl From<ConditionKind> for String {
    fn from(kind: ConditionKind) -> Self {
        kind.0.as_ref().to_owned()
    }
}

impl fmt::Display for ConditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for ConditionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConditionKind({:?})", &self.0)
    }
}

/// How bad a condition is. *Unknown* is none of these: it says something of the observer, not of the GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Recorded, no more.
    Info,
    /// Degraded: keeps working and being chosen, and is shown.
    Warning,
    /// No new work on this GPU.
    Critical,
    /// The GPU or its node is unusable now.
    Fatal,
}

impl Severity {
    /// Whether a GPU with such a condition takes no new job.
    pub const fn quarantines(self) -> bool {
        matches!(self, Self::Critical | Self::Fatal)
    }
}

/// What an operator should do, in NVIDIA's words, from the mildest to the hardest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing.
    None,
    /// Restart the application that met the fault.
    RestartApp,
    /// Look for the fault in the application.
    CheckApp,
    /// Reset the GPU.
    ResetGpu,
    /// Let its work end, then reset it.
    DrainAndReset,
    /// Restart the node.
    RebootNode,
    /// Have the hardware serviced (field diagnostics, RMA).
    ServiceRequired,
    /// Look into it: no rule says more.
    Operator,
}

record! {
    /// One trouble of one GPU, from when it was first seen until it is cleared.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct Condition {
        /// Which trouble.
        pub kind: ConditionKind,
        /// How bad.
        pub severity: Severity,
        /// What to do.
        pub remedy: Remedy,
        /// What was seen, for a person.
        pub reason: Arc<str>,
        /// The XID behind it (NVIDIA's catalogue), where there was one.
        pub xid: Option<u32>,
        /// The node's clock when it was first seen.
        pub first_seen: Timestamp,
        /// The node's clock when it was last seen, as of when it was told.
        pub last_seen: Timestamp,
    }
}

impl Condition {
    /// The longest reason, in bytes.
    pub const REASON_MAX: usize = 256;

    /// Whether this says the same trouble as `other`: times aside.
    pub fn same_as(&self, other: &Self) -> bool {
        (&self.kind, self.severity, self.remedy, &self.reason, self.xid)
            == (&other.kind, other.severity, other.remedy, &other.reason, other.xid)
    }
}

/// What an agent found on one of its devices: the whole difference since its last report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The device.
    pub device: DeviceId,
    /// Whether the agent can read the device at all; if not, its health is unknown.
    pub readable: bool,
    /// Conditions that began or changed.
    pub raised: Vec<Condition>,
    /// Conditions that ended.
    pub cleared: Vec<ConditionKind>,
}
