//! When a segment's events were recorded, kept for one event in 64: enough to look at few too many.
use domain::Timestamp;

/// Of how many events one time is kept.
pub(super) const BLOCK: u32 = 64;

/// The recorded times of a segment's events, which never fall.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Times {
    /// Of each block's first event, in microseconds.
    first: Vec<i64>,
    len: u32,
}

impl Times {
    pub(super) fn push(&mut self, time: Timestamp) {
        if self.len.is_multiple_of(BLOCK) {
            self.first.push(time.micros());
        }
        self.len += 1;
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// When the first event was recorded.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.first.first().copied().map(Timestamp::from_micros)
    }

    /// How many events were recorded at or before `time`: more than the first number (or none), at most the second.
    /// If there are any, the first number counts the event that is known to be early enough.
    pub(super) fn bracket(&self, time: Timestamp) -> (u32, u32) {
        let blocks = self.blocks(|first| first <= time.micros());
        match blocks.checked_sub(1) {
            None => (0, 0),
            Some(last) => (last * BLOCK + 1, self.end(blocks)),
        }
    }

    /// The events, by their offsets, that may have been recorded in `from..to`: all that were, and few others.
    pub(super) fn narrow(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> (u32, u32) {
        let low = from.map_or(0, |from| self.blocks(|first| first < from.micros()).saturating_sub(1) * BLOCK);
        let high = to.map_or(self.len, |to| self.end(self.blocks(|first| first < to.micros())));
        (low, high)
    }

    pub(super) fn as_micros(&self) -> &[i64] {
        &self.first
    }

    pub(super) const fn from_micros(first: Vec<i64>, len: u32) -> Self {
        Self { first, len }
    }

    fn blocks(&self, test: impl Fn(i64) -> bool) -> u32 {
        u32::try_from(self.first.partition_point(|first| test(*first))).unwrap_or(u32::MAX)
    }

    fn end(&self, blocks: u32) -> u32 {
        self.len.min(blocks.saturating_mul(BLOCK))
    }
}
