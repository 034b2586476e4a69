//! What needs an operator now, as far as the log tells it.
mod replaced;

use super::{Look, Remedy, Severity, UserRef};
use domain::{
    JobId, JobName, Timestamp,
    device::{self, Device, Presence},
    job::{Job, Source},
    node::{Contact, Node, Reported, in_service},
    policy::Judgement,
    pool::Pool,
};
use serde::Serialize;
use std::{cmp::Reverse, collections::BTreeSet, sync::Arc};
use utoipa::ToSchema;

/// Something that needs an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlertView {
    /// How bad it is.
    pub severity: Severity,
    /// What sort of thing it is: a device's condition, as `gpu.lost`; or `node.lost`, `pool.breaker`, …
    pub code: String,
    /// What it is about, as `device/GPU-…`.
    pub subject: String,
    /// Where to look for it besides: a device's node.
    pub node: Option<String>,
    /// Since when; null where that is not known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// What is the matter.
    pub summary: String,
    /// What to do.
    pub action: String,
    /// The active jobs that it touches: those on the device, or, of a node, on those of its devices that this is about.
    pub jobs: AlertJobs,
}

/// Jobs whose owners may have to be talked to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
pub struct AlertJobs {
    /// How many there are.
    pub total: usize,
    /// The oldest of them: at most 5.
    pub first: Vec<AlertJob>,
}

/// A job that an alert touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlertJob {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: JobId,
    /// What it is called.
    #[schema(value_type = String)]
    pub name: JobName,
    /// Its owner, if known.
    pub user: Option<UserRef>,
    /// Where it was seen, as `kubernetes/…` or `process/…`; null for one that was started here.
    #[schema(value_type = Option<String>)]
    pub source: Option<Arc<str>>,
}

/// The most jobs that an alert names.
const JOBS_MAX: usize = 5;

impl AlertView {
    /// The worst first, and of these the oldest.
    pub fn sort(alerts: &mut [Self]) {
        alerts.sort_by(|one, other| {
            let rank = |alert: &Self| (Reverse(alert.severity), alert.since);
            rank(one).cmp(&rank(other)).then_with(|| (&one.subject, &one.code).cmp(&(&other.subject, &other.code)))
        });
    }
}

impl Look<'_> {
    /// All that needs an operator, the worst first, and of these the oldest.
    pub fn alerts(&self) -> Vec<AlertView> {
        let cluster = self.cluster();
        let devices = cluster.devices().values().filter(|device| !device.retired);
        let mut alerts: Vec<AlertView> = devices.flat_map(|device| self.device_alerts(device)).collect();
        alerts.extend(cluster.nodes().values().filter(|node| !node.retired).flat_map(|node| self.node_alerts(node)));
        alerts.extend(self.replaced_alerts());
        alerts.extend(self.break_glass_alerts());
        alerts.extend(cluster.pools().values().filter_map(pool_alert));
        alerts.extend(cluster.jobs().values().filter_map(|job| self.job_alert(job)));
        AlertView::sort(&mut alerts);
        alerts
    }

    fn alert_jobs(&self, jobs: &BTreeSet<JobId>) -> AlertJobs {
        let first = jobs.iter().take(JOBS_MAX).filter_map(|id| self.cluster().job(*id)).map(|job| AlertJob {
            id: job.id,
            name: job.name.clone(),
            user: job.user.map(|user| self.user_ref(user)),
            source: match &job.source {
                Source::Started { .. } => None,
                Source::Observed { source, .. } => Some(Arc::clone(source)),
            },
        });
        AlertJobs { total: jobs.len(), first: first.collect() }
    }

    fn device_alerts(&self, device: &Device) -> Vec<AlertView> {
        let about = |severity, code: &str, since, summary: String, action: &str| AlertView {
            severity,
            code: code.to_owned(),
            subject: format!("device/{}", device.id),
            node: Some(device.node.to_string()),
            since,
            summary,
            action: action.to_owned(),
            jobs: self.alert_jobs(&device.jobs().collect()),
        };
        let policy = self.cluster().health_policy();
        let conditions = device.conditions.iter().filter_map(|condition| {
            let judged = policy.judge(condition);
            if let Some(wish) = device.overrides.iter().find(|wish| wish.condition == condition.kind) {
                let summary = format!("{} is overridden until {}: {}", condition.kind, wish.until, condition.reason);
                let action = at_the_end(judged);
                return Some(about(Severity::Info, "device.overridden", Some(condition.first_seen), summary, action));
            }
            let matters = judged.severity >= device::Severity::Warning && !judged.dry_run;
            matters.then(|| {
                let action = remedy(judged.remedy.into());
                let (severity, since) = (judged.severity.into(), Some(condition.first_seen));
                about(severity, condition.kind.as_str(), since, condition.reason.to_string(), action)
            })
        });
        let mut alerts: Vec<AlertView> = conditions.collect();
        if device.presence() == Presence::Present && !device.readable {
            let since = Some(device.readable_since);
            let summary = "its node's driver does not answer for it: nobody knows how it is".to_owned();
            let action = "look at the driver on the node (nvidia-smi, dmesg); restart the node if it hangs";
            alerts.push(about(Severity::Warning, "device.unreadable", since, summary, action));
        }
        if let Some(pool) = &device.displaced_from {
            let summary = format!("it replaced a device of pool {pool} and is of another model, {}", device.model);
            let action = "give it to a pool of its model, and the pool another device";
            let since = Some(device.discovered_at);
            alerts.push(about(Severity::Warning, "device.other_model", since, summary, action));
        }
        alerts
    }

    fn node_alerts(&self, node: &Node) -> Vec<AlertView> {
        let on = |missing: bool| -> BTreeSet<JobId> {
            let devices = in_service(self.cluster(), node);
            devices.filter(|device| !missing || device.presence() == Presence::Missing).flat_map(Device::jobs).collect()
        };
        let about = |severity, code: &str, since, summary: String, action: &str, jobs: &BTreeSet<JobId>| AlertView {
            severity,
            code: code.to_owned(),
            subject: format!("node/{}", node.name),
            node: Some(node.name.to_string()),
            since,
            summary,
            action: action.to_owned(),
            jobs: self.alert_jobs(jobs),
        };
        if node.contact == Contact::Lost {
            let summary = "its agent is silent: all of its devices are unknown, and take no new job".to_owned();
            let action = "look whether the host and its agent run and reach NATS; retire the node if it is gone";
            return vec![about(Severity::Critical, "node.lost", Some(node.contact_since), summary, action, &on(false))];
        }
        let reported = Reported::of(self.cluster(), node);
        let (short, surplus) = (reported.short(node), reported.surplus(node));
        let mut alerts = vec![];
        if let Some(since) = node.blind_since {
            let summary = format!("its driver can't be asked {}: nothing is known of its GPUs", node.facts.driver);
            let action = "look at the driver and where NVML is (nvidia-smi, the agent's setting nvml_library)";
            alerts.push(about(Severity::Critical, "node.driver", Some(since), summary, action, &on(false)));
        }
        if short > 0 {
            let summary = format!("{short} of its {} devices are not there", reported.expected);
            let action = "look for them (lspci, dmesg): reset or restart the node; retire devices that were taken out";
            alerts.push(about(
                Severity::Critical,
                "node.devices_missing",
                node.short_since,
                summary,
                action,
                &on(true),
            ));
        }
        if surplus > 0 {
            let summary = format!("it has {surplus} devices more than the {} that are expected", reported.expected);
            let action = "set the number that it shall have, if these are meant to be there";
            alerts.push(about(
                Severity::Warning,
                "node.devices_surplus",
                node.surplus_since,
                summary,
                action,
                &BTreeSet::new(),
            ));
        }
        alerts
    }

    fn job_alert(&self, job: &Job) -> Option<AlertView> {
        let Source::Observed { source, breaches } = &job.source else { return None };
        let worst = breaches.first()?;
        let breach = super::Breach::from(*worst);
        Some(AlertView {
            severity: Severity::Warning,
            code: "job.breach".to_owned(),
            subject: format!("job/{}", job.id),
            node: None,
            since: Some(job.started_at),
            summary: format!("{source} uses devices against the rules: {breach}"),
            action: "talk to its owner, or end it where it runs".to_owned(),
            jobs: self.alert_jobs(&BTreeSet::from([job.id])),
        })
    }
}

fn pool_alert(pool: &Pool) -> Option<AlertView> {
    let tripped = pool.breaker.tripped?;
    Some(AlertView {
        severity: Severity::Critical,
        code: "pool.breaker".to_owned(),
        subject: format!("pool/{}", pool.name),
        node: None,
        since: Some(tripped.since),
        summary:
            "so many of its devices fell ill at a time that the rest is held back: given no job, but not quarantined"
                .to_owned(),
        action: "look whether the fault is real; then reset the breaker, which quarantines what it held back"
            .to_owned(),
        jobs: AlertJobs::default(),
    })
}

/// What becomes of a device with such a condition once no override keeps that from it.
const fn at_the_end(judged: Judgement) -> &'static str {
    if judged.quarantines() {
        "when the override ends, the device is given no new job again, unless the condition is over: mend it until then"
    } else {
        "nothing need be done: when the override ends, the condition keeps no work from the device either"
    }
}

const fn remedy(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::None => "nothing need be done",
        Remedy::RestartApp => "restart the application that met the fault",
        Remedy::CheckApp => "look for the fault in the application",
        Remedy::ResetGpu => "reset the GPU once it is idle: stop the node agent, nvidia-smi --gpu-reset, start it",
        Remedy::DrainAndReset => {
            "let its work end, then reset the GPU: stop the node agent, nvidia-smi --gpu-reset, start it"
        }
        Remedy::RebootNode => "restart the node",
        Remedy::ServiceRequired => "have the hardware serviced (field diagnostics, RMA)",
        Remedy::Operator => "look into it: no rule says more",
    }
}
