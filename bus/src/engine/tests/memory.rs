//! What the engine remembers besides the state, across restarts: outcomes within their bounds, and agents' reports.
use super::{
    Bare, Failure, Machine, Request, Verdict,
    rules::{create, keyed, onboard_operator, recorded, started},
    world,
};
use crate::engine::{
    KEPT_SECONDS, OutcomeBounds,
    ledger::{Ledger, Saved},
    recover::LEDGER,
};
use domain::{Incarnation, Origin, Position, UserId};
use uuid::Uuid;

/// So few that a test reaches them.
const FEW: OutcomeBounds = OutcomeBounds { actor_count: 2, actor_bytes: 1 << 20, bytes: 1 << 20 };

/// A start with these bounds.
fn start(machine: &Machine) -> Bare {
    Machine { outcomes: FEW, ..machine.clone() }.start().unwrap()
}

fn ask(bare: &mut Bare, user: UserId, key: &str) -> Result<Verdict, Failure> {
    bare.ask(&keyed(create(user, key), key, "body"))
}

fn saved(machine: &Machine, bare: &Bare) -> Saved {
    let bytes = machine.disk.file(LEDGER).expect("the ledger was saved");
    Ledger::from_file(*bare.keyring.derived("idempotency"), &bytes).expect("the file is sound")
}

#[test]
fn one_actor_at_their_bound_waits_and_others_go_on_after_a_restart_too() {
    for keep_file in [true, false] {
        let (machine, mut bare, operator) = started();
        let eve = onboard_operator(&mut bare, "eve");
        drop(bare);
        let mut bare = start(&machine);
        recorded(ask(&mut bare, eve, "first"));
        machine.clock.advance(10_000_000);
        recorded(ask(&mut bare, eve, "second"));
        for _ in 0..2 {
            let full = Failure::OutcomesFull { own: true, seconds: 24 * 3600 - 10 };
            assert_eq!(ask(&mut bare, eve, "third").unwrap_err(), full);
            assert!(matches!(ask(&mut bare, eve, "first"), Ok(Verdict::Repeat { .. })), "what is kept is told");
            assert!(matches!(bare.ask(&create(eve, "first")), Err(Failure::Refused(_))), "without a key all goes on");
            drop(bare);
            if !keep_file {
                machine.disk.replace_file(LEDGER, None);
            }
            bare = start(&machine);
        }
        recorded(ask(&mut bare, operator, "anothers"));
        machine.clock.advance(KEPT_SECONDS * 1_000_000 - 10_000_000);
        recorded(ask(&mut bare, eve, "third"));
        assert!(matches!(ask(&mut bare, eve, "fourth"), Err(Failure::OutcomesFull { own: true, .. })));
    }
}

#[test]
fn all_together_have_a_bound() {
    let (machine, bare, operator) = started();
    drop(bare);
    let outcomes = OutcomeBounds { actor_count: 10, actor_bytes: 1 << 20, bytes: 1 };
    let mut bare = Machine { outcomes, ..machine }.start().unwrap();
    recorded(ask(&mut bare, operator, "first"));
    let full = Failure::OutcomesFull { own: false, seconds: 24 * 3600 };
    assert_eq!(ask(&mut bare, operator, "second").unwrap_err(), full);
}

#[test]
fn nobody_is_shown_by_what_is_kept() {
    let (_, mut bare, operator) = started();
    recorded(ask(&mut bare, operator, "a-telling-key"));
    let records: Vec<_> = bare.reader.records(1).map(|record| record.unwrap().1.bytes).collect();
    assert_eq!(records.len(), 1);
    let shows = |part: &[u8]| records.iter().any(|bytes| bytes.windows(part.len()).any(|window| window == part));
    assert!(!shows(operator.0.as_bytes()) && !shows(operator.to_string().as_bytes()) && !shows(b"a-telling-key"));
}

#[test]
fn the_file_tells_from_where_outcomes_are_read_and_no_earlier() {
    let (machine, mut bare, operator) = started();
    recorded(ask(&mut bare, operator, "old"));
    machine.clock.advance(KEPT_SECONDS * 1_000_000 + 1);
    recorded(ask(&mut bare, operator, "young"));
    let young = bare.decider.commit;
    for n in 0..9 {
        recorded(bare.ask(&create(operator, &format!("p{n}"))));
    }
    let file = saved(&machine, &bare);
    assert_eq!(file.outcomes_from, young);
    assert!(file.commit > young);
    drop(bare);
    let mut bare = machine.start().unwrap();
    assert!(matches!(ask(&mut bare, operator, "young"), Ok(Verdict::Repeat { .. })));
}

#[test]
fn the_file_is_saved_once_its_commit_is_durable_and_not_before() {
    let (machine, mut bare, operator) = started();
    while bare.decider.commit - bare.decider.ledger_saved < 2 {
        let name = format!("p{}", bare.decider.commit);
        recorded(bare.ask(&create(operator, &name)));
    }
    let before = machine.disk.file(LEDGER);
    machine.disk.fail_sync();
    let _pending = bare.take(&create(operator, "lost"));
    assert!(bare.commit().is_err());
    assert_eq!(machine.disk.file(LEDGER), before);
}

/// A file that is sound, and knows a commit that this log does not have: as it lies beside another backup.
#[test]
fn a_file_that_is_ahead_of_the_log_or_of_another_history_is_thrown_away() {
    let (machine, mut bare, operator) = started();
    let secret = *bare.keyring.derived("idempotency");
    recorded(ask(&mut bare, operator, "k"));
    let tip = bare.reader.tip();
    let other = Some(domain::EventId(Uuid::from_u128(1)));
    for (commit, position, event) in [(tip.commit + 1, tip.size, other), (tip.commit, tip.size, other)] {
        let foreign = Ledger::new(secret).to_file(commit, Position(position), event);
        drop(bare);
        machine.disk.replace_file(LEDGER, Some(foreign));
        bare = machine.start().unwrap();
        assert_eq!(machine.disk.file(LEDGER), None, "it could pass for this log's later");
        assert!(matches!(ask(&mut bare, operator, "k"), Ok(Verdict::Repeat { .. })));
    }
    let sound = bare.decider.ledger.to_file(tip.commit, Position(tip.size), other);
    assert!(Ledger::from_file(secret, &sound).is_some());
    for at in 0..sound.len() {
        let mut bad = sound.clone();
        bad[at] ^= 1;
        assert!(Ledger::from_file(secret, &bad).is_none(), "a changed byte at {at}");
    }
}

/// Report number `sequence` of the life that is called so.
fn report(life: u128, sequence: u64, devices: usize) -> Request {
    let incarnation = Incarnation(Uuid::from_u128(life));
    world::inventory_of(0, Origin { incarnation, ..world::origin(sequence) }, devices)
}

#[test]
fn a_late_copy_of_an_earlier_life_is_no_new_life() {
    for keep_file in [true, false] {
        let (machine, mut bare, _) = started();
        // The second of each changes nothing: a record tells of it, and not an event.
        for life in 1..=3 {
            recorded(bare.ask(&report(life, 1, 3 + usize::from(life == 2))));
            recorded(bare.ask(&report(life, 2, 3 + usize::from(life == 2))));
        }
        for _ in 0..2 {
            let before = bare.decider.cluster.at().position;
            for (life, sequence) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)] {
                let last = if life == 3 { 2 } else { 0 };
                assert_eq!(bare.ask(&report(life, sequence, 0)).unwrap_err(), Failure::OutOfTurn { last });
            }
            recorded(bare.ask(&report(3, 2, 0)));
            assert_eq!(bare.decider.cluster.at().position, before, "copies record nothing");
            assert_eq!(bare.ask(&report(3, 4, 0)).unwrap_err(), Failure::OutOfTurn { last: 2 }, "the present life is");
            assert_eq!(bare.ask(&report(2, 3, 0)).unwrap_err(), Failure::OutOfTurn { last: 0 });
            drop(bare);
            if !keep_file {
                machine.disk.replace_file(LEDGER, None);
            }
            bare = machine.start().unwrap();
        }
        recorded(bare.ask(&report(3, 3, 4)));
    }
}
