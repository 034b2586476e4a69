//! Reports kept in memory.
use super::{Queue, QueueError};
use crate::health::Memory;
use bus::wire::{Content, Report};
use domain::{Incarnation, Origin, Timestamp};
use std::collections::VecDeque;

/// A queue in memory: what waits, and what is remembered, is lost with the process; all is told anew by the next.
#[derive(Debug)]
pub struct InMemory {
    incarnation: Incarnation,
    waiting: VecDeque<Report>,
    next: u64,
    limit: usize,
    memory: Memory,
}

impl InMemory {
    /// The most reports that wait, unless said otherwise.
    pub const LIMIT: usize = 256;

    /// An empty queue of this life, for at most so many reports.
    pub fn new(incarnation: Incarnation, limit: usize) -> Self {
        Self { incarnation, waiting: VecDeque::new(), next: 1, limit, memory: Memory::default() }
    }

    /// The same, of an agent that remembers this.
    #[must_use]
    pub fn remembering(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// The same with these reports, and this number for the next.
    pub(super) fn holding(self, waiting: VecDeque<Report>, next: u64) -> Self {
        Self { waiting, next, ..self }
    }

    /// The number of the next report.
    pub(super) const fn next(&self) -> u64 {
        self.next
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
        self.waiting.push_back(Report::new(origin, content));
        self.next += 1;
        Ok(())
    }

    fn settle(&mut self, up_to: u64) {
        while self.waiting.front().is_some_and(|report| report.origin.sequence <= up_to) {
            self.waiting.pop_front();
        }
    }

    fn begin_anew(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation;
        self.next = 1;
        for report in &mut self.waiting {
            report.origin.incarnation = incarnation;
            report.origin.sequence = self.next;
            self.next += 1;
        }
    }

    fn recall(&self) -> &Memory {
        &self.memory
    }

    fn remember(&mut self, memory: Memory) {
        self.memory = memory;
    }

    fn keep(&mut self) -> Result<(), QueueError> {
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
        queue.settle(2);
        assert_eq!(numbers(&queue), [3]);
        queue.settle(9);
        queue.push(Timestamp::default(), nothing()).unwrap();
        assert_eq!(numbers(&queue), [4]);
    }

    #[test]
    fn a_new_life_counts_from_one_and_loses_nothing() {
        let mut queue = InMemory::new(life(1), 8);
        for _ in 0..3 {
            queue.push(Timestamp::default(), nothing()).unwrap();
        }
        queue.settle(1);
        queue.begin_anew(life(2));
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
        queue.settle(1);
        queue.push(Timestamp::default(), nothing()).unwrap();
        assert_eq!(numbers(&queue), [2, 3], "what was not kept has no number");
    }
}
