//! Terms: what an event is found by, as 32-bit hashes that are the same in every process and release.
use domain::{Actor, Recorded, Subject};
use uuid::Uuid;

/// A hashed type, actor or subject.
pub(super) type Term = u32;

const TYPE: u64 = 1;
const ACTOR: u64 = 2;
const SUBJECT: u64 = 3;

/// Every term of an event.
pub(super) fn of(recorded: &Recorded) -> impl Iterator<Item = Term> {
    let subjects = recorded.subjects.iter().map(of_subject);
    [of_type(recorded.event.name()), of_actor(&recorded.actor)].into_iter().chain(subjects)
}

pub(super) fn of_type(name: &str) -> Term {
    text(TYPE, name)
}

pub(super) fn of_actor(actor: &Actor) -> Term {
    match actor {
        Actor::System => text(ACTOR, ""),
        Actor::User(id) => uuid(ACTOR | 1 << 8, id.0),
        Actor::Agent(node) => text(ACTOR | 2 << 8, node.as_str()),
    }
}

pub(super) fn of_subject(subject: &Subject) -> Term {
    match subject {
        Subject::Cluster => text(SUBJECT, ""),
        Subject::Pool(name) => text(SUBJECT | 1 << 8, name.as_str()),
        Subject::Group(name) => text(SUBJECT | 2 << 8, name.as_str()),
        Subject::User(id) => uuid(SUBJECT | 3 << 8, id.0),
        Subject::Node(name) => text(SUBJECT | 4 << 8, name.as_str()),
        Subject::Device(id) => uuid(SUBJECT | 5 << 8, id.uuid()),
        Subject::Job(id) => uuid(SUBJECT | 6 << 8, id.0),
        Subject::Token(id) => uuid(SUBJECT | 7 << 8, id.0),
        Subject::HealthPolicy => text(SUBJECT | 8 << 8, ""),
        Subject::License => text(SUBJECT | 9 << 8, ""),
        Subject::Backend => text(SUBJECT | 10 << 8, ""),
    }
}

fn uuid(kind: u64, id: Uuid) -> Term {
    let (high, low) = id.as_u64_pair();
    finish(mix(mix(kind, high), low))
}

fn text(kind: u64, text: &str) -> Term {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let hash = words.iter().fold(mix(kind, text.len() as u64), |hash, word| mix(hash, u64::from_le_bytes(*word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    finish(mix(hash, u64::from_le_bytes(last)))
}

/// A folded multiplication, as wyhash and its kin mix.
const fn mix(hash: u64, word: u64) -> u64 {
    let product = ((hash ^ 0xa076_1d64_78bd_642f) as u128).wrapping_mul((word ^ 0xe703_7ed1_a0b4_28db) as u128);
    low(product) ^ low(product >> 64) ^ hash.rotate_left(32)
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
const fn low(number: u128) -> u64 {
    number as u64
}

const fn finish(hash: u64) -> Term {
    (mix(hash, 0x8ebc_6af0_9c88_c6e3) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::UserId;
    use std::collections::HashSet;

    /// Stored pieces hold these numbers: a change of one needs another `Audit::VERSION`.
    #[test]
    fn terms_never_change() {
        let id = UserId(Uuid::from_u128(0x0123_4567_89ab_cdef_0011_2233_4455_6677));
        let terms = [
            of_type("PoolCreated"),
            of_actor(&Actor::System),
            of_actor(&Actor::User(id)),
            of_subject(&Subject::User(id)),
            of_subject(&Subject::Pool("vision".parse().unwrap())),
            of_subject(&Subject::Group("vision".parse().unwrap())),
        ];
        assert_eq!(terms, GOLDEN);
    }

    const GOLDEN: [Term; 6] = [1_871_726_115, 2_088_335_991, 3_683_395_164, 3_408_627_344, 532_179_478, 76_600_499];

    #[test]
    fn near_names_do_not_collide() {
        let ids = (0..100_000u128).map(|n| of_subject(&Subject::User(UserId(Uuid::from_u128(n << 16 | 0x8000)))));
        let names = (0..100_000).map(|n| text(TYPE, &format!("node-{n:05}")));
        // Among 200,000 random 32-bit numbers some 5 pairs are equal.
        let distinct: HashSet<Term> = ids.chain(names).collect();
        assert!(distinct.len() > 200_000 - 30, "{}", distinct.len());
    }
}
