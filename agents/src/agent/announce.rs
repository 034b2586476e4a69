//! What an agent finds, as log lines: for who looks at the node itself. What is told anew is not said again.
use bus::wire::{Content, Report};
use domain::device::{ConditionKind, DeviceId};
use std::{collections::BTreeSet, sync::Arc};

/// Says each report once, when it is queued.
#[derive(Debug, Default)]
pub(super) struct Announcer {
    /// The number of the last report that was said.
    said: u64,
    /// The driver, and how many devices it was said to have.
    driver: Option<(Arc<str>, Option<usize>)>,
    standing: BTreeSet<(DeviceId, ConditionKind)>,
}

impl Announcer {
    pub(super) fn look<'a>(&mut self, waiting: impl Iterator<Item = &'a Report>) {
        for report in waiting.filter(|report| report.origin.sequence > self.said).collect::<Vec<_>>() {
            self.said = report.origin.sequence;
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

    /// The numbers begin anew.
    pub(super) fn begin_anew(&mut self) {
        self.said = 0;
    }
}
