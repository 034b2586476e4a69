//! A full segment, which never changes again: its terms in order, each with the events that have it.
use super::{SEGMENT, bits::Bits, columns::Columns, term::Term, times, times::Times};

/// A term in more events than this is kept as a bitmap.
const LIST_MAX: usize = 2048;
/// The 16-bit words of a bitmap. No list is as long, so the length tells which it is.
const BITMAP: usize = SEGMENT as usize / 16;

/// 65,536 events by their terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The terms that occur, ascending.
    terms: Vec<Term>,
    /// Where in `events` each term's part ends.
    ends: Vec<u32>,
    /// For each term a list of offsets, ascending, or a bitmap.
    events: Vec<u16>,
    times: Times,
}

/// The term and the offset that were put together for sorting.
#[expect(clippy::cast_possible_truncation, reason = "48 bits are used, and taken apart")]
const fn split(pair: u64) -> (Term, u16) {
    ((pair >> 16) as Term, pair as u16)
}

/// The bytes are not a segment's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the piece's {0} don't fit together")]
pub(crate) struct SegmentError(&'static str);

impl Segment {
    /// Brings a full segment into its last form.
    pub(super) fn seal(full: &Columns) -> Self {
        let mut pairs: Vec<u64> =
            full.pairs().map(|(term, offset)| u64::from(term) << 16 | u64::from(offset)).collect();
        pairs.sort_unstable();
        let mut sealed =
            Self { terms: vec![], ends: vec![], events: Vec::with_capacity(pairs.len()), times: full.times().clone() };
        let mut bits = Bits::default();
        for same in pairs.chunk_by(|a, b| a >> 16 == b >> 16) {
            sealed.terms.push(split(same[0]).0);
            if same.len() > LIST_MAX {
                bits.clear();
                for pair in same {
                    bits.insert(split(*pair).1);
                }
                sealed.events.extend(bits.halves());
            } else {
                sealed.events.extend(same.iter().map(|pair| split(*pair).1));
            }
            sealed.ends.push(u32::try_from(sealed.events.len()).unwrap_or(u32::MAX));
        }
        sealed.events.shrink_to_fit();
        sealed
    }

    pub(super) const fn times(&self) -> &Times {
        &self.times
    }

    /// Joins in the events with any of these terms; whether there are any.
    pub(super) fn join(&self, any: &[Term], into: &mut Bits) -> bool {
        let mut found = false;
        for events in any.iter().filter_map(|term| self.events_of(*term)) {
            if events.len() == BITMAP {
                into.join_halves(events);
            } else {
                for offset in events {
                    into.insert(*offset);
                }
            }
            found = true;
        }
        found
    }

    /// Whether any event may have one of these terms.
    pub(super) fn has(&self, any: &[Term]) -> bool {
        any.iter().any(|term| self.terms.binary_search(term).is_ok())
    }

    fn events_of(&self, term: Term) -> Option<&[u16]> {
        let at = self.terms.binary_search(&term).ok()?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.events.get(start..self.ends[at] as usize)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.terms)
            + size_of_val(&*self.ends)
            + size_of_val(&*self.events)
            + size_of_val(self.times.as_micros())
    }

    /// Its bytes, for a file: two counts, then the columns, all little-endian.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let times = self.times.as_micros();
        let mut out = Vec::with_capacity(8 + times.len() * 8 + self.terms.len() * 8 + self.events.len() * 2);
        for count in [self.terms.len(), self.events.len()] {
            out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        }
        out.extend(times.iter().flat_map(|time| time.to_le_bytes()));
        out.extend(self.terms.iter().flat_map(|term| term.to_le_bytes()));
        out.extend(self.ends.iter().flat_map(|end| end.to_le_bytes()));
        out.extend(self.events.iter().flat_map(|offset| offset.to_le_bytes()));
        out
    }

    /// What [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// The bytes are something else: nothing in them can make a search go wrong later.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, SegmentError> {
        let bad = SegmentError("lengths");
        let (counts, rest) = bytes.split_first_chunk::<8>().ok_or(bad)?;
        let terms = u32::from_le_bytes([counts[0], counts[1], counts[2], counts[3]]) as usize;
        let events = u32::from_le_bytes([counts[4], counts[5], counts[6], counts[7]]) as usize;
        let blocks = (SEGMENT / times::BLOCK) as usize;
        let (first, rest) = rest.split_at_checked(blocks * 8).ok_or(bad)?;
        let (term_bytes, rest) = rest.split_at_checked(terms * 4).ok_or(bad)?;
        let (end_bytes, event_bytes) = rest.split_at_checked(terms * 4).ok_or(bad)?;
        if event_bytes.len() != events * 2 {
            return Err(bad);
        }
        let first = first.as_chunks().0.iter().map(|time| i64::from_le_bytes(*time)).collect();
        let segment = Self {
            terms: term_bytes.as_chunks().0.iter().map(|term| u32::from_le_bytes(*term)).collect(),
            ends: end_bytes.as_chunks().0.iter().map(|end| u32::from_le_bytes(*end)).collect(),
            events: event_bytes.as_chunks().0.iter().map(|offset| u16::from_le_bytes(*offset)).collect(),
            times: Times::from_micros(first, SEGMENT),
        };
        segment.check()
    }

    fn check(self) -> Result<Self, SegmentError> {
        if !self.terms.is_sorted_by(|a, b| a < b) {
            return Err(SegmentError("terms"));
        }
        let last = self.ends.last().map_or(0, |end| *end as usize);
        if !self.ends.is_sorted_by(|a, b| a < b) || last != self.events.len() {
            return Err(SegmentError("ends"));
        }
        if !self.times.as_micros().is_sorted() {
            return Err(SegmentError("times"));
        }
        Ok(self)
    }
}
