//! Walking the index: candidates one after the other, in the order asked for.
use super::{Audit, FilterError, Order, Query, SEGMENT, bits::Bits, columns::Columns, segment::Segment, term::Term};
use domain::{Position, Timestamp};
use std::sync::Arc;

/// A search that goes on without any lock: what happens after it began is not found.
#[derive(Debug)]
pub struct Search {
    sealed: Arc<Vec<Arc<Segment>>>,
    /// Full segments that are not sealed yet, and the one that was being filled, if the search reaches that far.
    unsealed: Vec<Arc<Columns>>,
    conditions: Vec<Vec<Term>>,
    times: (Option<Timestamp>, Option<Timestamp>),
    order: Order,
    limit: usize,
    position: Position,
    /// What is left: events by their place from 0, the second number not among them.
    left: (u64, u64),
    /// The segment at hand, if it has any candidates, and in which part of it.
    at: Option<(u64, (u32, u32))>,
    hits: Bits,
    scratch: Bits,
}

/// A page of what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found, in order. May be fewer than asked for, even none, while there is a next page.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; none if this is the last.
    pub next: Option<Position>,
    /// The page holds of all events up to this one.
    pub position: Position,
}

/// How many candidates of a page may turn out not to match before it ends early: bounds the work of one request.
const MISSES_MAX: usize = 1000;

impl Audit {
    /// Begins a search among all events that are indexed now.
    ///
    /// # Errors
    /// The query asks for more than one may.
    pub fn search(&self, query: &Query) -> Result<Search, FilterError> {
        query.check()?;
        let filter = &query.filter;
        let position = self.position();
        let left = match (query.order, query.after) {
            (Order::OldestFirst, after) => (after.map_or(0, |after| after.0), position.0),
            (Order::NewestFirst, None) => (0, position.0),
            (Order::NewestFirst, Some(after)) => (0, position.0.min(after.0.saturating_sub(1))),
        };
        let mut unsealed = self.full.clone();
        if left.1 > (self.sealed.len() + self.full.len()) as u64 * u64::from(SEGMENT) {
            unsealed.push(Arc::new(self.open.clone()));
        }
        Ok(Search {
            sealed: self.sealed(),
            unsealed,
            conditions: filter.terms(),
            times: (filter.from, filter.to),
            order: query.order,
            limit: query.limit,
            position,
            left,
            at: None,
            hits: Bits::default(),
            scratch: Bits::default(),
        })
    }
}

impl Search {
    /// All events up to this one are searched.
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The page: each candidate is shown to `check`, which reads the event, asks [`Filter::matches`](super::Filter::matches)
    /// and answers with what is to be returned for it, if it is one.
    ///
    /// # Errors
    /// What `check` answers.
    pub fn page<T, E>(mut self, mut check: impl FnMut(Position) -> Result<Option<T>, E>) -> Result<Found<T>, E> {
        let mut found = Found { items: vec![], next: None, position: self.position };
        let mut misses = 0;
        let mut last = None;
        while let Some(candidate) = self.next() {
            if found.items.len() == self.limit || misses == MISSES_MAX {
                found.next = last;
                break;
            }
            last = Some(candidate);
            match check(candidate)? {
                Some(item) => found.items.push(item),
                None => misses += 1,
            }
        }
        Ok(found)
    }

    /// Puts the events that meet all conditions into `hits`; whether there may be any.
    fn gather(&mut self, join: impl Fn(&[Term], &mut Bits) -> bool) -> bool {
        let Some((first, others)) = self.conditions.split_first() else {
            self.hits.fill();
            return true;
        };
        self.hits.clear();
        if !join(first, &mut self.hits) {
            return false;
        }
        for any in others {
            self.scratch.clear();
            if !join(any, &mut self.scratch) {
                return false;
            }
            self.hits.intersect(&self.scratch);
        }
        true
    }

    /// Looks into a segment.
    fn enter(&mut self, index: u64) {
        let (from, to) = self.times;
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let range = if let Some(segment) = self.sealed.get(at).cloned() {
            let range = segment.times().narrow(from, to);
            let holds = range.0 < range.1 && self.conditions.iter().all(|any| segment.has(any));
            (holds && self.gather(|any, into| segment.join(any, into))).then_some(range)
        } else if let Some(columns) = self.unsealed.get(at - self.sealed.len()).cloned() {
            let range = columns.times().narrow(from, to);
            (range.0 < range.1 && self.gather(|any, into| columns.join(any, into))).then_some(range)
        } else {
            None
        };
        self.at = range.map(|range| (index, range));
    }

    /// The next candidate in the segment at hand.
    fn next_here(&self, base: u64) -> Option<u64> {
        let (_, (low, high)) = self.at?;
        let within = |place: u64| u32::try_from(place.saturating_sub(base)).unwrap_or(SEGMENT).min(SEGMENT);
        let (low, high) = (low.max(within(self.left.0)), high.min(within(self.left.1)));
        let offset = match self.order {
            Order::OldestFirst => self.hits.first_from(low).filter(|offset| *offset < high),
            Order::NewestFirst => self.hits.last_below(high).filter(|offset| *offset >= low),
        };
        offset.map(|offset| base + u64::from(offset))
    }
}

impl Iterator for Search {
    type Item = Position;

    /// The next event that may be one of those looked for.
    fn next(&mut self) -> Option<Position> {
        let size = u64::from(SEGMENT);
        while self.left.0 < self.left.1 {
            let index = match self.order {
                Order::OldestFirst => self.left.0 / size,
                Order::NewestFirst => (self.left.1 - 1) / size,
            };
            if self.at.is_none_or(|(at, _)| at != index) {
                self.enter(index);
            }
            let base = index * size;
            let place = self.next_here(base);
            match (self.order, place) {
                (Order::OldestFirst, Some(place)) => self.left.0 = place + 1,
                (Order::NewestFirst, Some(place)) => self.left.1 = place,
                (Order::OldestFirst, None) => self.left.0 = base + size,
                (Order::NewestFirst, None) => self.left.1 = base,
            }
            if let Some(place) = place {
                return Some(Position(place + 1));
            }
        }
        None
    }
}
