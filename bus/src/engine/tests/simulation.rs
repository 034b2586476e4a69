//! Thousands of lives of one server, each ended by a power cut, a full disk or a failing one, chosen by a seed. What was
//! answered must be there; what is there must be whole; nobody was shown what is not.
use super::{Bare, Failure, Machine, Pending, Planted, Request, SplitMix64, Verdict, founding, login, world::Wishes};
use crate::{
    engine::{Answer, Outcome},
    log::verify,
    storage::simulated::Survival,
};
use domain::{
    Actor, Cluster, Command, Event, Position, Recorded, Stamp, evolve, node,
    stored::{self, Field, Opened, Owner, Sealed, Vault, VaultError},
    user,
};
use std::collections::BTreeMap;

/// What the world outside knows.
#[derive(Default)]
struct Known {
    /// Every event that was answered or published.
    facts: BTreeMap<Position, Recorded>,
    /// Answers to requests that bore a key, to be asked again.
    keyed: Vec<(Request, Result<Answer, Failure>)>,
    /// The last report of each node that was answered.
    reports: BTreeMap<String, Request>,
    /// How far a subscriber has read.
    published: Position,
}

/// What went wrong, with the seed that shows it.
type Wrong = String;

/// Lives through `lives` starts of one server.
fn live(seed: u64, lives: usize, planted: Option<Planted>, skip_checksums: bool) -> Result<(), Wrong> {
    let machine = Machine { planted, skip_checksums, ..Machine::new(seed) };
    let mut random = SplitMix64::new(seed.wrapping_mul(31));
    let mut wishes = Wishes::new(seed);
    let mut known = Known::default();
    let mut damaged = false;
    for life in 0..lives {
        let wrong = |what: String| format!("seed {seed}, life {life}: {what}");
        machine.disk.crash_never();
        // Whoever starts again after the disk was full has made room.
        machine.disk.set_capacity(1 << 40);
        let mut bare = match machine.start() {
            Ok(bare) => bare,
            // A damaged block may be found at any start; what must not be is that it is served.
            Err(_) if damaged => return Ok(()),
            Err(error) => return Err(wrong(format!("does not start: {error}"))),
        };
        check(&mut bare, &known, damaged).map_err(wrong)?;
        if damaged {
            return Ok(());
        }
        endanger(&machine, &mut random);
        run(&mut bare, &machine, &mut random, &mut wishes, &mut known).map_err(wrong)?;
        drop(bare);
        machine.disk.crash();
        if skip_checksums || random.below(8) == 0 {
            damaged = damage(&machine, &mut random);
        }
    }
    Ok(())
}

/// Chooses how this life ends.
fn endanger(machine: &Machine, random: &mut SplitMix64) {
    let survivals = [Survival::Lost, Survival::Kept, Survival::Prefix];
    machine.disk.set_survival(survivals[random.index(3)]);
    match random.below(8) {
        0 => machine.disk.fail_append(),
        1 => machine.disk.fail_sync(),
        2 => machine.disk.set_capacity(machine.disk.used() + random.below(4096)),
        _ => machine.disk.crash_at(1 + random.below(60)),
    }
}

fn damage(machine: &Machine, random: &mut SplitMix64) -> bool {
    let keys = machine.disk.keys();
    let Some(key) = keys.get(random.index(keys.len())) else { return false };
    // Behind the header of 112 bytes: what is flipped in it, structure may betray.
    machine.disk.flip_bit(*key, 8 * 112 + random.index(8 * 60))
}

fn run(
    bare: &mut Bare,
    machine: &Machine,
    random: &mut SplitMix64,
    wishes: &mut Wishes,
    known: &mut Known,
) -> Result<(), Wrong> {
    for _ in 0..12 {
        let mut pending: Vec<(Request, Pending)> = vec![];
        for _ in 0..=random.below(4) {
            machine.clock.advance(i64::try_from(random.below(3)).expect("small") - 1);
            let request = match bare.decider.cluster.user_by_login(&login("operator")).map(|user| user.id) {
                None => founding(),
                Some(operator) => wishes.draw(&bare.decider.cluster, operator),
            };
            let answer = bare.take(&request);
            pending.push((request, answer));
        }
        let committed = bare.commit();
        // A bug may have answered before it failed: whoever was answered counts.
        for (request, mut answer) in pending {
            if let Ok(verdict) = answer.try_recv() {
                learn(request, verdict, wishes, known);
            }
        }
        let shown = *bare.watermark.borrow();
        if shown > Position(bare.reader.tip().size) {
            return Err(format!("readers were told of {shown}, and {} are durable", bare.reader.tip().size));
        }
        if committed.is_err() || machine.disk.is_down() {
            return Ok(());
        }
        subscribe(bare, machine, random, known)?;
    }
    Ok(())
}

/// Takes note of an answer, as its caller does.
fn learn(request: Request, verdict: Result<Verdict, Failure>, wishes: &mut Wishes, known: &mut Known) {
    let answer = match verdict {
        Ok(Verdict::Answer(answer)) => Ok(answer),
        Ok(Verdict::Repeat { .. } | Verdict::Barrier(_)) => return,
        Err(failure) => Err(failure),
    };
    if let Actor::Agent(node) = &request.asker.actor {
        let index = usize::from(node.as_str() == "n1");
        if answer.is_ok() {
            wishes.sequences[index] += 1;
            known.reports.insert(node.to_string(), request.clone());
        }
    }
    if let Ok(Answer { outcome: Outcome::Recorded(events), .. }) = &answer {
        for recorded in events {
            if let Event::User(user::Event::Deleted { user }) = &recorded.event {
                wishes.former.push(*user);
            }
            known.facts.insert(recorded.position, recorded.clone());
        }
    }
    let kept = matches!(answer, Ok(_) | Err(Failure::Refused(_)));
    if request.idempotency.is_some() && kept {
        known.keyed.push((request, answer));
    }
}

/// A subscriber reads on, as far as it is told that it may.
fn subscribe(bare: &Bare, machine: &Machine, random: &mut SplitMix64, known: &mut Known) -> Result<(), Wrong> {
    if random.coin() {
        return Ok(());
    }
    let up_to = bare.watermark.borrow().0;
    let cursor = known.published.0 + u64::from(machine.planted == Some(Planted::CursorOffByOne));
    for stored in bare.reader.read(cursor, up_to, 1000, 1 << 20).map_err(|error| error.to_string())? {
        let recorded = stored::decode(&stored.bytes, &*bare.keyring).map_err(|error| error.to_string())?;
        if recorded.position != known.published.next() {
            return Err(format!("a subscriber at {} was given {}", known.published, recorded.position));
        }
        known.published = recorded.position;
        known.facts.insert(recorded.position, recorded);
    }
    Ok(())
}

/// What the next life finds.
fn check(bare: &mut Bare, known: &Known, damaged: bool) -> Result<(), Wrong> {
    let history = match history(bare) {
        Err(_) if damaged => return Ok(()),
        other => other?,
    };
    for (position, fact) in &known.facts {
        let found = position.0.checked_sub(1).and_then(|index| history.get(usize::try_from(index).ok()?));
        let found = found.ok_or(format!("the event at {position} is lost, which somebody was told of"))?;
        // An erasure whose outcome was unknown may have happened.
        let erased = match &fact.event {
            Event::User(user::Event::Onboarded { user, .. }) => bare.decider.cluster.is_erased(*user),
            _ => false,
        };
        if found != fact && !erased {
            return Err(format!("the event at {position} was {fact:?} and is {found:?}"));
        }
    }
    whole(&history)?;
    let mut replayed = Cluster::default();
    for recorded in &history {
        let at = Stamp { position: recorded.position, recorded_at: recorded.recorded_at };
        evolve(&mut replayed, at, &recorded.event);
    }
    if replayed != bare.decider.cluster {
        return Err("the recovered state is not the replayed one".to_owned());
    }
    match verify(&bare.reader, |_, _| {}) {
        Err(_) if damaged => return Ok(()),
        Err(error) => return Err(format!("the log does not verify: {error}")),
        Ok(_) => {}
    }
    unreadable(bare, &replayed)?;
    repeat(bare, known)
}

fn history(bare: &Bare) -> Result<Vec<Recorded>, Wrong> {
    let mut history = vec![];
    bare.reader
        .replay(0, u64::MAX, |position, bytes| {
            let recorded = stored::decode(bytes, &*bare.keyring).expect("recovery has read it");
            assert_eq!(recorded.position, Position(position));
            history.push(recorded);
            Ok::<(), crate::log::LogError>(())
        })
        .map_err(|error| error.to_string())?;
    Ok(history)
}

/// Positions are dense, time rises, no command is there in part, and the cluster was founded once.
fn whole(history: &[Recorded]) -> Result<(), Wrong> {
    let mut commands: BTreeMap<_, (u16, u16)> = BTreeMap::new();
    for (recorded, expected) in history.iter().zip(1..) {
        if recorded.position != Position(expected) {
            return Err(format!("{} stands at {expected}", recorded.position));
        }
        let seen = commands.entry(recorded.command()).or_insert((0, recorded.count));
        if seen.0 != recorded.index {
            return Err(format!("the command at {expected} is out of order"));
        }
        seen.0 += 1;
    }
    if let Some((command, (seen, count))) = commands.iter().find(|(_, (seen, count))| seen != count) {
        return Err(format!("{seen} of {count} events of command {command} are there"));
    }
    if !history.is_sorted_by(|a, b| a.recorded_at < b.recorded_at || a.command() == b.command()) {
        return Err("time stands still or goes back".to_owned());
    }
    match history
        .iter()
        .filter(|recorded| matches!(recorded.event, Event::Cluster(domain::ClusterEvent::Founded { .. })))
        .count()
    {
        0 if history.is_empty() => Ok(()),
        1 => Ok(()),
        times => Err(format!("the cluster was founded {times} times")),
    }
}

/// Whoever was erased has no key any more, also where the machine stopped in the middle of it.
fn unreadable(bare: &Bare, cluster: &Cluster) -> Result<(), Wrong> {
    let probe = Sealed([0; 16].into());
    for user in cluster.erased() {
        let id = domain::EventId(uuid::Uuid::nil());
        match bare.keyring.open(Owner::User(user), id, Field::Login, &probe) {
            Ok(Opened::Erased) => {}
            Ok(_) | Err(VaultError::Forged(_)) => return Err(format!("the key of erased {user} is still there")),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

/// Asking again gets the same answer and records nothing; so does reporting again.
fn repeat(bare: &mut Bare, known: &Known) -> Result<(), Wrong> {
    let before = bare.decider.cluster.at().position;
    for (request, first) in &known.keyed {
        let mut again = bare.take(request);
        bare.commit().map_err(|halt| format!("{halt:?}"))?;
        match (first, again.try_recv().expect("a commit answers")) {
            (
                Ok(Answer { position, outcome: Outcome::Recorded(events), .. }),
                Ok(Verdict::Repeat { position: now, count, .. }),
            ) if *position == now && events.len() == usize::from(count) => {}
            (Err(failure), Err(now)) if *failure == now => {}
            (first, now) => return Err(format!("{request:?} was answered {first:?} and is answered {now:?}")),
        }
    }
    for report in known.reports.values() {
        let mut again = bare.take(report);
        bare.commit().map_err(|halt| format!("{halt:?}"))?;
        // One that was taken after it, and of which nobody was told, stands for it as well.
        match again.try_recv() {
            Ok(Ok(_)) => {}
            Ok(Err(Failure::OutOfTurn { last })) if last > sequence(report) => {}
            other => return Err(format!("{report:?} is not taken as a repeat, but {other:?}")),
        }
    }
    let after = bare.decider.cluster.at().position;
    if before == after { Ok(()) } else { Err(format!("asking again recorded {before}..{after}")) }
}

fn sequence(report: &Request) -> u64 {
    match &report.command {
        Command::Node(node::Command::ReportInventory { origin, .. } | node::Command::ReportHealth { origin, .. }) => {
            origin.sequence
        }
        _ => 0,
    }
}

/// How many seeds are lived through; more by `DKUBE_SIMULATION_SEEDS`.
fn seeds() -> u64 {
    std::env::var("DKUBE_SIMULATION_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(600)
}

#[test]
fn nothing_that_was_told_is_lost_in_thousands_of_crashes() {
    for seed in 0..seeds() {
        live(seed, 6, None, false).unwrap();
    }
}

fn caught(planted: Option<Planted>, skip_checksums: bool) -> bool {
    (0..3000).any(|seed| {
        let lived = std::panic::catch_unwind(|| live(seed, 6, planted, skip_checksums));
        !matches!(lived, Ok(Ok(())))
    })
}

#[test]
fn answering_before_the_sync_is_caught() {
    assert!(caught(Some(Planted::AnswerBeforeSync), false));
}

#[test]
fn publishing_before_the_commit_is_caught() {
    assert!(caught(Some(Planted::PublishBeforeCommit), false));
}

#[test]
fn a_cursor_that_is_off_by_one_is_caught() {
    assert!(caught(Some(Planted::CursorOffByOne), false));
}

#[test]
fn skipping_checksums_is_caught() {
    assert!(caught(None, true));
}
