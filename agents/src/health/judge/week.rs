//! How much a count has grown within a week, by what it was at the beginning of each day.
use domain::Timestamp;
use serde::{Deserialize, Serialize};

const DAYS: usize = 7;
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;

/// What a count was of late, by the node's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Week {
    /// The day on which it was last read, counted since 1970.
    day: i64,
    /// What was first read on that day, and on each of the days before it; none: nothing was.
    first: [Option<u32>; DAYS],
}

impl Week {
    /// Takes in what it is now. Whether another day has begun, of which that is worth remembering.
    pub(super) fn note(&mut self, count: u32, now: Timestamp) -> bool {
        let before = *self;
        let day = now.micros().div_euclid(DAY_MICROS);
        match usize::try_from(day.saturating_sub(self.day)) {
            Ok(passed) => {
                let passed = passed.min(DAYS);
                self.first.rotate_right(passed);
                self.first[..passed].fill(None);
            }
            // The clock was set back: when the others were read is not known.
            Err(_) => self.first = [None; DAYS],
        }
        self.day = day;
        self.first[0].get_or_insert(count);
        *self != before
    }

    /// By how much it has grown to be this, as far back as a week and as that is known.
    pub(super) fn growth(&self, count: u32) -> u32 {
        let oldest = self.first.iter().rev().flatten().next();
        oldest.map_or(0, |oldest| count.saturating_sub(*oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_within_a_week_counts_and_no_more() {
        let at = |day: i64| Timestamp::from_micros(day * DAY_MICROS + 1);
        let mut week = Week::default();
        assert!(week.note(10, at(100)));
        assert_eq!(week.growth(10), 0, "when these came is not known");
        assert!(!week.note(11, at(100)), "the day goes on");
        assert_eq!(week.growth(11), 1);
        assert!(week.note(12, at(103)));
        assert!(week.note(13, at(106)));
        assert_eq!(week.growth(13), 3);
        week.note(13, at(107));
        assert_eq!(week.growth(13), 1, "since the fourth day");
        week.note(20, at(150));
        assert_eq!(week.growth(20), 0, "nobody looked for weeks");
        week.note(21, at(149));
        assert_eq!(week.growth(22), 1, "the clock was set back");
    }
}
