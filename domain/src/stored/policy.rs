//! The stored form of what happens to the health policy.
use super::{
    DecodeError, EncodeError,
    codes::Coded,
    envelope::word,
    frozen::{Opener, Thaw, Writer},
};
use crate::{
    Event as Fact,
    device::{Remedy, Severity},
    policy::{Breaker, Event, HealthPolicy, KindRule, XidRule},
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct HealthPolicyChangedV1<'a> {
    #[serde(borrow)]
    policy: HealthPolicyV1<'a>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct HealthPolicyV1<'a> {
    #[serde(borrow)]
    conditions: Vec<KindRuleV1<'a>>,
    xids: Vec<XidRuleV1>,
    breaker: BreakerV1,
}

#[derive(Serialize, Deserialize)]
struct KindRuleV1<'a> {
    kind: &'a str,
    rule: RuleV1,
}

#[derive(Serialize, Deserialize)]
struct XidRuleV1 {
    code: u32,
    rule: RuleV1,
}

#[derive(Serialize, Deserialize)]
struct RuleV1 {
    severity: Option<u8>,
    remedy: Option<u8>,
    dry_run: bool,
}

#[derive(Serialize, Deserialize)]
struct BreakerV1 {
    share_percent: u16,
    at_least: u16,
    window_seconds: u32,
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Changed { policy } => writer.put(&HealthPolicyChangedV1 { policy: HealthPolicyV1::of(policy) }),
    }
}

impl Thaw for HealthPolicyChangedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Policy(Event::Changed { policy: self.policy.policy()? }))
    }
}

impl<'a> HealthPolicyV1<'a> {
    pub(super) fn of(policy: &'a HealthPolicy) -> Self {
        let Breaker { share_percent, at_least, window_seconds } = policy.breaker;
        let kind = |rule: &'a KindRule| KindRuleV1 {
            kind: rule.kind.as_str(),
            rule: RuleV1::of(rule.severity, rule.remedy, rule.dry_run),
        };
        let xid =
            |rule: &XidRule| XidRuleV1 { code: rule.code, rule: RuleV1::of(rule.severity, rule.remedy, rule.dry_run) };
        Self {
            conditions: policy.conditions.iter().map(kind).collect(),
            xids: policy.xids.iter().map(xid).collect(),
            breaker: BreakerV1 { share_percent, at_least, window_seconds },
        }
    }

    pub(super) fn policy(self) -> Result<HealthPolicy, DecodeError> {
        let BreakerV1 { share_percent, at_least, window_seconds } = self.breaker;
        let kind = |stored: KindRuleV1<'_>| {
            let (kind, (severity, remedy)) = (word(stored.kind, "a condition")?, stored.rule.says()?);
            Ok(KindRule { kind, severity, remedy, dry_run: stored.rule.dry_run })
        };
        let xid = |stored: XidRuleV1| {
            let (severity, remedy) = stored.rule.says()?;
            Ok(XidRule { code: stored.code, severity, remedy, dry_run: stored.rule.dry_run })
        };
        Ok(HealthPolicy {
            conditions: self.conditions.into_iter().map(kind).collect::<Result<_, DecodeError>>()?,
            xids: self.xids.into_iter().map(xid).collect::<Result<_, DecodeError>>()?,
            breaker: Breaker { share_percent, at_least, window_seconds },
        })
    }
}

impl RuleV1 {
    fn of(severity: Option<Severity>, remedy: Option<Remedy>, dry_run: bool) -> Self {
        Self { severity: severity.map(|it| it.code()), remedy: remedy.map(|it| it.code()), dry_run }
    }

    fn says(&self) -> Result<(Option<Severity>, Option<Remedy>), DecodeError> {
        let severity = self.severity.map(Severity::from_code).transpose()?;
        Ok((severity, self.remedy.map(Remedy::from_code).transpose()?))
    }
}
