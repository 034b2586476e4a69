//! What the engine must remember besides the state: the outcomes of commands that bore an idempotency key, and the last
//! report that was taken of each agent. Both stand in the log, in the commits that they belong to.
use super::{Idempotency, outcome::Kept};
use crate::block::{Record, kind};
use domain::{Actor, EventId, Incarnation, NodeName, Origin, Position, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use uuid::Uuid;

/// How long an outcome is kept, in seconds.
pub const KEPT_SECONDS: i64 = 24 * 3600;

/// The most outcomes that are kept: past it, commands with a key are refused until the oldest expire.
pub const OUTCOMES_MAX: usize = 1_000_000;

/// A keyed hash of an actor and their idempotency key.
pub(super) type KeyHash = [u8; 16];
/// A keyed hash of the request that the key came with.
pub(super) type Fingerprint = [u8; 16];

/// One outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) fingerprint: Fingerprint,
    pub(super) decided_at: Timestamp,
    pub(super) kept: Kept,
}

/// The record of one outcome in the log. Frozen: a change is a new version.
#[derive(Serialize, Deserialize)]
struct OutcomeV1 {
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

/// The last report of a node that was taken, and the last position then: what tells the order of those that are told by
/// records and those that are told by events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    incarnation: Incarnation,
    sequence: u64,
    position: Position,
}

/// The engine's memory.
#[derive(Clone)]
pub(super) struct Ledger {
    secret: [u8; 32],
    outcomes: HashMap<KeyHash, Entry>,
    /// The keys in the order in which they expire.
    order: VecDeque<(Timestamp, KeyHash)>,
    marks: BTreeMap<NodeName, Mark>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger")
            .field("outcomes", &self.outcomes.len())
            .field("marks", &self.marks.len())
            .finish_non_exhaustive()
    }
}

/// What a report is, given what was taken before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// The next one.
    Next,
    /// One that was taken already.
    Repeat,
    /// Another than the next: the last that was taken is this one.
    Gap(u64),
}

impl Ledger {
    /// An empty one, whose hashes are keyed by this secret.
    pub(super) fn new(secret: [u8; 32]) -> Self {
        Self { secret, outcomes: HashMap::new(), order: VecDeque::new(), marks: BTreeMap::new() }
    }

    pub(super) fn hashes(&self, actor: &Actor, idempotency: &Idempotency) -> (KeyHash, Fingerprint) {
        let actor = actor.to_string();
        let length = (actor.len() as u64).to_le_bytes();
        let key = self.hash(&[b"key", &length, actor.as_bytes(), idempotency.key.as_bytes()]);
        (key, self.hash(&[b"request", &idempotency.request]))
    }

    fn hash(&self, parts: &[&[u8]]) -> [u8; 16] {
        let mut hasher = blake3::Hasher::new_keyed(&self.secret);
        for part in parts {
            hasher.update(part);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        short
    }

    pub(super) fn outcome(&self, key: &KeyHash, now: Timestamp) -> Option<&Entry> {
        self.outcomes.get(key).filter(|entry| now < entry.decided_at.plus_seconds(KEPT_SECONDS))
    }

    pub(super) fn is_full(&self) -> bool {
        self.outcomes.len() >= OUTCOMES_MAX
    }

    /// Remembers an outcome, and gives the record that keeps it.
    pub(super) fn keep(&mut self, key: KeyHash, entry: Entry) -> Record {
        let record = OutcomeV1 {
            key,
            fingerprint: entry.fingerprint,
            decided_at: entry.decided_at.micros(),
            kept: entry.kept.to_bytes(),
        };
        let bytes = postcard::to_allocvec(&record).expect("plain data always serialises");
        self.remember(key, entry);
        Record::new(kind::OUTCOME, bytes)
    }

    fn remember(&mut self, key: KeyHash, entry: Entry) {
        self.order.push_back((entry.decided_at, key));
        self.outcomes.insert(key, entry);
    }

    /// Forgets what has expired.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some((decided_at, key)) = self.order.front().copied() {
            if now < decided_at.plus_seconds(KEPT_SECONDS) {
                return;
            }
            self.order.pop_front();
            // A key that was used again after it expired has a younger entry, which stays.
            if self.outcomes.get(&key).is_some_and(|entry| entry.decided_at == decided_at) {
                self.outcomes.remove(&key);
            }
        }
    }

    /// Which report this is. One of a new incarnation is the next if it is number 1.
    pub(super) fn turn(&self, node: &NodeName, origin: &Origin) -> Turn {
        let last = match self.marks.get(node) {
            Some(mark) if mark.incarnation == origin.incarnation => mark.sequence,
            Some(_) | None => 0,
        };
        match origin.sequence {
            0 => Turn::Gap(last),
            sequence if sequence <= last => Turn::Repeat,
            sequence if sequence == last + 1 => Turn::Next,
            _ => Turn::Gap(last),
        }
    }

    /// Remembers that a report was taken; `position` is the last one with it.
    pub(super) fn mark(&mut self, node: &NodeName, origin: &Origin, position: Position) {
        let mark = Mark { incarnation: origin.incarnation, sequence: origin.sequence, position };
        self.marks.insert(node.clone(), mark);
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

    /// Takes in an event of the log, which may carry the origin of a report.
    pub(super) fn restore_origin(&mut self, actor: &Actor, origin: Option<&Origin>, position: Position) {
        if let (Actor::Agent(node), Some(origin)) = (actor, origin)
            && self.marks.get(node).is_none_or(|mark| mark.position < position)
        {
            self.mark(node, origin, position);
        }
    }

    fn restore_mark(&mut self, node: NodeName, mark: Mark) {
        // A record at a position was taken after the event at that position.
        if self.marks.get(&node).is_none_or(|known| known.position <= mark.position) {
            self.marks.insert(node, mark);
        }
    }

    /// Takes in a record of the log. None if it is not what was ever written.
    pub(super) fn restore(&mut self, record: &Record) -> Option<()> {
        match record.kind {
            kind::OUTCOME => {
                let (outcome, rest) = postcard::take_from_bytes::<OutcomeV1>(&record.bytes).ok()?;
                let decided_at = Timestamp::from_micros(outcome.decided_at);
                let kept = Kept::from_bytes(&outcome.kept)?;
                self.remember(outcome.key, Entry { fingerprint: outcome.fingerprint, decided_at, kept });
                // A long log has far more outcomes than are kept at a time.
                self.expire(decided_at);
                rest.is_empty().then_some(())
            }
            kind::MARK => {
                let (mark, rest) = postcard::take_from_bytes::<MarkV1<'_>>(&record.bytes).ok()?;
                let node = mark.node.parse().ok()?;
                let (incarnation, position) = (Incarnation(mark.incarnation), Position(mark.position));
                self.restore_mark(node, Mark { incarnation, sequence: mark.sequence, position });
                rest.is_empty().then_some(())
            }
            _ => None,
        }
    }
}

/// The ledger's file: everything up to a commit, so that a start need not look through the whole log. Only a cache of
/// the log: one that does not fit is passed over.
#[derive(Serialize, Deserialize)]
struct FileV1 {
    commit: u64,
    position: u64,
    event: Option<Uuid>,
    outcomes: Vec<OutcomeV1>,
    marks: Vec<(String, Uuid, u64, u64)>,
}

/// A ledger as its file has it.
pub(super) struct Saved {
    pub(super) ledger: Ledger,
    /// The last commit that it knows.
    pub(super) commit: u64,
    /// The last position of that commit.
    pub(super) position: Position,
    /// The event there.
    pub(super) event: Option<EventId>,
}

impl Ledger {
    const MAGIC: &'static [u8; 8] = b"DKUBELG1";

    /// The file's bytes: a header, a keyed checksum, and the rest.
    pub(super) fn to_file(&self, commit: u64, position: Position, event: Option<EventId>) -> Vec<u8> {
        let outcome = |(_, key): &(Timestamp, KeyHash)| {
            self.outcomes.get(key).map(|entry| OutcomeV1 {
                key: *key,
                fingerprint: entry.fingerprint,
                decided_at: entry.decided_at.micros(),
                kept: entry.kept.to_bytes(),
            })
        };
        let mark = |(node, mark): (&NodeName, &Mark)| {
            (node.as_str().to_owned(), mark.incarnation.0, mark.sequence, mark.position.0)
        };
        let file = FileV1 {
            commit,
            position: position.0,
            event: event.map(|event| event.0),
            outcomes: self.order.iter().filter_map(outcome).collect(),
            marks: self.marks.iter().map(mark).collect(),
        };
        let body = postcard::to_allocvec(&file).expect("plain data always serialises");
        [&Self::MAGIC[..], blake3::keyed_hash(&self.secret, &body).as_bytes(), &body].concat()
    }

    /// The ledger in these bytes, if that is what they are.
    pub(super) fn from_file(secret: [u8; 32], bytes: &[u8]) -> Option<Saved> {
        let (checksum, body) = bytes.strip_prefix(Self::MAGIC)?.split_first_chunk::<32>()?;
        if blake3::keyed_hash(&secret, body) != *checksum {
            return None;
        }
        let (file, rest) = postcard::take_from_bytes::<FileV1>(body).ok()?;
        let mut ledger = Self::new(secret);
        for outcome in file.outcomes {
            let decided_at = Timestamp::from_micros(outcome.decided_at);
            let kept = Kept::from_bytes(&outcome.kept)?;
            ledger.remember(outcome.key, Entry { fingerprint: outcome.fingerprint, decided_at, kept });
        }
        for (node, incarnation, sequence, position) in file.marks {
            let (incarnation, position) = (Incarnation(incarnation), Position(position));
            ledger.marks.insert(node.parse().ok()?, Mark { incarnation, sequence, position });
        }
        rest.is_empty().then_some(Saved {
            ledger,
            commit: file.commit,
            position: Position(file.position),
            event: file.event.map(EventId),
        })
    }
}
