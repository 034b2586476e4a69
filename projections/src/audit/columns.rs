//! A segment that is still being filled: its terms in the order in which they came.
use super::{SEGMENT, bits::Bits, term, term::Term, times::Times};
use domain::Recorded;
use std::sync::Arc;

/// How many events one chunk holds: a copy of the segment shares all chunks but the last, and so costs little.
const CHUNK: u32 = 1024;
/// How many terms are looked at together.
const LOOK: usize = 32;

/// Chunks of terms and offsets; to find a term is to look at all of them, which are few enough.
#[derive(Debug, Clone, Default)]
pub(crate) struct Columns {
    chunks: Vec<Arc<Chunk>>,
    last: Chunk,
    times: Times,
}

/// Terms and offsets side by side.
#[derive(Debug, Clone, Default)]
struct Chunk {
    terms: Vec<Term>,
    offsets: Vec<u16>,
}

impl Columns {
    /// How many events it holds.
    pub(super) const fn len(&self) -> u32 {
        self.times.len()
    }

    pub(super) const fn times(&self) -> &Times {
        &self.times
    }

    /// Enters an event. The caller holds it below the size of a segment.
    pub(super) fn push(&mut self, recorded: &Recorded) {
        debug_assert!(self.len() < SEGMENT);
        self.last.push(recorded, u16::try_from(self.len()).unwrap_or(u16::MAX));
        self.times.push(recorded.recorded_at);
        if self.len().is_multiple_of(CHUNK) {
            let room = self.last.terms.len();
            let next = Chunk { terms: Vec::with_capacity(room), offsets: Vec::with_capacity(room) };
            self.chunks.push(Arc::new(std::mem::replace(&mut self.last, next)));
        }
    }

    /// Joins in the events with any of these terms; whether there are any.
    pub(super) fn join(&self, any: &[Term], into: &mut Bits) -> bool {
        let mut found = false;
        for chunk in self.chunks() {
            for term in any {
                found |= chunk.join(*term, into);
            }
        }
        found
    }

    /// Every term with the offset of an event that has it, by offset.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (Term, u16)> {
        self.chunks().flat_map(|chunk| chunk.terms.iter().copied().zip(chunk.offsets.iter().copied()))
    }

    pub(super) fn bytes(&self) -> usize {
        let chunks: usize = self.chunks().map(Chunk::bytes).sum();
        chunks + size_of_val(self.times.as_micros())
    }

    fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().map(|chunk| &**chunk).chain([&self.last])
    }
}

impl Chunk {
    fn push(&mut self, recorded: &Recorded, offset: u16) {
        let from = self.terms.len();
        for term in term::of(recorded) {
            // An event names few things, seldom twice: a term that it has already is not entered again.
            if !self.terms[from..].contains(&term) {
                self.terms.push(term);
            }
        }
        self.offsets.resize(self.terms.len(), offset);
    }

    fn join(&self, term: Term, into: &mut Bits) -> bool {
        let mut found = false;
        for (terms, offsets) in self.terms.chunks(LOOK).zip(self.offsets.chunks(LOOK)) {
            // Mostly there is none among so many, which takes few instructions to tell.
            if terms.iter().map(|other| u32::from(*other == term)).sum::<u32>() > 0 {
                let hits = terms.iter().zip(offsets).filter(|(other, _)| **other == term);
                hits.for_each(|(_, offset)| into.insert(*offset));
                found = true;
            }
        }
        found
    }

    fn bytes(&self) -> usize {
        self.terms.capacity() * size_of::<Term>() + self.offsets.capacity() * size_of::<u16>()
    }
}
