//! What an agent finds, as log lines: for who looks at the node itself. What is told anew is not said again.
use bus::wire::{Content, Report};
use domain::{
    Incarnation,
    device::{ConditionKind, DeviceId},
};
use std::{collections::BTreeSet, sync::Arc};

/// Says each report once, when it is queued.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    /// The last report that was said: its number, and the life of the queue in which it has it.
    said: (Option<Incarnation>, u64),
    /// The driver, and how many devices it was said to have.
    driver: Option<(Arc<str>, Option<usize>)>,
    standing: BTreeSet<(DeviceId, ConditionKind)>,
}

impl Announcer {
    pub(super) fn look<'a>(&mut self, waiting: impl Iterator<Item = &'a Report>) {
        for report in waiting {
            let (life, sequence) = (Some(report.origin.incarnation), report.origin.sequence);
            if self.said.0 == life && sequence <= self.said.1 {
                continue;
            }
            self.said = (life, sequence);
            match &report.content {
                Content::Inventory { facts, devices } => {
                    let devices = devices.as_ref().map(Vec::len);
                    let now = (Arc::clone(&facts.driver), devices);
                    if self.driver.as_ref() != Some(&now) {
                        let driver = &*facts.driver;
                        if let Some(devices) = devices {
                            tracing::info!(driver, devices, "the driver answers");
                        } else {
                            tracing::warn!(driver, "nothing is known of the GPUs");
                        }
                        self.driver = Some(now);
                    }
                }
                Content::Health { findings } => {
                    for finding in findings {
                        for condition in &finding.raised {
                            if self.standing.insert((finding.device, condition.kind.clone())) {
                                let (kind, reason) = (condition.kind.as_str(), &*condition.reason);
                                let severity = condition.severity;
                                tracing::warn!(device = %finding.device, kind, ?severity, reason, "a condition holds");
                            }
                        }
                        for kind in &finding.cleared {
                            if self.standing.remove(&(finding.device, kind.clone())) {
                                tracing::info!(device = %finding.device, kind = kind.as_str(), "a condition is over");
                            }
                        }
                    }
                }
            }
        }
    }
}
