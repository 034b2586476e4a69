//! The health policy.
use super::{Look, Remedy, Severity};
use domain::{Position, device::ConditionKind, policy::HealthPolicy};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The health policy as it stands. Of what it does not name, agents say how bad it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthPolicyView {
    /// What is made of conditions, by kind.
    pub conditions: Vec<KindRuleView>,
    /// What is made of conditions behind which there is an XID. Goes before their kind's rule.
    pub xids: Vec<XidRuleView>,
    /// How much may be quarantined by itself.
    pub breaker: BreakerView,
    /// Where it was last set: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// What is made of the conditions of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct KindRuleView {
    /// The kind.
    #[schema(value_type = String)]
    pub kind: ConditionKind,
    /// How bad it is; null: as the agent says.
    pub severity: Option<Severity>,
    /// What to do; null: as the agent says.
    pub remedy: Option<Remedy>,
    /// Whether it is shown and recorded only, and keeps no work from a device.
    pub dry_run: bool,
}

/// What is made of the conditions behind which there is one XID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct XidRuleView {
    /// The code, of NVIDIA's catalogue.
    pub code: u32,
    /// How bad it is; null: as the agent says.
    pub severity: Option<Severity>,
    /// What to do; null: as the agent says.
    pub remedy: Option<Remedy>,
    /// Whether it is shown and recorded only, and keeps no work from a device.
    pub dry_run: bool,
}

/// How much of a pool may be quarantined by itself within a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakerView {
    /// Per cent of the pool's devices: 1 to 100.
    pub share_percent: u16,
    /// And at least so many devices.
    pub at_least: u16,
    /// The window, in seconds: 10 to a day.
    pub window_seconds: u32,
}

impl Look<'_> {
    /// The health policy.
    pub fn health_policy(&self) -> HealthPolicyView {
        let HealthPolicy { conditions, xids, breaker } = self.cluster().health_policy();
        let kind = |rule: &domain::policy::KindRule| KindRuleView {
            kind: rule.kind.clone(),
            severity: rule.severity.map(Into::into),
            remedy: rule.remedy.map(Into::into),
            dry_run: rule.dry_run,
        };
        let xid = |rule: &domain::policy::XidRule| XidRuleView {
            code: rule.code,
            severity: rule.severity.map(Into::into),
            remedy: rule.remedy.map(Into::into),
            dry_run: rule.dry_run,
        };
        HealthPolicyView {
            conditions: conditions.iter().map(kind).collect(),
            xids: xids.iter().map(xid).collect(),
            breaker: BreakerView {
                share_percent: breaker.share_percent,
                at_least: breaker.at_least,
                window_seconds: breaker.window_seconds,
            },
            revision: self.cluster().revision(&domain::Subject::HealthPolicy).unwrap_or_default(),
        }
    }
}
