//! What is asked how often: what changes slowly is asked seldom, and its last answer holds until then.
use std::time::Duration;

/// Readings that are asked together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Counters and states that change now and then.
    Counters,
    /// Limits, settings, and what only a restart changes.
    Settings,
    /// The info ROM, which takes long to check.
    InfoRom,
}

impl Group {
    /// All, in the order in which they are asked.
    pub(super) const ALL: [Self; 3] = [Self::Counters, Self::Settings, Self::InfoRom];

    const fn period(self) -> Duration {
        match self {
            Self::Counters => Duration::from_secs(10),
            Self::Settings => Duration::from_mins(1),
            Self::InfoRom => Duration::from_hours(1),
        }
    }
}

/// For so long, a group that was not answered is left alone.
const AGAIN_AFTER: Duration = Duration::from_secs(10);

/// When each group of one device is asked next.
#[derive(Debug, Clone, Default)]
pub(super) struct Schedule {
    next: [Option<Duration>; Group::ALL.len()],
}

impl Schedule {
    /// Whether it is time to ask this group: at first it is.
    pub(super) fn is_due(&self, group: Group, now: Duration) -> bool {
        self.next[group as usize].is_none_or(|next| now >= next)
    }

    /// The group was asked; `heard` says whether all of it was answered.
    pub(super) fn asked(&mut self, group: Group, now: Duration, heard: bool) {
        let period = if heard { group.period() } else { group.period().min(AGAIN_AFTER) };
        self.next[group as usize] = Some(now + period);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often the group is asked within the seconds.
    fn times(group: Group, seconds: u64, heard: bool) -> usize {
        let mut schedule = Schedule::default();
        let asked = |second| {
            let now = Duration::from_secs(second);
            let due = schedule.is_due(group, now);
            if due {
                schedule.asked(group, now, heard);
            }
            due
        };
        (0..seconds).map(asked).filter(|due| *due).count()
    }

    #[test]
    fn each_group_has_its_pace() {
        assert_eq!(times(Group::Counters, 60, true), 6);
        assert_eq!(times(Group::Settings, 180, true), 3);
        assert_eq!(times(Group::InfoRom, 7200, true), 2);
    }

    #[test]
    fn what_was_not_answered_is_asked_sooner() {
        assert_eq!(times(Group::InfoRom, 60, false), 6);
    }
}
