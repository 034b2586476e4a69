//! A server that lacks devices is told everything. It may lack them for good, as a GPU that is gone: each telling is two commits,
//! so the same to the same answer is told at longer and longer intervals.
use crate::health::Present;
use bus::wire::Reply;
use domain::node::{Facts, Seen};
use std::time::Duration;

/// From one telling to the next that would say the same.
const FIRST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(1);

/// What was told for the server's sake, and when it may be told once more.
#[derive(Debug, Default)]
pub(super) struct Lack(Option<Told>);

#[derive(Debug)]
struct Told {
    answer: Reply,
    inventory: Option<Inventory>,
    wait: Duration,
    until: Duration,
}

/// What brings a device back that the server misses. What ails the devices does not, and is told as it changes.
type Inventory = (Facts, Option<Vec<Seen>>);

impl Lack {
    /// Whether to tell everything, to this answer that asks for it.
    pub(super) fn is_due(&mut self, now: Duration, answer: &Reply, present: Option<&Present>) -> bool {
        let same = |told: &&Told| told.answer == *answer && is(told.inventory.as_ref(), present);
        let wait = match self.0.as_ref().filter(same) {
            Some(told) if now < told.until => return false,
            Some(told) => told.wait.saturating_mul(2).min(LONGEST),
            None => FIRST,
        };
        let inventory = present.map(|now| (now.facts.clone(), now.devices.clone()));
        self.0 = Some(Told { answer: answer.clone(), inventory, wait, until: now + wait });
        true
    }

    /// The server lacks nothing.
    pub(super) fn is_over(&mut self) {
        self.0 = None;
    }
}

fn is(told: Option<&Inventory>, present: Option<&Present>) -> bool {
    let told = told.map(|(facts, devices)| (facts, devices));
    told == present.map(|now| (&now.facts, &now.devices))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LACKS: Reply = Reply::Expected { next: 1 };

    fn present(boot: &str) -> Present {
        let facts = Facts { boot_id: boot.into(), ..Facts::default() };
        Present { facts, devices: Some(vec![]), health: [].into() }
    }

    /// At which minutes it is told to who asks each minute, from this one on.
    fn told(lack: &mut Lack, from: u64, present: &Present) -> Vec<u64> {
        let due = |minute: &u64| lack.is_due(Duration::from_mins(*minute), &LACKS, Some(present));
        (from..from + 300).filter(due).collect()
    }

    #[test]
    fn the_same_is_told_at_waits_that_double_up_to_an_hour() {
        let minutes = told(&mut Lack::default(), 0, &present("a"));
        assert_eq!(minutes, [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    }

    #[test]
    fn the_waits_begin_anew_on_a_change_here_or_there() {
        let mut lack = Lack::default();
        told(&mut lack, 0, &present("a"));
        assert_eq!(told(&mut lack, 300, &present("b"))[..4], [300, 301, 303, 307], "another inventory");
        lack.is_over();
        assert_eq!(told(&mut lack, 600, &present("b"))[..4], [600, 601, 603, 607], "it lacked nothing meanwhile");
        let now = Duration::from_hours(15);
        assert!(!lack.is_due(now, &LACKS, Some(&present("b"))));
        assert!(lack.is_due(now, &Reply::Expected { next: 2 }, Some(&present("b"))), "another answer");
    }
}
