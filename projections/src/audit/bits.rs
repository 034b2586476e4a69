//! A set of a segment's events, a bit for each.
use super::SEGMENT;

const WORDS: usize = SEGMENT as usize / 64;

/// Offsets in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bits(Box<[u64; WORDS]>);

impl Default for Bits {
    fn default() -> Self {
        Self(Box::new([0; WORDS]))
    }
}

impl Bits {
    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn fill(&mut self) {
        self.0.fill(u64::MAX);
    }

    pub(super) fn insert(&mut self, offset: u16) {
        self.0[usize::from(offset) / 64] |= 1 << (offset % 64);
    }

    #[cfg(test)]
    pub(super) fn contains(&self, offset: u16) -> bool {
        self.0[usize::from(offset) / 64] & 1 << (offset % 64) != 0
    }

    /// Joins in a bitmap of 16-bit words, the lowest first.
    pub(super) fn join_halves(&mut self, halves: &[u16]) {
        for (word, four) in self.0.iter_mut().zip(halves.as_chunks::<4>().0) {
            *word |= four.iter().rev().fold(0, |word, half| word << 16 | u64::from(*half));
        }
    }

    /// The bits as 16-bit words, the lowest first.
    pub(super) fn halves(&self) -> impl Iterator<Item = u16> {
        self.0.iter().flat_map(|word| {
            let bytes = word.to_le_bytes();
            [0, 2, 4, 6].map(|at| u16::from_le_bytes([bytes[at], bytes[at + 1]]))
        })
    }

    pub(super) fn intersect(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(other.0.iter()) {
            *word &= other;
        }
    }

    /// The lowest offset of at least `from`.
    pub(super) fn first_from(&self, from: u32) -> Option<u32> {
        let start = from as usize / 64;
        let head = self.0.get(start)? & (u64::MAX << (from % 64));
        let words = std::iter::once(head).chain(self.0[start + 1..].iter().copied());
        let (at, word) = words.enumerate().find(|(_, word)| *word != 0)?;
        u32::try_from((start + at) * 64).ok().map(|base| base + word.trailing_zeros())
    }

    /// The highest offset below `below`.
    pub(super) fn last_below(&self, below: u32) -> Option<u32> {
        let last = below.min(SEGMENT).checked_sub(1)?;
        let end = last as usize / 64;
        let tail = self.0[end] & (u64::MAX >> (63 - last % 64));
        let words = std::iter::once((end, tail)).chain(self.0[..end].iter().copied().enumerate().rev());
        let (at, word) = words.into_iter().find(|(_, word)| *word != 0)?;
        u32::try_from(at * 64).ok().map(|base| base + 63 - word.leading_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_as_a_sorted_set(set in prop::collection::btree_set(any::<u16>(), 0..200), at in 0..=SEGMENT) {
            let mut bits = Bits::default();
            for offset in &set {
                bits.insert(*offset);
            }
            let wide: BTreeSet<u32> = set.iter().map(|offset| u32::from(*offset)).collect();
            prop_assert_eq!(bits.first_from(at), wide.range(at..).next().copied());
            prop_assert_eq!(bits.last_below(at), wide.range(..at).next_back().copied());
            for offset in &wide {
                prop_assert_eq!(bits.first_from(*offset), Some(*offset));
                prop_assert_eq!(bits.last_below(*offset + 1), Some(*offset));
            }
        }
    }

    #[test]
    fn halves_are_the_same_bits() {
        let mut halves = [0u16; SEGMENT as usize / 16];
        halves[0] = 1;
        halves[5] = 1 << 15;
        halves[4095] = 1 << 3;
        let mut bits = Bits::default();
        bits.join_halves(&halves);
        for offset in [0, 5 * 16 + 15, 4095 * 16 + 3] {
            assert!(bits.contains(offset));
        }
        assert_eq!(bits.first_from(1), Some(95));
    }
}
