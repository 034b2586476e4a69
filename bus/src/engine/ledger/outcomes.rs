//! The outcomes of commands that bore an idempotency key: kept for a day, so many of each actor and so much of all.
use super::super::outcome::Kept;
use domain::Timestamp;
use std::collections::{HashMap, VecDeque};

/// How long an outcome is kept, in seconds.
pub const KEPT_SECONDS: i64 = 24 * 3600;

/// How much is kept at a time. Past a bound, commands with a new key are refused until the oldest outcome expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeBounds {
    /// The most outcomes of one actor.
    pub actor_count: usize,
    /// The most memory that one actor's take, in bytes. The last one may go past it by its own size.
    pub actor_bytes: usize,
    /// The most memory that all take together, in bytes. The last one may go past it by its own size.
    pub bytes: usize,
}

impl Default for OutcomeBounds {
    /// One actor gets a sixteenth of the whole: enough for a command every two seconds, all day.
    fn default() -> Self {
        Self { actor_count: 50_000, actor_bytes: 16 << 20, bytes: 256 << 20 }
    }
}

/// A keyed hash of an actor and their idempotency key.
pub(crate) type KeyHash = [u8; 16];
/// A keyed hash of the request that the key came with.
pub(crate) type Fingerprint = [u8; 16];
/// A keyed hash of an actor. Two that collide share a bound, and nothing else.
pub(crate) type ActorHash = [u8; 8];

/// One outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) actor: ActorHash,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) decided_at: Timestamp,
    /// As [`Kept::to_bytes`] gives it: less memory, and a size that is known.
    pub(crate) kept: Box<[u8]>,
}

impl Entry {
    /// What an outcome takes in memory besides what it says: its places in the map and the queues, and their slack.
    const OVERHEAD: usize = 256;

    const fn bytes(&self) -> usize {
        Self::OVERHEAD + self.kept.len()
    }

    /// What is told again.
    pub(crate) fn kept(&self) -> Kept {
        Kept::from_bytes(&self.kept).expect("only what can be read is remembered")
    }
}

/// No more outcomes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// Whether it is the actor's own bound, and not the one of all.
    pub(crate) own: bool,
    /// In how many seconds the oldest expires: at least 1.
    pub(crate) seconds: u64,
}

/// An outcome's place in the order in which they expire.
#[derive(Debug)]
struct Place {
    decided_at: Timestamp,
    key: KeyHash,
    actor: ActorHash,
    /// The commit that it stands in.
    commit: u64,
}

/// What is kept of one actor.
#[derive(Debug, Default)]
struct Share {
    /// When each was decided, in the order of their places.
    decided: VecDeque<Timestamp>,
    bytes: usize,
}

/// All that are kept.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    entries: HashMap<KeyHash, Entry>,
    order: VecDeque<Place>,
    shares: HashMap<ActorHash, Share>,
    bytes: usize,
}

impl Outcomes {
    pub(super) fn get(&self, key: &KeyHash, now: Timestamp) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| now < expiry(entry.decided_at))
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether one more of this actor may be kept.
    pub(super) fn room(&self, bounds: &OutcomeBounds, actor: ActorHash, now: Timestamp) -> Result<(), Full> {
        let full = |own, oldest: Option<Timestamp>| {
            let micros = oldest.map_or(0, |oldest| expiry(oldest).micros() - now.micros());
            Err(Full { own, seconds: u64::try_from(micros).unwrap_or_default().div_ceil(1_000_000).max(1) })
        };
        if let Some(share) = self.shares.get(&actor)
            && (share.decided.len() >= bounds.actor_count || share.bytes >= bounds.actor_bytes)
        {
            return full(true, share.decided.front().copied());
        }
        if self.bytes >= bounds.bytes {
            return full(false, self.order.front().map(|place| place.decided_at));
        }
        Ok(())
    }

    /// Remembers an outcome of a commit that is no earlier than those before.
    pub(super) fn push(&mut self, key: KeyHash, entry: Entry, commit: u64) {
        let (actor, decided_at) = (entry.actor, entry.decided_at);
        self.order.push_back(Place { decided_at, key, actor, commit });
        let share = self.shares.entry(actor).or_default();
        share.decided.push_back(decided_at);
        share.bytes += entry.bytes();
        self.bytes += entry.bytes();
        if let Some(replaced) = self.entries.insert(key, entry) {
            self.give_back(&replaced);
        }
    }

    /// Forgets what has expired, and what a clock that was far ahead has dated: it would hold up all that follows.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while let Some(Place { decided_at, key, actor, .. }) =
            self.order.pop_front_if(|place| now >= expiry(place.decided_at) || place.decided_at > expiry(now))
        {
            // A key that was used again after it expired has a younger entry, which stays.
            if self.entries.get(&key).is_some_and(|entry| entry.decided_at == decided_at)
                && let Some(expired) = self.entries.remove(&key)
            {
                self.give_back(&expired);
            }
            if let Some(share) = self.shares.get_mut(&actor) {
                share.decided.pop_front();
                if share.decided.is_empty() {
                    self.shares.remove(&actor);
                }
            }
        }
    }

    /// The commit of the oldest.
    pub(super) fn oldest_commit(&self) -> Option<u64> {
        self.order.front().map(|place| place.commit)
    }

    fn give_back(&mut self, gone: &Entry) {
        self.bytes -= gone.bytes();
        if let Some(share) = self.shares.get_mut(&gone.actor) {
            share.bytes -= gone.bytes();
        }
    }
}

const fn expiry(decided_at: Timestamp) -> Timestamp {
    decided_at.plus_seconds(KEPT_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Kind, Refusal};

    const BOUNDS: OutcomeBounds = OutcomeBounds { actor_count: 3, actor_bytes: 4000, bytes: 8000 };

    fn key(n: u8) -> KeyHash {
        [n; 16]
    }

    fn entry(actor: u8, seconds: i64, text: usize) -> Entry {
        let refusal = Refusal {
            kind: Kind::Conflict,
            code: "pool.busy".to_owned(),
            detail: "x".repeat(text),
            refs: vec![],
            unknown_login: None,
            shortage: None,
        };
        let kept = Kept::Refused(refusal).to_bytes().into();
        Entry { actor: [actor; 8], fingerprint: [0; 16], decided_at: Timestamp::default().plus_seconds(seconds), kept }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::default().plus_seconds(seconds)
    }

    #[test]
    fn one_who_keeps_too_many_waits_for_their_own_oldest_and_others_go_on() {
        let mut outcomes = Outcomes::default();
        outcomes.push(key(0), entry(2, 0, 1), 1);
        for n in 1..=3 {
            assert_eq!(outcomes.room(&BOUNDS, [1; 8], at(10)), Ok(()));
            outcomes.push(key(n), entry(1, 10 * i64::from(n), 1), u64::from(n));
        }
        let full = Full { own: true, seconds: 24 * 3600 - 20 };
        assert_eq!(outcomes.room(&BOUNDS, [1; 8], at(30)), Err(full));
        assert_eq!(outcomes.room(&BOUNDS, [2; 8], at(30)), Ok(()));
        outcomes.expire(at(24 * 3600 + 9));
        assert!(outcomes.room(&BOUNDS, [1; 8], at(24 * 3600 + 9)).is_err());
        outcomes.expire(at(24 * 3600 + 10));
        assert_eq!(outcomes.room(&BOUNDS, [1; 8], at(24 * 3600 + 10)), Ok(()));
        assert_eq!(outcomes.oldest_commit(), Some(2));
    }

    #[test]
    fn few_large_ones_are_too_many_as_well() {
        let mut outcomes = Outcomes::default();
        outcomes.push(key(1), entry(1, 0, 4000), 1);
        assert_eq!(outcomes.room(&BOUNDS, [1; 8], at(0)), Err(Full { own: true, seconds: 24 * 3600 }));
        outcomes.push(key(2), entry(2, 5, 4000), 1);
        assert_eq!(outcomes.room(&BOUNDS, [3; 8], at(6)), Err(Full { own: false, seconds: 24 * 3600 - 6 }));
    }

    #[test]
    fn what_is_counted_is_given_back() {
        let mut outcomes = Outcomes::default();
        // A clock that went back leaves expired ones behind a younger one, and their keys are used again.
        outcomes.push(key(1), entry(1, 100, 5), 1);
        outcomes.push(key(2), entry(1, 0, 5), 1);
        outcomes.push(key(2), entry(1, 24 * 3600 + 1, 7), 2);
        assert_eq!(outcomes.bytes, entry(1, 0, 5).bytes() + entry(1, 0, 7).bytes());
        outcomes.expire(at(24 * 3600 + 100));
        assert_eq!((outcomes.len(), outcomes.bytes), (1, entry(1, 0, 7).bytes()));
        assert!(outcomes.get(&key(2), at(24 * 3600 + 100)).is_some());
        outcomes.expire(at(2 * 24 * 3600 + 1));
        assert_eq!((outcomes.len(), outcomes.bytes, outcomes.shares.len(), outcomes.entries.len()), (0, 0, 0, 0));
    }
}
