//! The reports that the server has not taken yet: numbered, in order, bounded.
use bus::wire::{Content, Report};
use domain::{Incarnation, Origin, Timestamp};
use std::collections::VecDeque;

/// What keeps a report from being kept.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// There is no room until the server takes some.
    #[error("keep a report: {0} are waiting already")]
    Full(usize),
    /// What keeps them failed.
    #[error("{operation} the waiting reports")]
    Storage {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

/// Keeps the reports of one agent until the server has taken them. Their numbers begin at 1 in each incarnation and rise
/// by one; the oldest has the lowest.
pub trait Queue: Send + 'static {
    /// The life that it is in.
    fn incarnation(&self) -> Incarnation;

    /// The reports that wait, the oldest first.
    fn waiting(&self) -> impl Iterator<Item = &Report> + Send;

    /// Keeps a report, under the next number.
    ///
    /// # Errors
    /// It is full, or what keeps the reports failed: then the report is not kept.
    fn push(&mut self, observed_at: Timestamp, content: Content) -> Result<(), QueueError>;

    /// Forgets the reports up to this number.
    ///
    /// # Errors
    /// What keeps them failed.
    fn settle(&mut self, up_to: u64) -> Result<(), QueueError>;

    /// Begins a new life, in which the reports that wait are numbered anew, in their order.
    ///
    /// # Errors
    /// What keeps them failed.
    fn begin_anew(&mut self, incarnation: Incarnation) -> Result<(), QueueError>;

    /// The oldest report.
    fn first(&self) -> Option<&Report> {
        self.waiting().next()
    }
}

/// A queue in memory: what waits is lost with the process, and told anew in full by the next.
#[derive(Debug)]
pub struct InMemory {
    incarnation: Incarnation,
    waiting: VecDeque<Report>,
    next: u64,
    limit: usize,
}

impl InMemory {
    /// The most reports that wait, unless said otherwise.
    pub const LIMIT: usize = 256;

    /// An empty queue of this life, for at most so many reports.
    pub const fn new(incarnation: Incarnation, limit: usize) -> Self {
        Self { incarnation, waiting: VecDeque::new(), next: 1, limit }
    }
}

impl Queue for InMemory {
    fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    fn waiting(&self) -> impl Iterator<Item = &Report> + Send {
        self.waiting.iter()
    }

    fn push(&mut self, observed_at: Timestamp, content: Content) -> Result<(), QueueError> {
        if self.waiting.len() >= self.limit {
            return Err(QueueError::Full(self.limit));
        }
        let origin = Origin { incarnation: self.incarnation, sequence: self.next, observed_at };
        self.waiting.push_back(Report { origin, settled: true, content });
        self.next += 1;
        Ok(())
    }

    fn settle(&mut self, up_to: u64) -> Result<(), QueueError> {
        while self.waiting.front().is_some_and(|report| report.origin.sequence <= up_to) {
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn begin_anew(&mut self, incarnation: Incarnation) -> Result<(), QueueError> {
        self.incarnation = incarnation;
        self.next = 1;
        for report in &mut self.waiting {
            report.origin.incarnation = incarnation;
            report.origin.sequence = self.next;
            self.next += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn life(number: u128) -> Incarnation {
        Incarnation(Uuid::from_u128(number))
    }

    fn nothing() -> Content {
        Content::Health { findings: vec![] }
    }

    fn numbers(queue: &InMemory) -> Vec<u64> {
        queue.waiting().map(|report| report.origin.sequence).collect()
    }

    #[test]
    fn numbers_rise_and_are_never_given_again_in_one_life() {
        let mut queue = InMemory::new(life(1), 8);
        for _ in 0..3 {
            queue.push(Timestamp::default(), nothing()).unwrap();
        }
        queue.settle(2).unwrap();
        assert_eq!(numbers(&queue), [3]);
        queue.settle(9).unwrap();
        queue.push(Timestamp::default(), nothing()).unwrap();
        assert_eq!(numbers(&queue), [4]);
    }

    #[test]
    fn a_new_life_counts_from_one_and_loses_nothing() {
        let mut queue = InMemory::new(life(1), 8);
        for _ in 0..3 {
            queue.push(Timestamp::default(), nothing()).unwrap();
        }
        queue.settle(1).unwrap();
        queue.begin_anew(life(2)).unwrap();
        queue.push(Timestamp::default(), nothing()).unwrap();
        assert_eq!(numbers(&queue), [1, 2, 3]);
        assert!(queue.waiting().all(|report| report.origin.incarnation == life(2)));
    }

    #[test]
    fn it_is_bounded() {
        let mut queue = InMemory::new(life(1), 2);
        queue.push(Timestamp::default(), nothing()).unwrap();
        queue.push(Timestamp::default(), nothing()).unwrap();
        assert!(matches!(queue.push(Timestamp::default(), nothing()), Err(QueueError::Full(2))));
        queue.settle(1).unwrap();
        queue.push(Timestamp::default(), nothing()).unwrap();
        assert_eq!(numbers(&queue), [2, 3], "what was not kept has no number");
    }
}
