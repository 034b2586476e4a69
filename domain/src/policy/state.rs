use crate::{
    Position, Rejection, Timestamp,
    device::{Condition, ConditionKind, Remedy, Severity},
    published::record,
};
use serde::{Deserialize, Serialize};

record! {
    /// What operators see differently from what agents say. A field that is null leaves what the agent says.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct HealthPolicy {
        /// Of conditions, by kind: each kind once, in order.
        pub conditions: Vec<KindRule>,
        /// Of conditions behind which there is an XID, by its code: each code once, in order. Goes before the kind's.
        pub xids: Vec<XidRule>,
        /// How much may be quarantined by itself.
        pub breaker: Breaker,
    }
}

record! {
    /// What is made of the conditions of one kind.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct KindRule {
        /// The kind.
        pub kind: ConditionKind,
        /// How bad it is.
        pub severity: Option<Severity>,
        /// What to do.
        pub remedy: Option<Remedy>,
        /// Whether it is shown and recorded only: it keeps no work from a device.
        pub dry_run: bool,
    }
}

record! {
    /// What is made of the conditions behind which there is one XID.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct XidRule {
        /// The code, of NVIDIA's catalogue.
        pub code: u32,
        /// How bad it is.
        pub severity: Option<Severity>,
        /// What to do.
        pub remedy: Option<Remedy>,
        /// Whether it is shown and recorded only: it keeps no work from a device.
        pub dry_run: bool,
    }
}

record! {
    /// How much of a pool may be quarantined by itself within a window: beyond it the breaker trips.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Breaker {
        /// Per cent of the pool's devices.
        pub share_percent: u16,
        /// And at least so many devices.
        pub at_least: u16,
        /// The window, in seconds.
        pub window_seconds: u32,
    }
}

impl Default for HealthPolicy {
    /// What agents say, and a breaker at 20 % of a pool (as EKS has it), at least 3 devices, within 5 minutes.
    fn default() -> Self {
        let breaker = Breaker { share_percent: 20, at_least: 3, window_seconds: 300 };
        Self { conditions: vec![], xids: vec![], breaker }
    }
}

impl Breaker {
    /// When the window that ends now began.
    pub(crate) fn window_before(self, now: Timestamp) -> Timestamp {
        now.plus_seconds(-i64::from(self.window_seconds))
    }

    /// How many devices of a pool of this size may be quarantined within the window.
    pub fn limit(self, pool: usize) -> usize {
        (pool * usize::from(self.share_percent) / 100).max(self.at_least.into())
    }
}

/// What the policy makes of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judgement {
    /// How bad it is.
    pub severity: Severity,
    /// What to do.
    pub remedy: Remedy,
    /// Whether it is shown and recorded only.
    pub dry_run: bool,
}

impl Judgement {
    /// Whether such a condition keeps work from its device.
    pub const fn quarantines(self) -> bool {
        self.severity.quarantines() && !self.dry_run
    }
}

/// The policy as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What it says.
    pub policy: HealthPolicy,
    /// Where it was last set: that of the founding, if never.
    pub revision: Position,
}

impl Default for Standing {
    fn default() -> Self {
        Self { policy: HealthPolicy::default(), revision: Position(1) }
    }
}

impl HealthPolicy {
    /// The most kinds that it may name.
    pub const KINDS_MAX: usize = 64;
    /// The most XIDs that it may name.
    pub const XIDS_MAX: usize = 256;

    /// What it makes of a condition.
    pub fn judge(&self, condition: &Condition) -> Judgement {
        let kind = self.conditions.binary_search_by(|rule| rule.kind.cmp(&condition.kind));
        let kind = kind.ok().map(|at| &self.conditions[at]);
        let code = |code| self.xids.binary_search_by_key(&code, |rule: &XidRule| rule.code).ok();
        let xid = condition.xid.and_then(code).map(|at| &self.xids[at]);
        let severity = xid.and_then(|rule| rule.severity).or(kind.and_then(|rule| rule.severity));
        let remedy = xid.and_then(|rule| rule.remedy).or(kind.and_then(|rule| rule.remedy));
        Judgement {
            severity: severity.unwrap_or(condition.severity),
            remedy: remedy.unwrap_or(condition.remedy),
            dry_run: xid.is_some_and(|rule| rule.dry_run) || kind.is_some_and(|rule| rule.dry_run),
        }
    }

    /// The same, in order.
    ///
    /// # Errors
    /// It names something twice, or too much, or its breaker makes no sense.
    pub(crate) fn in_order(mut self) -> Result<Self, Rejection> {
        self.conditions.sort_by(|one, other| one.kind.cmp(&other.kind));
        self.xids.sort_by_key(|rule| rule.code);
        let twice = self.conditions.windows(2).any(|pair| pair[0].kind == pair[1].kind)
            || self.xids.windows(2).any(|pair| pair[0].code == pair[1].code);
        if twice {
            return Err(Rejection::Malformed("a health policy names a condition or an XID twice"));
        }
        if self.conditions.len() > Self::KINDS_MAX || self.xids.len() > Self::XIDS_MAX {
            return Err(Rejection::Malformed("a health policy names at most 64 conditions and 256 XIDs"));
        }
        let Breaker { share_percent, at_least, window_seconds } = self.breaker;
        if !(1..=100).contains(&share_percent) || at_least == 0 || !(10..=86_400).contains(&window_seconds) {
            return Err(Rejection::Malformed(
                "a breaker has a share of 1 to 100 per cent, at least 1 device, and a window of 10 seconds to a day",
            ));
        }
        Ok(self)
    }
}
