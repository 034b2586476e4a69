use super::*;
use crate::testing::{LOG, Log, count, folded, history, steps, told};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_state_comes_back_as_it_was(steps in steps(100)) {
        let events = told(&steps);
        let log = Log::new(&events);
        let state = folded(&log.all());
        let bytes = pack(&state, &*log.vault).unwrap();
        prop_assert_eq!(unpack(&bytes, &*log.vault).unwrap(), state);
    }

    /// Whatever is thrown at it, it refuses and does not panic.
    #[test]
    fn no_bytes_are_taken_for_a_state(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let log = Log::new(&[]);
        prop_assert!(Piece::open(&bytes, Kind::State, Position(1), &*log).is_err());
        drop(unpack(&bytes, &*log.vault));
    }

    #[test]
    fn a_damaged_payload_never_panics(at in any::<prop::sample::Index>(), bit in 0..8u32) {
        let log = Log::new(&history(2, 120));
        let mut bytes = pack(&folded(&log.all()), &*log.vault).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        drop(unpack(&bytes, &*log.vault));
    }
}

/// A snapshot from before an erasure tells nothing of who was erased since, as the log itself does.
#[test]
fn who_was_erased_is_erased_in_old_snapshots() {
    let events = history(21, 500);
    let log = Log::new(&events);
    let erased = events.iter().filter_map(|recorded| match recorded.event {
        domain::Event::User(domain::user::Event::Erased { user }) => Some((user, recorded.position)),
        _ => None,
    });
    let (user, at) = erased.into_iter().next().expect("somebody is erased in this history");
    let before = folded(&log.all()[..count(at) - 1]);
    let called = before.names().last_login(user).unwrap().clone();
    assert!(!called.as_str().starts_with("erased-"));
    let bytes = pack(&before, &*log.vault).unwrap();

    log.vault.erase(user);
    let loaded = unpack(&bytes, &*log.vault).unwrap();
    assert_eq!(loaded.names().last_login(user), Some(&domain::Login::erased(user)));
    assert!(!loaded.names().users_called(&called).contains(&user));
    assert_eq!(loaded, folded(&log.all()[..count(at) - 1]));
    // What is stored after it holds no trace, and opens.
    let after = folded(&log.all());
    assert_eq!(unpack(&pack(&after, &*log.vault).unwrap(), &*log.vault).unwrap(), after);
}

#[test]
fn a_piece_is_refused_for_its_reason() {
    let events = history(3, 100);
    let log = Log::new(&events);
    let at = Position(40);
    let root = log.root(at).unwrap();
    let good = Piece::seal(Kind::State, LOG, at, &root, b"payload");
    assert_eq!(Piece::open(&good, Kind::State, at, &*log).unwrap().payload, b"payload");

    let refusal = |bytes: &[u8], kind, at| Piece::open(bytes, kind, at, &*log).unwrap_err().to_string();
    assert_eq!(refusal(&good, Kind::Audit, at), "its bytes are damaged: it is not such a piece");
    assert_eq!(refusal(&good, Kind::State, Position(41)), "its bytes are damaged: its name or length differs");
    assert_eq!(refusal(&good[..good.len() - 1], Kind::State, at), "its bytes are damaged: its checksum differs");
    let foreign = Piece::seal(Kind::State, domain::ClusterId(uuid::Uuid::from_u128(5)), at, &root, b"");
    assert_eq!(refusal(&foreign, Kind::State, at), "it is of another log");
    let forked = Piece::seal(Kind::State, LOG, at, &[9; 32], b"");
    assert_eq!(refusal(&forked, Kind::State, at), "the log has other events before its position");
    let mut older = good.clone();
    older[9] ^= 1;
    let end = older.len() - 4;
    let sum = crc32c::crc32c(&older[..end]);
    older[end..].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(refusal(&older, Kind::State, at), "it was made by another version of the program");
}

#[test]
fn names_of_pieces_sort_by_position() {
    assert_eq!(Kind::State.name(Position(250_000)), "state-00000000000000250000.snap");
    for kind in [Kind::State, Kind::Audit] {
        assert_eq!(kind.position(&kind.name(Position(u64::MAX))), Some(Position(u64::MAX)));
    }
    for other in ["state-1.snap", "audit-00000000000000250000.snap", "state-00000000000000250000.snap.tmp", ""] {
        assert_eq!(Kind::State.position(other), None, "{other}");
    }
}
