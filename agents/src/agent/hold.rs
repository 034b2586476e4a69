//! What the server refused is not told again at once: what it said no to must change first, here or there.
use super::refusal::Fault;
use bus::wire::Content;
use domain::device::{DeviceId, Finding};
use std::{collections::BTreeMap, time::Duration};

/// What is held back, and until when.
#[derive(Debug, Default)]
pub(super) struct Holds {
    inventory: Option<Hold>,
    devices: BTreeMap<DeviceId, Hold>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Hold {
    until: Duration,
    refusals: u32,
}

impl Hold {
    const FIRST: Duration = Duration::from_secs(5);
    const LONGEST: Duration = Duration::from_mins(5);
    /// Where the server may take it as it is, once something changes there.
    const LONGEST_FOR_BOOKS: Duration = Duration::from_mins(1);

    fn again(self, now: Duration, fault: Fault) -> Self {
        let longest = if fault == Fault::Report { Self::LONGEST } else { Self::LONGEST_FOR_BOOKS };
        let wait = Self::FIRST.saturating_mul(1 << self.refusals.min(8)).min(longest);
        Self { until: now + wait, refusals: self.refusals.saturating_add(1) }
    }
}

impl Holds {
    /// Whether the inventory may be told.
    pub(super) fn inventory(&self, now: Duration) -> bool {
        self.inventory.is_none_or(|hold| now >= hold.until)
    }

    /// Whether this finding may be told.
    pub(super) fn device(&self, now: Duration, finding: &Finding) -> bool {
        self.devices.get(&finding.device).is_none_or(|hold| now >= hold.until)
    }

    /// Whether a finding of this device was refused, and none taken since.
    pub(super) fn suspects(&self, finding: &Finding) -> bool {
        self.devices.contains_key(&finding.device)
    }

    /// The server refused this.
    pub(super) fn refuse(&mut self, now: Duration, content: &Content, fault: Fault) {
        match content {
            Content::Inventory { .. } => self.inventory = Some(self.inventory.unwrap_or_default().again(now, fault)),
            Content::Health { findings } => {
                for finding in findings {
                    let hold = self.devices.entry(finding.device).or_default();
                    // One among several may be innocent: it is tried alone at once.
                    *hold = if findings.len() > 1 { *hold } else { hold.again(now, fault) };
                }
            }
        }
    }

    /// The server took this.
    pub(super) fn release(&mut self, content: &Content) {
        match content {
            // It knows other devices now than it did when it refused.
            Content::Inventory { .. } => *self = Self::default(),
            Content::Health { findings } => {
                for finding in findings {
                    self.devices.remove(&finding.device);
                }
            }
        }
    }

    /// Forgets the devices that are not there any more.
    pub(super) fn keep(&mut self, there: impl Fn(&DeviceId) -> bool) {
        self.devices.retain(|device, _| there(device));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_a_bound() {
        for (fault, longest) in [(Fault::Report, 300), (Fault::Books, 60), (Fault::Unknown, 60)] {
            let (mut hold, mut waits) = (Hold::default(), vec![]);
            for _ in 0..40 {
                hold = hold.again(Duration::ZERO, fault);
                waits.push(hold.until.as_secs());
            }
            assert!(waits.is_sorted() && waits[..3] == [5, 10, 20], "{waits:?}");
            assert_eq!(waits.last(), Some(&longest), "{fault:?}");
        }
    }
}
