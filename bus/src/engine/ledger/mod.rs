//! What the engine must remember besides the state: the outcomes of commands that bore an idempotency key, and the last
//! reports that were taken of each agent. Both stand in the log, in the commits that they belong to.
mod file;
mod marks;
mod outcomes;

pub(super) use file::Saved;
pub(super) use marks::Turn;
pub(super) use outcomes::{Entry, Full};
pub use outcomes::{KEPT_SECONDS, OutcomeBounds};

use super::{Idempotency, outcome::Kept};
use crate::block::{Record, kind};
use domain::{Actor, Incarnation, NodeName, Origin, Position, Timestamp};
use marks::{Mark, Marks, Told};
use outcomes::{ActorHash, Fingerprint, KeyHash, Outcomes};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The record of one outcome in the log. Frozen: a change is a new version.
#[derive(Serialize, Deserialize)]
struct OutcomeV1 {
    /// Whose it is, so that their bound holds after a restart too.
    actor: ActorHash,
    key: KeyHash,
    fingerprint: Fingerprint,
    decided_at: i64,
    kept: Vec<u8>,
}

/// The record of a report that gave no event. Frozen.
#[derive(Serialize, Deserialize)]
struct MarkV1<'a> {
    node: &'a str,
    incarnation: Uuid,
    sequence: u64,
    /// The last position when it was taken.
    position: u64,
}

/// Keyed hashes of an actor, their key and what they sent with it: the log shows none of the three.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hashes {
    actor: ActorHash,
    key: KeyHash,
    pub(super) fingerprint: Fingerprint,
}

/// The engine's memory.
pub(super) struct Ledger {
    secret: [u8; 32],
    bounds: OutcomeBounds,
    outcomes: Outcomes,
    marks: Marks,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("outcomes", &self.outcomes.len())
            .field("marks", &self.marks.len())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// An empty one, whose hashes are keyed by this secret.
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret, bounds: OutcomeBounds::default(), outcomes: Outcomes::default(), marks: Marks::default() }
    }

    /// The same with other bounds.
    pub(super) fn within(self, bounds: OutcomeBounds) -> Self {
        Self { bounds, ..self }
    }

    pub(super) fn hashes(&self, actor: &Actor, idempotency: &Idempotency) -> Hashes {
        let actor = actor.to_string();
        let length = (actor.len() as u64).to_le_bytes();
        Hashes {
            actor: self.hash(&[b"actor", actor.as_bytes()]),
            key: self.hash(&[b"key", &length, actor.as_bytes(), idempotency.key.as_bytes()]),
            fingerprint: self.hash(&[b"request", &idempotency.request]),
        }
    }

    fn hash<const N: usize>(&self, parts: &[&[u8]]) -> [u8; N] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        for part in parts {
            hasher.update(part);
        }
        let mut short = [0; N];
        hasher.finalize_xof().fill(&mut short);
        short
    }

    pub(super) fn outcome(&self, hashes: &Hashes, now: Timestamp) -> Option<&Entry> {
        self.outcomes.get(&hashes.key, now)
    }

    /// Whether one more outcome of this actor may be kept.
    ///
    /// # Errors
    /// Which bound is reached, and until when.
    pub(super) fn room(&self, hashes: &Hashes, now: Timestamp) -> Result<(), Full> {
        self.outcomes.room(&self.bounds, hashes.actor, now)
    }

    /// Remembers an outcome that will stand in this commit, and gives the record that keeps it.
    pub(super) fn keep(&mut self, hashes: Hashes, decided_at: Timestamp, kept: &Kept, commit: u64) -> Record {
        let Hashes { actor, key, fingerprint } = hashes;
        let kept = kept.to_bytes();
        let record = OutcomeV1 { actor, key, fingerprint, decided_at: decided_at.micros(), kept: kept.clone() };
        let bytes = postcard::to_allocvec(&record).expect("plain data always serialises");
        self.outcomes.push(key, Entry { actor, fingerprint, decided_at, kept: kept.into() }, commit);
        Record::new(kind::OUTCOME, bytes)
    }

    /// Forgets outcomes that have expired.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.outcomes.expire(now);
    }

    /// Which report this is.
    pub(super) fn turn(&self, node: &NodeName, origin: &Origin) -> Turn {
        self.marks.turn(node, origin)
    }

    /// Remembers that a report was taken; `position` is the last one with it.
    pub(super) fn mark(&mut self, node: &NodeName, origin: &Origin, position: Position) {
        // What is taken now is the latest, whatever tells of it later.
        self.marks.take(node, Mark::of(origin, position), Told::ByRecord);
    }

    /// The record of a report that gave no event to carry its origin.
    pub(super) fn mark_record(node: &NodeName, origin: &Origin, position: Position) -> Record {
        let mark = MarkV1 {
            node: node.as_str(),
            incarnation: origin.incarnation.0,
            sequence: origin.sequence,
            position: position.0,
        };
        Record::new(kind::MARK, postcard::to_allocvec(&mark).expect("plain data always serialises"))
    }

    /// Takes in an event of the log, which may carry the origin of a report. Events come in their order.
    pub(super) fn restore_origin(&mut self, actor: &Actor, origin: Option<&Origin>, position: Position) {
        if let (Actor::Agent(node), Some(origin)) = (actor, origin) {
            self.marks.take(node, Mark::of(origin, position), Told::ByEvent);
        }
    }

    /// Takes in a record of a commit of the log. Records come in their order. None if it is not what was ever written.
    pub(super) fn restore(&mut self, commit: u64, record: &Record) -> Option<()> {
        match record.kind {
            kind::OUTCOME => {
                let (outcome, rest) = postcard::take_from_bytes::<OutcomeV1>(&record.bytes).ok()?;
                let OutcomeV1 { actor, key, fingerprint, decided_at, kept } = outcome;
                Kept::from_bytes(&kept)?;
                let decided_at = Timestamp::from_micros(decided_at);
                self.outcomes.push(key, Entry { actor, fingerprint, decided_at, kept: kept.into() }, commit);
                // A long log has far more outcomes than are kept at a time.
                self.outcomes.expire(decided_at);
                rest.is_empty().then_some(())
            }
            kind::MARK => {
                let (mark, rest) = postcard::take_from_bytes::<MarkV1<'_>>(&record.bytes).ok()?;
                let (incarnation, position) = (Incarnation(mark.incarnation), Position(mark.position));
                let taken = Mark { incarnation, sequence: mark.sequence, position };
                self.marks.take(&mark.node.parse().ok()?, taken, Told::ByRecord);
                rest.is_empty().then_some(())
            }
            _ => None,
        }
    }
}
