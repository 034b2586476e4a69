//! Bytes that were never written, or were written by a later release.
use crate::samples::samples;
use domain::{
    Event, Login, Subject,
    backend::{Event as Backend, Secret},
    stored::{
        DecodeError, EVENT_MAX, EncodeError, Owner, VaultError, decode, decode_envelope, encode, testing::TestVault,
    },
    user,
};
use proptest::prelude::*;

fn written() -> Vec<Vec<u8>> {
    let vault = TestVault::new();
    samples().iter().map(|sample| encode(&sample.recorded, &vault).expect("a sample can be written")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_an_event_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes, &TestVault::new());
    }

    #[test]
    fn any_change_of_an_event_is_an_event_or_an_error(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let written = written();
        let mut bytes = which.get(&written).clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(read) = decode(&bytes, &TestVault::new()) {
            // What is read at all can be written, and is then read as the same.
            let again = encode(&read, &TestVault::new()).expect("what was read can be written");
            prop_assert_eq!(decode(&again, &TestVault::new()), Ok(read));
        }
    }

    #[test]
    fn a_cluster_is_read_from_any_bytes_or_not(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = domain::Cluster::from_snapshot(&bytes, &TestVault::new());
    }
}

#[test]
fn an_event_that_lacks_its_end_or_has_more_is_damaged() {
    for bytes in written() {
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length], &TestVault::new()).is_err(), "{length} of {}", bytes.len());
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(
            decode(&longer, &TestVault::new()),
            Err(DecodeError::Damaged("there is more than the event")),
            "{longer:?}"
        );
    }
}

#[test]
fn a_newer_format_is_told_from_damage() {
    let mut bytes = written().swap_remove(0);
    bytes[0] = 2;
    assert_eq!(decode(&bytes, &TestVault::new()), Err(DecodeError::NewerFormat(2)));
    bytes[0] = 0;
    assert_eq!(decode(&bytes, &TestVault::new()), Err(DecodeError::Damaged("the format")));
}

#[test]
fn an_unknown_type_is_shown_raw_and_not_decided_on() {
    // The first two bytes are the format and the flags; a type number below 128 takes one, and the version one.
    let bytes = written().swap_remove(0);
    for (at, value, unknown) in [(2, 19, (19, 1)), (3, 2, (1, 2))] {
        let mut bytes = bytes.clone();
        bytes[at] = value;
        let (event_type, version) = unknown;
        assert_eq!(decode(&bytes, &TestVault::new()), Err(DecodeError::UnknownType { event_type, version }));
        let (envelope, payload) = decode_envelope(&bytes).expect("the envelope can be read");
        assert_eq!((envelope.event_type, envelope.version), unknown);
        assert_eq!(envelope.subjects, [Subject::Cluster]);
        assert_eq!(payload.len(), 17);
    }
}

#[test]
fn a_subject_of_an_unknown_kind_is_skipped_in_an_envelope() {
    let vault = TestVault::new();
    let sample = samples().swap_remove(0);
    let bytes = encode(&sample.recorded, &vault).expect("a sample can be written");
    let payload = decode_envelope(&bytes).expect("the envelope can be read").1;
    let before = bytes.len() - payload.len() - 2;
    assert_eq!(&bytes[before..before + 2], [1, 1 << 2], "one subject: the cluster");
    let text_and_uuid = [&[3, 60 << 2 | 2, 2, b'h', b'i', 1 << 2, 61 << 2 | 1][..], &[7; 16]].concat();
    let bytes = [&bytes[..before], &text_and_uuid, payload].concat();
    let (envelope, rest) = decode_envelope(&bytes).expect("the envelope can be read");
    assert_eq!((envelope.subjects, envelope.unknown_subjects), (vec![Subject::Cluster], 2));
    assert_eq!(rest, payload);
    assert_eq!(decode(&bytes, &vault), Err(DecodeError::Damaged("the subjects")));
}

#[test]
fn too_much_is_refused_in_both_directions() {
    let mut sample = samples().swap_remove(0);
    sample.recorded.subjects = vec![Subject::Cluster; 513];
    assert_eq!(encode(&sample.recorded, &TestVault::new()), Err(EncodeError::TooManySubjects(513)));
    let node: domain::NodeName = ["x"; 100].join(".").parse().expect("a node name");
    sample.recorded.subjects = vec![Subject::Node(node); 100];
    assert!(
        matches!(encode(&sample.recorded, &TestVault::new()), Err(EncodeError::TooLarge(size)) if size > EVENT_MAX)
    );
    let long = vec![1; EVENT_MAX + 1];
    assert!(matches!(decode(&long, &TestVault::new()), Err(DecodeError::Damaged(_))));
}

#[test]
fn secrets_under_a_lost_key_are_unreadable_and_written_as_such() {
    let written = TestVault::new();
    let given_up = TestVault::new();
    given_up.give_up(Owner::Cluster);
    let mut seen = 0;
    for sample in samples() {
        let bytes = encode(&sample.recorded, &written).expect("a sample can be written");
        let read = decode(&bytes, &given_up).expect("what is sealed under a lost key is passed over");
        let Event::Backend(Backend::Proposed { provider, .. } | Backend::CredentialsUpdated { provider, .. }) =
            &read.event
        else {
            continue;
        };
        seen += 1;
        let unreadable = |secret: &Secret| *secret == Secret::UNREADABLE && secret.reveal().is_none();
        assert!(unreadable(provider.client_secret()) && provider.directory_token().is_none_or(unreadable));
        let again = encode(&read, &given_up).expect("an unreadable secret can be written");
        assert_eq!(decode(&again, &given_up), Ok(read));
    }
    assert!(seen > 1);
}

#[test]
fn personal_fields_are_sealed_erased_and_missed() {
    let vault = TestVault::new();
    for sample in samples() {
        let Event::User(event) = &sample.recorded.event else { continue };
        let (user, erased) = match event {
            user::Event::Onboarded { user, role, break_glass, .. } => (
                *user,
                user::Event::Onboarded {
                    user: *user,
                    login: Login::erased(*user),
                    role: *role,
                    break_glass: *break_glass,
                },
            ),
            user::Event::PasswordSet { user, .. } => (*user, user::Event::PasswordSet { user: *user, hash: None }),
            _ => continue,
        };
        let bytes = encode(&sample.recorded, &vault).expect("a sample can be written");
        for clear in [&b"ada@example.org"[..], b"argon2id"] {
            assert!(!bytes.windows(clear.len()).any(|window| window == clear), "it stands there in clear");
        }
        let gone = TestVault::new();
        gone.erase(user);
        let read = decode(&bytes, &gone).expect("an erased event can be read");
        assert_eq!(read.event, Event::User(erased));
        // What is erased stays so when it is written again.
        let again = encode(&read, &gone).expect("an erased event can be written");
        assert_eq!(decode(&again, &TestVault::new()).expect("and read").event, read.event);
        let given_up = TestVault::new();
        given_up.give_up(Owner::User(user));
        match decode(&bytes, &given_up).expect("what is sealed under a lost key is passed over").event {
            Event::User(user::Event::Onboarded { login, .. }) => assert_eq!(login, Login::unreadable(user)),
            Event::User(user::Event::PasswordSet { hash, .. }) => assert_eq!(hash, None),
            other => panic!("{other:?}"),
        }
        let lost = TestVault::new();
        lost.lose(Owner::User(user));
        assert_eq!(decode(&bytes, &lost), Err(DecodeError::Vault(VaultError::KeyMissing(Owner::User(user)))));
    }
}
