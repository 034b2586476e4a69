//! What is asked of the audit trail.
use super::term::{self, Term};
use domain::{Actor, Position, Recorded, Subject, Timestamp};

/// Which events are looked for: those that meet all that is given. `None` asks nothing; an empty list is met by none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Brought about by one of these.
    pub actors: Option<Vec<Actor>>,
    /// About one of these, among others.
    pub subjects: Option<Vec<Subject>>,
    /// Of one of these names, as in `PoolCreated`.
    pub types: Option<Vec<String>>,
    /// Recorded at this time or later.
    pub from: Option<Timestamp>,
    /// Recorded before this time.
    pub to: Option<Timestamp>,
}

/// In which order events are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As they happened.
    OldestFirst,
    /// The last one first.
    #[default]
    NewestFirst,
}

/// One page of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which events.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// Only what comes behind this position in that order: the last page's `next`.
    pub after: Option<Position>,
    /// How many at most, 1 to [`LIMIT_MAX`](Self::LIMIT_MAX).
    pub limit: usize,
}

/// A query that is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Too many or too few events are asked for.
    #[error("a page has 1 to {} events", Query::LIMIT_MAX)]
    Limit,
    /// A list is too long.
    #[error("a filter names at most {} actors, subjects or types", Filter::LIST_MAX)]
    TooMany,
}

impl Filter {
    /// The most actors, subjects or types that a filter may name.
    pub const LIST_MAX: usize = 256;

    /// Whether this event is one of those looked for: exactly, where the index can only guess.
    pub fn matches(&self, event: &Recorded) -> bool {
        fn one<T: PartialEq>(any: Option<&Vec<T>>, of: impl Fn(&T) -> bool) -> bool {
            any.is_none_or(|any| any.iter().any(of))
        }
        one(self.actors.as_ref(), |actor| *actor == event.actor)
            && one(self.subjects.as_ref(), |subject| event.subjects.contains(subject))
            && one(self.types.as_ref(), |name| name == event.event.name())
            && self.from.is_none_or(|from| from <= event.recorded_at)
            && self.to.is_none_or(|to| event.recorded_at < to)
    }

    /// The terms to look up: one list for each condition, of which an event needs one.
    pub(super) fn terms(&self) -> Vec<Vec<Term>> {
        let actors = self.actors.as_ref().map(|any| any.iter().map(term::of_actor).collect());
        let subjects = self.subjects.as_ref().map(|any| any.iter().map(term::of_subject).collect());
        let types = self.types.as_ref().map(|any| any.iter().map(|name| term::of_type(name)).collect());
        [subjects, actors, types].into_iter().flatten().collect()
    }
}

impl Query {
    /// The most events of a page.
    pub const LIMIT_MAX: usize = 1000;

    /// Refuses what would cost more than a query may.
    pub(super) fn check(&self) -> Result<(), FilterError> {
        let filter = &self.filter;
        let lengths = [
            filter.actors.as_ref().map_or(0, Vec::len),
            filter.subjects.as_ref().map_or(0, Vec::len),
            filter.types.as_ref().map_or(0, Vec::len),
        ];
        if lengths.into_iter().any(|length| length > Filter::LIST_MAX) {
            return Err(FilterError::TooMany);
        }
        if (1..=Self::LIMIT_MAX).contains(&self.limit) { Ok(()) } else { Err(FilterError::Limit) }
    }
}
