//! Which reports of agents were taken: for each node its last few lives, and of each the last report.
use domain::{Incarnation, NodeName, Origin, Position};
use std::collections::BTreeMap;

/// How many lives of a node are remembered: late copies of reports of these are known as what they are.
const LIVES_MAX: usize = 8;

/// What a report is, given what was taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The next one.
    Next,
    /// One that was taken already.
    Repeat,
    /// Another than the next: the last that was taken is this one. Of a life that is over nothing is wanted any more:
    /// 0, as for one that is not known.
    Gap(u64),
}

/// The last report of a life that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) incarnation: Incarnation,
    pub(super) sequence: u64,
    /// The last position when it was taken: what tells the order of those that are told by records and those that are
    /// told by events.
    pub(super) position: Position,
}

impl Mark {
    pub(super) const fn of(origin: &Origin, position: Position) -> Self {
        Self { incarnation: origin.incarnation, sequence: origin.sequence, position }
    }
}

/// What told of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The event at its position.
    ByEvent,
    /// A record, which was made after the event at its position. Of two records, the one that is restored later.
    ByRecord,
}

/// The lives of all nodes: of each at most [`LIVES_MAX`], the present one last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks(BTreeMap<NodeName, Vec<Mark>>);

impl Marks {
    /// Which report this is. One of a new life is the next if it is number 1. An agent repeats its last one alone: who repeats
    /// an earlier one, or one of a life that is over, goes on from a state that is not the one it told of.
    pub(super) fn turn(&self, node: &NodeName, origin: &Origin) -> Turn {
        let lives = self.0.get(node).map_or(&[][..], Vec::as_slice);
        let Some(nth) = lives.iter().position(|mark| mark.incarnation == origin.incarnation) else {
            return match origin.sequence {
                1 => Turn::Next,
                _ => Turn::Gap(0),
            };
        };
        let (last, present) = (lives[nth].sequence, nth + 1 == lives.len());
        match origin.sequence {
            0 => Turn::Gap(if present { last } else { 0 }),
            sequence if present && sequence == last => Turn::Repeat,
            sequence if present && sequence == last + 1 => Turn::Next,
            _ => Turn::Gap(if present { last } else { 0 }),
        }
    }

    /// Remembers that a report was taken. Events and records may tell in any order, each sort in its own.
    pub(super) fn take(&mut self, node: &NodeName, mark: Mark, told: Told) {
        if !self.0.contains_key(node) {
            self.0.insert(node.clone(), vec![]);
        }
        let Some(lives) = self.0.get_mut(node) else { return };
        let mut mark = mark;
        if let Some(nth) = lives.iter().position(|known| known.incarnation == mark.incarnation) {
            let known = lives[nth];
            if known.position > mark.position || (known.position == mark.position && told == Told::ByEvent) {
                lives[nth].sequence = known.sequence.max(mark.sequence);
                return;
            }
            mark.sequence = known.sequence.max(mark.sequence);
            lives.remove(nth);
        }
        let place = lives.partition_point(|known| match told {
            Told::ByEvent => known.position < mark.position,
            Told::ByRecord => known.position <= mark.position,
        });
        lives.insert(place, mark);
        if lives.len() > LIVES_MAX {
            lives.remove(0);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&NodeName, &[Mark])> {
        self.0.iter().map(|(node, lives)| (node, lives.as_slice()))
    }

    /// As [`iter`](Self::iter) gave it. None if it never did.
    pub(super) fn restore(&mut self, node: NodeName, lives: Vec<Mark>) -> Option<()> {
        let sane = (1..=LIVES_MAX).contains(&lives.len()) && lives.is_sorted_by_key(|mark| mark.position);
        (sane && self.0.insert(node, lives).is_none()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn origin(life: u128, sequence: u64) -> Origin {
        let incarnation = Incarnation(Uuid::from_u128(life));
        Origin { incarnation, sequence, observed_at: Timestamp::default() }
    }

    fn node() -> NodeName {
        "n1".parse().unwrap()
    }

    /// A life of so many reports after another, each told by an event.
    fn lived(lives: &[(u128, u64)]) -> Marks {
        let (mut marks, mut position) = (Marks::default(), 0);
        for (life, reports) in lives {
            for sequence in 1..=*reports {
                assert_eq!(marks.turn(&node(), &origin(*life, sequence)), Turn::Next);
                position += 1;
                marks.take(&node(), Mark::of(&origin(*life, sequence), Position(position)), Told::ByEvent);
            }
        }
        marks
    }

    #[test]
    fn nothing_is_wanted_of_a_life_that_is_over() {
        let marks = lived(&[(1, 3), (2, 1)]);
        for sequence in 1..=4 {
            assert_eq!(marks.turn(&node(), &origin(1, sequence)), Turn::Gap(0), "{sequence}");
        }
        assert_eq!(marks.turn(&node(), &origin(2, 1)), Turn::Repeat);
        assert_eq!(marks.turn(&node(), &origin(2, 2)), Turn::Next);
        assert_eq!(marks.turn(&node(), &origin(2, 3)), Turn::Gap(1));
        assert_eq!(marks.turn(&node(), &origin(3, 1)), Turn::Next);
        assert_eq!(marks.turn(&node(), &origin(3, 2)), Turn::Gap(0));
    }

    #[test]
    fn the_last_few_lives_are_remembered() {
        let lives: Vec<_> = (1..=20).map(|life| (life, 2)).collect();
        let marks = lived(&lives);
        assert_eq!(marks.iter().next().unwrap().1.len(), LIVES_MAX);
        for life in 13..=20 {
            assert_eq!(marks.turn(&node(), &origin(life, 1)), Turn::Gap(if life == 20 { 2 } else { 0 }));
        }
        assert_eq!(marks.turn(&node(), &origin(12, 1)), Turn::Next, "what is forgotten is taken for a new life");
    }

    proptest! {
        /// However reports were told, and with the file of whatever moment, a start knows what was known.
        #[test]
        fn restored_is_as_lived(
            steps in prop::collection::vec((any::<bool>(), any::<bool>(), 0_u64..2), 1..60),
            saved_after in 0_usize..60,
        ) {
            let (mut live, mut saved, mut position, mut life, mut sequence) = (Marks::default(), None, 1, 1, 0);
            let mut told = vec![];
            for (n, (reborn, by_event, others)) in steps.iter().enumerate() {
                if n == saved_after {
                    saved = Some((live.clone(), position));
                }
                if *reborn && sequence > 0 {
                    (life, sequence) = (life + 1, 0);
                }
                sequence += 1;
                // Events of others stand between.
                position += others + u64::from(*by_event);
                let mark = Mark::of(&origin(life, sequence), Position(position));
                live.take(&node(), mark, Told::ByRecord);
                told.push((mark, *by_event));
            }
            let (mut restored, after, from) = match saved {
                Some((saved, position)) => (saved, position, saved_after),
                None => (Marks::default(), 0, 0),
            };
            for (mark, _) in told[from..].iter().filter(|(_, by_event)| !by_event) {
                restored.take(&node(), *mark, Told::ByRecord);
            }
            for (mark, _) in told.iter().filter(|(mark, by_event)| *by_event && mark.position.0 > after) {
                restored.take(&node(), *mark, Told::ByEvent);
            }
            prop_assert_eq!(restored, live);
        }
    }
}
