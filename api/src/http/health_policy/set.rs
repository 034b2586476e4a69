use crate::http::{
    answer::{Accepted, CommandAnswer, Errand, carry_out},
    app::App,
    auth::Asker,
    input::{Body, DryRun, Wish},
    problem::Problem,
};
use axum::extract::State;
use domain::{
    Command, Subject,
    device::{ConditionKind, Remedy, Severity},
    policy,
};
use projections::view::{BreakerView, Remedy as RemedyWord, Severity as SeverityWord};
use serde::Deserialize;

/// A whole health policy: what it does not name is as agents say.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetHealthPolicy {
    /// What is made of conditions, by kind.
    #[serde(default)]
    conditions: Vec<SetKindRule>,
    /// What is made of conditions behind which there is an XID. Goes before their kind's rule.
    #[serde(default)]
    xids: Vec<SetXidRule>,
    /// How much may be quarantined by itself.
    breaker: BreakerView,
}

/// What is made of the conditions of one kind.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SetKindRule {
    /// The kind, as `thermal.over_limit`.
    #[schema(value_type = String)]
    kind: ConditionKind,
    /// How bad it is; left out: as the agent says.
    #[schema(value_type = Option<SeverityWord>)]
    severity: Option<Severity>,
    /// What to do; left out: as the agent says.
    #[schema(value_type = Option<RemedyWord>)]
    remedy: Option<Remedy>,
    /// Whether it is shown and recorded only, and keeps no work from a device.
    #[serde(default)]
    dry_run: bool,
}

/// What is made of the conditions behind which there is one XID.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct SetXidRule {
    /// The code, of NVIDIA's catalogue.
    code: u32,
    /// How bad it is; left out: as the agent says.
    #[schema(value_type = Option<SeverityWord>)]
    severity: Option<Severity>,
    /// What to do; left out: as the agent says.
    #[schema(value_type = Option<RemedyWord>)]
    remedy: Option<Remedy>,
    /// Whether it is shown and recorded only, and keeps no work from a device.
    #[serde(default)]
    dry_run: bool,
}

/// Sets the whole health policy. Needs `If-Match`. A dry run says which devices it would quarantine or let go.
#[utoipa::path(put, path = "/v1/health/policy", tag = "health policy", operation_id = "set_health_policy",
    params(DryRun), request_body = SetHealthPolicy, responses((status = 200, body = CommandAnswer)))]
pub(super) async fn set(
    State(app): State<App>,
    asker: Asker,
    wish: Wish,
    body: Body<SetHealthPolicy>,
) -> Result<Accepted, Problem> {
    wish.needs_if_match()?;
    let SetHealthPolicy { conditions, xids, breaker } = body.value;
    let conditions = conditions.into_iter().map(|SetKindRule { kind, severity, remedy, dry_run }| policy::KindRule {
        kind,
        severity,
        remedy,
        dry_run,
    });
    let xids = xids.into_iter().map(|SetXidRule { code, severity, remedy, dry_run }| policy::XidRule {
        code,
        severity,
        remedy,
        dry_run,
    });
    let policy = policy::HealthPolicy {
        conditions: conditions.collect(),
        xids: xids.collect(),
        breaker: policy::Breaker {
            share_percent: breaker.share_percent,
            at_least: breaker.at_least,
            window_seconds: breaker.window_seconds,
        },
    };
    let command = Command::Policy(policy::Command::Set { policy });
    carry_out(&app, &asker, &wish, Errand::new(command).on(Subject::HealthPolicy).with(&body.raw)).await
}
