//! The ledger's file: the marks of agents up to a commit, and from which commit on the outcomes that are kept stand in
//! the log, so that a start need not look through all of it. Only a cache: one that does not fit is passed over.
use super::{
    Ledger,
    marks::{Mark, Marks},
};
use domain::{EventId, Incarnation, Position};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
struct FileV1 {
    commit: u64,
    position: u64,
    event: Option<Uuid>,
    outcomes_from: u64,
    /// Each node with its lives, the present one last.
    marks: Vec<(String, Vec<MarkV1>)>,
}

#[derive(Serialize, Deserialize)]
struct MarkV1 {
    incarnation: Uuid,
    sequence: u64,
    position: u64,
}

/// A ledger as its file has it.
pub(crate) struct Saved {
    pub(crate) ledger: Ledger,
    /// The last commit whose marks it has.
    pub(crate) commit: u64,
    /// The last position of that commit.
    pub(crate) position: Position,
    /// The event there.
    pub(crate) event: Option<EventId>,
    /// The commit from which on outcomes are to be read.
    pub(crate) outcomes_from: u64,
}

impl Saved {
    /// What is known where there is no file.
    pub(crate) fn nothing(secret: [u8; 32]) -> Self {
        let ledger = Ledger::new(secret);
        Self { ledger, commit: 0, position: Position::START, event: None, outcomes_from: 1 }
    }
}

impl Ledger {
    const MAGIC: &'static [u8; 8] = b"DKUBELG1";

    /// The file's bytes: a header, a keyed checksum, and the rest.
    pub(crate) fn to_file(&self, commit: u64, position: Position, event: Option<EventId>) -> Vec<u8> {
        let mark = |mark: &Mark| MarkV1 {
            incarnation: mark.incarnation.0,
            sequence: mark.sequence,
            position: mark.position.0,
        };
        let file = FileV1 {
            commit,
            position: position.0,
            event: event.map(|event| event.0),
            outcomes_from: self.outcomes.oldest_commit().unwrap_or(commit + 1),
            marks: self
                .marks
                .iter()
                .map(|(node, lives)| (node.as_str().to_owned(), lives.iter().map(mark).collect()))
                .collect(),
        };
        let body = postcard::to_allocvec(&file).expect("plain data always serialises");
        [&Self::MAGIC[..], blake3::keyed_hash(&self.secret, &body).as_bytes(), &body].concat()
    }

    /// The ledger in these bytes, if that is what they are.
    pub(crate) fn from_file(secret: [u8; 32], bytes: &[u8]) -> Option<Saved> {
        let (checksum, body) = bytes.strip_prefix(Self::MAGIC)?.split_first_chunk::<32>()?;
        if blake3::keyed_hash(&secret, body) != *checksum {
            return None;
        }
        let (file, rest) = postcard::take_from_bytes::<FileV1>(body).ok()?;
        let mut marks = Marks::default();
        for (node, lives) in file.marks {
            let mark = |mark: MarkV1| Mark {
                incarnation: Incarnation(mark.incarnation),
                sequence: mark.sequence,
                position: Position(mark.position),
            };
            marks.restore(node.parse().ok()?, lives.into_iter().map(mark).collect())?;
        }
        let sane = rest.is_empty() && (1..=file.commit.checked_add(1)?).contains(&file.outcomes_from);
        sane.then_some(Saved {
            ledger: Self { marks, ..Self::new(secret) },
            commit: file.commit,
            position: Position(file.position),
            event: file.event.map(EventId),
            outcomes_from: file.outcomes_from,
        })
    }
}
