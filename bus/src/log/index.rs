//! Where in the log a position is: a bounded memory of commits met on the way to earlier positions.

use std::collections::BTreeMap;

/// A commit and the position of its first event, or of the next one to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waypoint {
    pub(super) commit: u64,
    pub(super) first_position: u64,
}

/// Waypoints by position, one for so many commits; when it gets full, one for twice as many.
#[derive(Debug)]
pub(super) struct Index {
    commits: BTreeMap<u64, u64>,
    stride: u64,
}

/// About 2 MiB: a way to every commit of ten million events in full blocks.
const WAYPOINTS_MAX: usize = 65_536;

impl Default for Index {
    fn default() -> Self {
        Self { commits: BTreeMap::new(), stride: 1 }
    }
}

impl Index {
    pub(super) fn insert(&mut self, waypoint: Waypoint) {
        let stretch = waypoint.commit / self.stride;
        let below = self.commits.range(..=waypoint.first_position).next_back();
        let above = self.commits.range(waypoint.first_position..).next();
        if [below, above].into_iter().flatten().any(|(_, commit)| commit / self.stride == stretch) {
            return;
        }
        self.commits.insert(waypoint.first_position, waypoint.commit);
        while self.commits.len() > WAYPOINTS_MAX {
            self.stride *= 2;
            let (stride, mut last) = (self.stride, None);
            self.commits.retain(|_, commit| last.replace(*commit / stride) != Some(*commit / stride));
        }
    }

    /// Narrows an interval of commits around a position: the lower end begins at or before it, the upper one after.
    pub(super) fn narrow(&self, position: u64, low: &mut Waypoint, high: &mut Waypoint) {
        let waypoint =
            |(first_position, commit): (&u64, &u64)| Waypoint { commit: *commit, first_position: *first_position };
        if let Some(below) = self.commits.range(..=position).next_back().map(waypoint)
            && below.commit > low.commit
        {
            *low = below;
        }
        if let Some(above) = self.commits.range(position + 1..).next().map(waypoint)
            && above.commit < high.commit
        {
            *high = above;
        }
    }
}

/// The commit to look at next, strictly between two: where the position would be if commits were all of one size,
/// and every other time the middle, so that uneven ones cost no more than a binary search twice over.
pub(super) fn guess(position: u64, low: Waypoint, high: Waypoint, step: u32) -> u64 {
    let commits = high.commit - low.commit;
    let offset = if step.is_multiple_of(2) {
        let positions = u128::from(high.first_position - low.first_position);
        let part = u128::from(position - low.first_position) * u128::from(commits) / positions.max(1);
        u64::try_from(part).unwrap_or(u64::MAX)
    } else {
        commits / 2
    };
    low.commit + offset.clamp(1, commits - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_small_and_narrows() {
        let mut index = Index::default();
        for n in 0..1_000_000 {
            index.insert(Waypoint { commit: n + 1, first_position: n * 10 + 1 });
        }
        assert!(index.commits.len() <= WAYPOINTS_MAX);
        let mut low = Waypoint { commit: 1, first_position: 1 };
        let mut high = Waypoint { commit: 1_000_001, first_position: 10_000_001 };
        index.narrow(5_000_000, &mut low, &mut high);
        assert!(low.first_position <= 5_000_000 && high.first_position > 5_000_000);
        assert!(high.commit - low.commit <= 64, "{low:?} {high:?}");
        for step in 0..4 {
            let guess = guess(5_000_000, low, high, step);
            assert!(low.commit < guess && guess < high.commit);
        }
    }
}
