//! The body: events, then records.
use super::{BODY_BYTES_MAX, Block, Header};

/// Bytes before an event's own.
pub(crate) const EVENT_PREFIX: usize = 2;
/// Bytes before a record's own.
pub(crate) const RECORD_PREFIX: usize = 3;

/// Events of a block with their positions.
#[derive(Debug, Clone)]
pub struct Events<'a> {
    pub(super) rest: &'a [u8],
    pub(super) next: u64,
}

impl<'a> Iterator for Events<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let event = take_sized(&mut self.rest)?;
        self.next += 1;
        Some((self.next - 1, event))
    }
}

pub(super) fn take_sized<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (size, after) = rest.split_first_chunk::<2>()?;
    let (bytes, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*size)))?;
    *rest = after;
    Some(bytes)
}

pub(super) fn take_record<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (kind, mut after) = rest.split_first()?;
    let bytes = take_sized(&mut after)?;
    *rest = after;
    Some((*kind, bytes))
}

/// Puts a body together: events first, then records.
#[derive(Debug, Default)]
pub(crate) struct BodyBuilder {
    body: Vec<u8>,
    events: u32,
    records: u32,
    records_at: usize,
}

impl BodyBuilder {
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { body: Vec::with_capacity(bytes), ..Self::default() }
    }

    pub(crate) fn event(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.records, 0, "events come before records");
        self.sized(bytes);
        self.events += 1;
        self.records_at = self.body.len();
    }

    pub(crate) fn record(&mut self, kind: u8, bytes: &[u8]) {
        self.body.push(kind);
        self.sized(bytes);
        self.records += 1;
    }

    fn sized(&mut self, bytes: &[u8]) {
        let size = u16::try_from(bytes.len()).expect("bounded when the commit was taken");
        self.body.extend_from_slice(&size.to_le_bytes());
        self.body.extend_from_slice(bytes);
    }

    /// The block of this body; `header` is asked for with the counts.
    pub(crate) fn finish(self, header: impl FnOnce(u32, u32) -> Header) -> Block {
        assert!(self.body.len() <= BODY_BYTES_MAX, "parts are planned to fit");
        Block { header: header(self.events, self.records), body: self.body.into(), records_at: self.records_at }
    }
}
