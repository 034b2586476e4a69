//! Finding events of the audit trail by who did it, to what, what it was, and when.
//!
//! The index is made of segments of 65,536 events. In each, every event is entered under its terms: its type, its
//! actor, each of its subjects. A term is a 32-bit hash, so a hit is a candidate only: [`Filter::matches`] says of the
//! event itself whether it is one. A search goes from segment to segment and touches only those that hold all of its
//! terms; a term that is frequent in a segment is a bitmap there, a rare one a list.
mod bits;
mod columns;
mod query;
mod search;
mod segment;
mod term;
mod times;

#[cfg(test)]
mod tests;

pub use query::{Filter, FilterError, Order, Query};
pub use search::{Found, Search};
pub(crate) use segment::Segment;

use crate::cursor::{Applied, Gap, step};
use columns::Columns;
use domain::{Position, Recorded, Timestamp};
use std::sync::Arc;

/// How many events a segment holds.
pub(crate) const SEGMENT: u32 = 65_536;

/// The index of the audit trail.
#[derive(Debug, Clone, Default)]
pub struct Audit {
    sealed: Arc<Vec<Arc<Segment>>>,
    /// Full, and waiting to be sealed outside of any lock.
    full: Vec<Arc<Columns>>,
    open: Columns,
}

impl Audit {
    /// Changes whenever the same events are indexed in another way: pieces of another version are not used.
    pub const VERSION: u32 = 1;

    /// The last event that is indexed.
    pub fn position(&self) -> Position {
        Position((self.sealed.len() + self.full.len()) as u64 * u64::from(SEGMENT) + u64::from(self.open.len()))
    }

    /// Indexes the next event. One that is indexed already changes nothing.
    ///
    /// # Errors
    /// The event is not the next one: nothing changed.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<Applied, Gap> {
        let applied = step(self.position(), recorded.position)?;
        if applied == Applied::Folded {
            self.open.push(recorded);
            if self.open.len() == SEGMENT {
                self.full.push(Arc::new(std::mem::take(&mut self.open)));
            }
        }
        Ok(applied)
    }

    /// Seals what is full, at once: for a fold that nobody reads meanwhile.
    pub fn settle(&mut self) {
        while let Some(full) = self.full_first() {
            self.put_sealed(Segment::seal(&full));
        }
    }

    /// Between which positions the last event recorded at or before `time` is: after the first, up to the second; or
    /// it is the first itself.
    pub fn bracket(&self, time: Timestamp) -> (Position, Position) {
        let mut low = (0, 0);
        // Times rise: the last segment that begins at or before the time holds the end of what is looked for.
        let segments = self.times().collect::<Vec<_>>();
        let begun = segments.partition_point(|(_, times)| times.first().is_some_and(|first| first <= time));
        if let Some((index, times)) = begun.checked_sub(1).map(|last| segments[last]) {
            let (after, up_to) = times.bracket(time);
            let base = index as u64 * u64::from(SEGMENT);
            low = (base + u64::from(after), base + u64::from(up_to));
        }
        (Position(low.0), Position(low.1))
    }

    /// About how many bytes of memory it takes.
    pub fn bytes(&self) -> usize {
        let sealed: usize = self.sealed.iter().map(|segment| segment.bytes()).sum();
        let full: usize = self.full.iter().map(|columns| columns.bytes()).sum();
        sealed + full + self.open.bytes()
    }

    /// The first segment that waits to be sealed.
    pub(crate) fn full_first(&self) -> Option<Arc<Columns>> {
        self.full.first().cloned()
    }

    /// Puts the sealed form of the first full segment in its place.
    pub(crate) fn put_sealed(&mut self, segment: Segment) {
        self.full.remove(0);
        Arc::make_mut(&mut self.sealed).push(Arc::new(segment));
    }

    /// The segments that are sealed, the oldest first.
    pub(crate) fn sealed(&self) -> Arc<Vec<Arc<Segment>>> {
        Arc::clone(&self.sealed)
    }

    pub(crate) fn from_sealed(sealed: Vec<Arc<Segment>>) -> Self {
        Self { sealed: Arc::new(sealed), full: vec![], open: Columns::default() }
    }

    fn times(&self) -> impl Iterator<Item = (usize, &times::Times)> {
        let sealed = self.sealed.iter().map(|segment| segment.times());
        sealed.chain(self.full.iter().map(|full| full.times())).chain([self.open.times()]).enumerate()
    }
}

/// Seals a full segment: the slow part, to be done without a lock.
pub(crate) fn seal(full: &Columns) -> Segment {
    Segment::seal(full)
}
