//! One stored piece: what it is of, its payload, and a checksum over both.
//!
//! ```text
//! magic 8 · kind 1 · version 4 · fold 8 · log 16 · position 8 · root 32 · payload length 8 · payload · CRC32C 4
//! ```
//! Numbers are little-endian. The checksum covers all before it.
use crate::source::{Events, Root, SourceError};
use domain::{ClusterId, Position};
use std::sync::Arc;
use uuid::Uuid;

const MAGIC: [u8; 8] = *b"DKSNAP\r\n";
const HEAD: usize = 8 + 1 + 4 + 8 + 16 + 8 + 32 + 8;
const SUM: usize = 4;

/// What a piece holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A state.
    State,
    /// A full segment of the audit index.
    Audit,
}

/// A piece can't be made, or can't be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum PieceError {
    #[error("its bytes are damaged: {0}")]
    Damaged(&'static str),
    #[error("it is of another log")]
    OtherLog,
    #[error("it was made by another version of the program")]
    OtherMaker,
    #[error("the log has other events before its position")]
    OtherHistory,
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error("it can't be read or written")]
    Cause(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl PieceError {
    pub(crate) fn cause(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Cause(Arc::new(cause))
    }

    /// Whether it will be no better another time.
    pub(crate) const fn lasts(&self) -> bool {
        match self {
            Self::Damaged(_) | Self::OtherLog | Self::OtherMaker | Self::OtherHistory => true,
            Self::Source(_) | Self::Cause(_) => false,
        }
    }
}

/// A piece whose head agrees with the log and the program.
#[derive(Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) payload: &'a [u8],
}

impl Kind {
    /// The name of the piece of this kind that ends at a position.
    pub(crate) fn name(self, at: Position) -> String {
        format!("{}-{:020}.snap", self.word(), at.0)
    }

    /// The position in such a name.
    pub(crate) fn position(self, name: &str) -> Option<Position> {
        let digits = name.strip_prefix(self.word())?.strip_prefix('-')?.strip_suffix(".snap")?;
        let at = digits.parse().ok().map(Position)?;
        (self.name(at) == name).then_some(at)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Audit => "audit",
        }
    }

    const fn code(self) -> u8 {
        match self {
            Self::State => 1,
            Self::Audit => 2,
        }
    }
}

impl<'a> Piece<'a> {
    /// The bytes of a piece.
    pub(crate) fn seal(kind: Kind, log: ClusterId, at: Position, root: &Root, payload: &[u8]) -> Vec<u8> {
        let (version, fold) = kind.maker();
        let mut bytes = Vec::with_capacity(HEAD + payload.len() + SUM);
        bytes.extend(MAGIC);
        bytes.push(kind.code());
        bytes.extend(version.to_le_bytes());
        bytes.extend(fold.to_le_bytes());
        bytes.extend(log.0.as_bytes());
        bytes.extend(at.0.to_le_bytes());
        bytes.extend(root);
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(payload);
        let sum = crc32c::crc32c(&bytes);
        bytes.extend(sum.to_le_bytes());
        bytes
    }

    /// The piece in these bytes, if it is of this kind, this log, this position and this program.
    ///
    /// # Errors
    /// It is not, or is damaged; or the log can't tell.
    pub(crate) fn open(bytes: &'a [u8], kind: Kind, at: Position, events: &dyn Events) -> Result<Self, PieceError> {
        let (covered, sum) = bytes.split_last_chunk::<SUM>().ok_or(PieceError::Damaged("it is too short"))?;
        if crc32c::crc32c(covered) != u32::from_le_bytes(*sum) {
            return Err(PieceError::Damaged("its checksum differs"));
        }
        let mut head = Head(covered);
        if head.take::<8>()? != MAGIC || head.take::<1>()? != [kind.code()] {
            return Err(PieceError::Damaged("it is not such a piece"));
        }
        let maker = (u32::from_le_bytes(head.take()?), u64::from_le_bytes(head.take()?));
        let log = ClusterId(Uuid::from_bytes(head.take()?));
        let position = Position(u64::from_le_bytes(head.take()?));
        let root: Root = head.take()?;
        let length = u64::from_le_bytes(head.take()?);
        if position != at || length != head.0.len() as u64 {
            return Err(PieceError::Damaged("its name or length differs"));
        }
        if maker != kind.maker() {
            return Err(PieceError::OtherMaker);
        }
        if log != events.log() {
            return Err(PieceError::OtherLog);
        }
        if root != events.root(at)? {
            return Err(PieceError::OtherHistory);
        }
        Ok(Self { payload: head.0 })
    }
}

/// What is left of a head.
struct Head<'a>(&'a [u8]);

impl Head<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], PieceError> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(PieceError::Damaged("it is too short"))?;
        self.0 = rest;
        Ok(*taken)
    }
}
