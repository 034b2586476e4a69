//! From what each look says to a condition that begins and ends: alarms that come and go are worse than none.
use std::time::Duration;

/// When a condition begins, and when it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damping {
    /// When it begins.
    pub begin: Begin,
    /// It is over once it has not held for so long, which was seen.
    pub keep: Duration,
    /// It is not over before this has happened.
    pub latch: Option<Latch>,
}

/// When a condition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Once it has held for so long without a break.
    After(Duration),
    /// Once it has held in so many of the last minutes.
    Minutes {
        /// In so many...
        held: u8,
        /// ... of so many, at most 60.
        of: u8,
    },
}

/// What has to happen before a condition can be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Latch {
    /// The GPU was reset, or the host restarted.
    Reset,
    /// The host was restarted.
    Boot,
}

/// What a look says of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// It holds.
    Holds,
    /// It does not hold.
    Clear,
    /// Neither: it does not begin by this, and does not end.
    Between,
    /// What would tell was not to be read.
    Nothing,
}

/// One line's memory for one device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Damper {
    raised: bool,
    latched: bool,
    /// Since when it holds without a break.
    since: Option<Duration>,
    /// When it was last not seen to be clear.
    held: Duration,
    /// The last minutes in which anything was to be seen, the newest in the lowest bit.
    minutes: u64,
    /// Whether it held in this minute, if anything was to be seen.
    this_minute: Option<bool>,
}

impl Damper {
    /// One that was raised before this agent began, and whose latch may have been released since.
    pub(super) fn raised(damping: &Damping, released: bool) -> Self {
        Self { raised: true, latched: damping.latch.is_some() && !released, ..Self::default() }
    }

    /// Whether it is raised, and waits for nothing but to be seen clear.
    pub(super) const fn is_released(&self) -> bool {
        self.raised && !self.latched
    }

    /// Whether the condition has begun and is not over.
    pub(super) const fn is_raised(&self) -> bool {
        self.raised
    }

    /// Takes in a look, and whether it ends a minute. Whether the condition has begun and is not over.
    pub(super) fn step(&mut self, says: Says, now: Duration, minute_ends: bool, damping: &Damping) -> bool {
        // What is told of whole minutes has nothing to say in between, which is no lack.
        let awaited = minute_ends || matches!(damping.begin, Begin::After(_));
        match says {
            Says::Holds => {
                self.since.get_or_insert(now);
                self.held = now;
            }
            Says::Nothing if !awaited => {}
            Says::Between | Says::Nothing if self.raised => self.held = now,
            Says::Clear | Says::Between => self.since = None,
            Says::Nothing => {}
        }
        if says != Says::Nothing {
            self.this_minute = Some(self.this_minute == Some(true) || says == Says::Holds);
        }
        if minute_ends && let Some(held) = self.this_minute.take() {
            self.minutes = self.minutes << 1 | u64::from(held);
        }
        let begins = match damping.begin {
            // Seen at its end too: what was not read meanwhile proves nothing.
            Begin::After(time) => {
                says == Says::Holds && self.since.is_some_and(|since| now.saturating_sub(since) >= time)
            }
            Begin::Minutes { held, of } => {
                let last = self.minutes & (u64::MAX >> (64 - u32::from(of.clamp(1, 64))));
                last.count_ones() >= u32::from(held)
            }
        };
        if begins {
            (self.raised, self.latched) = (true, damping.latch.is_some());
        } else if self.raised && !self.latched && says == Says::Clear && now.saturating_sub(self.held) >= damping.keep {
            *self = Self::default();
        }
        self.raised
    }

    /// The GPU was reset, or the host restarted: the line is no more held up by it, and nothing of before counts.
    pub(super) fn happened(&mut self, what: Latch, damping: &Damping) {
        if damping.latch.is_none_or(|latch| latch <= what) {
            self.latched = false;
        }
        if what == Latch::Boot {
            (self.since, self.held, self.minutes, self.this_minute) = (None, Duration::ZERO, 0, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Says::{Between, Clear, Holds, Nothing};

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What each look, one a second, comes to.
    fn run(damping: &Damping, says: &[Says]) -> Vec<bool> {
        let mut damper = Damper::default();
        (0..).zip(says).map(|(at, says)| damper.step(*says, seconds(at), false, damping)).collect()
    }

    fn after(wait: u64, keep: u64) -> Damping {
        Damping { begin: Begin::After(seconds(wait)), keep: seconds(keep), latch: None }
    }

    #[test]
    fn at_once_and_over_at_once() {
        assert_eq!(run(&Damping::NONE, &[Clear, Holds, Clear]), [false, true, false]);
    }

    #[test]
    fn it_begins_once_it_has_held_without_a_break() {
        let looks = [Holds, Clear, Holds, Holds, Holds];
        assert_eq!(run(&after(2, 0), &looks), [false, false, false, false, true]);
        let hidden = [Holds, Nothing, Holds];
        assert_eq!(run(&after(2, 0), &hidden), [false, false, true], "what can't be read is no break");
        assert_eq!(run(&after(2, 0), &[Holds, Nothing, Nothing, Nothing]), [false; 4], "and no proof");
        assert_eq!(run(&after(2, 0), &[Holds, Between, Holds]), [false, false, false]);
    }

    #[test]
    fn it_is_over_once_it_was_seen_to_be_clear_for_long_enough() {
        let looks = [Holds, Clear, Clear, Holds, Clear, Clear, Clear, Clear];
        assert_eq!(run(&after(0, 3), &looks), [true, true, true, true, true, true, false, false]);
        let hidden = [Holds, Nothing, Nothing, Nothing, Clear, Clear, Clear, Clear];
        assert_eq!(run(&after(0, 3), &hidden), [true, true, true, true, true, true, false, false]);
        let near = [Holds, Between, Between, Between, Between, Clear, Clear];
        assert_eq!(run(&after(0, 2), &near), [true, true, true, true, true, true, false]);
    }

    #[test]
    fn it_begins_in_so_many_minutes_of_so_many() {
        let damping = Damping { begin: Begin::Minutes { held: 2, of: 3 }, keep: seconds(120), latch: None };
        let mut damper = Damper::default();
        let minute = |damper: &mut Damper, nth: u64, says: &[Says]| {
            let mut raised = false;
            for (at, one) in says.iter().enumerate() {
                let now = seconds(60 * nth) + seconds(at as u64);
                raised = damper.step(*one, now, at + 1 == says.len(), &damping);
            }
            raised
        };
        assert!(!minute(&mut damper, 0, &[Clear, Holds, Clear]));
        assert!(!minute(&mut damper, 1, &[Clear, Clear]));
        assert!(!minute(&mut damper, 2, &[Nothing]), "a minute without a reading is none");
        assert!(minute(&mut damper, 3, &[Holds, Clear]));
        assert!(minute(&mut damper, 4, &[Clear]), "it is still in two of three");
        assert!(!minute(&mut damper, 5, &[Clear]), "no more, and quiet for two minutes");
    }

    #[test]
    fn what_is_latched_waits_for_its_event() {
        let damping = Damping { latch: Some(Latch::Boot), ..Damping::NONE };
        let mut damper = Damper::default();
        assert!(damper.step(Holds, seconds(0), false, &damping));
        assert!(damper.step(Clear, seconds(1), false, &damping));
        damper.happened(Latch::Reset, &damping);
        assert!(damper.step(Clear, seconds(2), false, &damping));
        damper.happened(Latch::Boot, &damping);
        assert!(damper.step(Nothing, seconds(3), false, &damping), "it has to be seen");
        assert!(!damper.step(Clear, seconds(4), false, &damping));
    }
}
