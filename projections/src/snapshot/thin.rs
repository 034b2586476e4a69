//! Which snapshots to throw away: so that a bounded number stays, spread over the whole history.
use domain::Position;

/// How many of the newest always stay: a start needs one of them.
const NEWEST: usize = 4;

/// What has to go of these (ascending) so that `keep` stay: each time the one that leaves the smallest hole, the older
/// one of equals.
pub(crate) fn thin(positions: &[Position], keep: usize) -> Vec<Position> {
    let mut stay = positions.to_vec();
    let mut gone = vec![];
    while stay.len() > keep.max(1) {
        let hole = |at: usize| {
            let before = at.checked_sub(1).map_or(0, |before| stay[before].0);
            stay[at + 1].0 - before
        };
        let old = stay.len().saturating_sub(NEWEST.min(keep.max(1)));
        let Some(at) = (0..old).min_by_key(|at| hole(*at)) else { break };
        gone.push(stay.remove(at));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_bounded_and_spread() {
        let mut stored: Vec<Position> = vec![];
        for n in 1..=1000u64 {
            stored.push(Position(n * 250_000));
            let gone = thin(&stored, 32);
            stored.retain(|at| !gone.contains(at));
            assert!(stored.len() <= 32);
            assert_eq!(stored.last(), Some(&Position(n * 250_000)));
        }
        let widest = stored.windows(2).map(|pair| pair[1].0 - pair[0].0).max().unwrap();
        assert!(widest <= 1000 * 250_000 / 32 * 3, "{widest}");
        assert!(stored[0].0 <= 1000 * 250_000 / 32 * 3, "{}", stored[0].0);
    }

    #[test]
    fn one_is_kept_at_least() {
        let stored = [Position(1), Position(2), Position(3)];
        assert_eq!(thin(&stored, 0), [Position(1), Position(2)]);
        assert_eq!(thin(&stored, 3), []);
    }
}
