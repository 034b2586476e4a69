use super::*;
use crate::{
    Events, Models,
    audit::{Filter, Order, Query},
    snapshot::Kind,
    testing::{Log, Shelf, folded, history, ports},
};
use domain::Recorded;
use std::sync::Arc;

const LIMIT: Duration = Duration::from_secs(20);

struct Run {
    live: Live,
    feeder: Feeder,
}

fn run(log: &Arc<Log>, shelf: &Arc<Shelf>, snapshot_every: u64) -> Run {
    let live = Live::new();
    let settings = Settings { snapshot_every, snapshots_kept: 3 };
    let feeder = start(live.clone(), ports(log, shelf), log.watermark(), settings).unwrap();
    Run { live, feeder }
}

async fn phase(live: &Live, wanted: impl Fn(&Phase) -> bool) -> Phase {
    let mut phases = live.phases();
    let reached = tokio::time::timeout(LIMIT, phases.wait_for(|phase| wanted(phase))).await;
    reached.expect("the phase is reached in time").unwrap().clone()
}

/// What the audit index of these models says of everything: the events about each subject.
fn trail(models: &Models, events: &[Recorded]) -> Vec<Vec<Position>> {
    let mut subjects: Vec<_> = events.iter().flat_map(|event| event.subjects.clone()).collect();
    subjects.sort();
    subjects.dedup();
    let pages = subjects.into_iter().map(|subject| {
        let filter = Filter { subjects: Some(vec![subject]), ..Filter::default() };
        let query = Query { filter, order: Order::OldestFirst, after: None, limit: 1000 };
        models.audit().search(&query).unwrap().collect()
    });
    pages.collect()
}

#[test]
fn applying_twice_equals_once() {
    let events = history(1, 400);
    let (mut once, mut twice) = (Models::default(), Models::default());
    for (nth, recorded) in events.iter().enumerate() {
        once.apply(recorded).unwrap();
        for again in events[nth.saturating_sub(3)..=nth].iter().chain([recorded]) {
            twice.apply(again).unwrap();
        }
        assert_eq!(once.state(), twice.state());
    }
    assert_eq!(once.position(), twice.position());
    assert_eq!(trail(&once, &events), trail(&twice, &events));
}

#[tokio::test]
async fn follows_the_log_and_tells_who_waits() {
    let events = history(2, 300);
    let log = Log::new(&events[..50]);
    let Run { live, feeder } = run(&log, &Arc::default(), 1_000_000);
    let end = Position(events.len() as u64);
    let early = live.wait_for(end, Duration::from_millis(1)).await;
    assert_eq!(early.map_err(|behind| behind.wanted), Err(end));

    let waiting = tokio::spawn({
        let live = live.clone();
        async move { live.wait_for(end, LIMIT).await }
    });
    for part in events[50..].chunks(37) {
        log.append(part);
    }
    assert_eq!(waiting.await.unwrap(), Ok(end));
    assert_eq!(*live.read().state(), folded(&events));
    phase(&live, |phase| *phase == Phase::Live).await;
    let status = live.status();
    assert_eq!((status.position, status.watermark, status.lag), (end, end, 0));
    feeder.stop();
    assert_eq!(live.status().phase, Phase::Stopped);
}

#[tokio::test]
async fn goes_on_from_a_snapshot_and_equals_a_rebuild() {
    let events = history(3, 900);
    let log = Log::new(&events[..200]);
    let shelf = Arc::<Shelf>::default();
    let first = run(&log, &shelf, 1_000_000);
    first.live.wait_for(Position(200), LIMIT).await.unwrap();
    first.feeder.stop();
    assert_eq!(shelf.0.lock().keys().cloned().collect::<Vec<_>>(), [Kind::State.name(Position(200))]);

    log.append(&events[200..]);
    log.reads.lock().clear();
    let second = run(&log, &shelf, 1_000_000);
    second.live.wait_for(Position(events.len() as u64), LIMIT).await.unwrap();
    assert_eq!(*second.live.read().state(), folded(&events));
    let mut rebuilt = Models::default();
    for recorded in &events {
        assert!(rebuilt.apply(recorded).is_ok());
    }
    assert_eq!(trail(&second.live.read(), &events), trail(&rebuilt, &events));
    // The audit index had no full segment to keep: it alone is rebuilt.
    assert_eq!(second.live.status().restored, Position(0));
    assert_eq!(second.live.status().refused, []);
    second.feeder.stop();
}

#[tokio::test]
async fn snapshots_are_made_and_thinned() {
    let events = history(4, 900);
    let log = Log::new(&[]);
    let shelf = Arc::<Shelf>::default();
    let Run { live, feeder } = run(&log, &shelf, 50);
    for part in events.chunks(60) {
        log.append(part);
        live.wait_for(part.last().unwrap().position, LIMIT).await.unwrap();
    }
    feeder.stop();
    let status = live.status();
    assert_eq!((status.snapshot, status.snapshot_error), (Some(status.position), None));
    let kept = shelf.0.lock().len();
    assert!((1..=3).contains(&kept), "{kept}");
    assert!(shelf.0.lock().contains_key(&Kind::State.name(status.position)));
}

/// Each snapshot that is damaged in any way is refused, an older one or the log is used, and the result is right.
#[tokio::test]
async fn damaged_snapshots_are_refused_and_the_log_wins() {
    let events = history(5, 300);
    let log = Log::new(&events);
    let shelf = Arc::<Shelf>::default();
    let first = run(&log, &shelf, 1_000_000);
    first.live.wait_for(Position(events.len() as u64), LIMIT).await.unwrap();
    first.feeder.stop();
    let (name, good) = shelf.0.lock().clone().pop_first().unwrap();
    let cuts = [0, 3, 50, 88, good.len() / 2, good.len() - 1].map(|length| good[..length].to_vec());
    let flips = (0..good.len()).step_by(good.len() / 40 + 1).map(|at| {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        bytes
    });
    for bytes in cuts.into_iter().chain(flips) {
        shelf.0.lock().insert(name.clone(), bytes);
        let again = run(&log, &shelf, 1_000_000);
        again.live.wait_for(Position(events.len() as u64), LIMIT).await.unwrap();
        let status = again.live.status();
        assert_eq!((status.restored, status.refused.len()), (Position(0), 1));
        assert_eq!(status.refused[0].name, name);
        assert_eq!(*again.live.read().state(), folded(&events));
        again.feeder.stop();
        // What was refused is replaced by a good one.
        assert_eq!(shelf.0.lock().get(&name), Some(&good));
    }
}

#[tokio::test]
async fn a_snapshot_of_another_history_is_refused_and_replaced() {
    let (events, others) = (history(6, 300), history(7, 400));
    let shelf = Arc::<Shelf>::default();
    let other = run(&Log::new(&others[..events.len() - 20]), &shelf, 1_000_000);
    other.live.wait_for(Position(events.len() as u64 - 20), LIMIT).await.unwrap();
    other.feeder.stop();

    let log = Log::new(&events);
    let Run { live, feeder } = run(&log, &shelf, 1_000_000);
    live.wait_for(Position(events.len() as u64), LIMIT).await.unwrap();
    let refused = live.status().refused;
    assert_eq!(refused.len(), 1);
    assert!(refused[0].error.contains("other events"), "{}", refused[0].error);
    assert_eq!(*live.read().state(), folded(&events));
    feeder.stop();
    let names: Vec<String> = shelf.0.lock().keys().cloned().collect();
    assert_eq!(names, [Kind::State.name(Position(events.len() as u64))]);
}

#[tokio::test]
async fn a_snapshot_from_beyond_the_log_is_refused() {
    let events = history(8, 200);
    let shelf = Arc::<Shelf>::default();
    let long = run(&Log::new(&events), &shelf, 1_000_000);
    long.live.wait_for(Position(events.len() as u64), LIMIT).await.unwrap();
    long.feeder.stop();
    let short = run(&Log::new(&events[..20]), &shelf, 1_000_000);
    short.live.wait_for(Position(20), LIMIT).await.unwrap();
    assert_eq!(short.live.status().refused.len(), 1);
    assert_eq!(*short.live.read().state(), folded(&events[..20]));
    short.feeder.stop();
}

#[tokio::test]
async fn a_stall_shows_and_ends() {
    let events = history(9, 200);
    let log = Log::new(&events[..10]);
    let Run { live, feeder } = run(&log, &Arc::default(), 1_000_000);
    live.wait_for(Position(10), LIMIT).await.unwrap();
    *log.trouble.lock() = Some("the disk is on fire".to_owned());
    log.append(&events[10..]);
    let stalled = phase(&live, |phase| matches!(phase, Phase::Stalled { .. })).await;
    assert_eq!(
        stalled,
        Phase::Stalled { at: Position(10), error: "the log can't be read: the disk is on fire".to_owned() }
    );
    let status = live.status();
    assert_eq!((status.lag, status.stalls), (events.len() as u64 - 10, 1));
    assert!(status.stalled_since.is_some());
    *log.trouble.lock() = None;
    live.wait_for(Position(events.len() as u64), LIMIT).await.unwrap();
    phase(&live, |phase| *phase == Phase::Live).await;
    assert_eq!(live.status().stalled_since, None);
    feeder.stop();
}

#[tokio::test]
async fn a_gap_stalls() {
    let events = history(10, 100);
    let log = Log::new(&events[..30]);
    log.rewrite(20, &events[21]);
    let Run { live, feeder } = run(&log, &Arc::default(), 1_000_000);
    let stalled = phase(&live, |phase| matches!(phase, Phase::Stalled { .. })).await;
    let Phase::Stalled { at, error } = stalled else { unreachable!() };
    assert_eq!(at, Position(20));
    assert!(error.contains("event 22 came after event 20"), "{error}");
    assert_eq!(*live.read().state(), folded(&events[..20]));
    log.rewrite(20, &events[20]);
    live.wait_for(Position(30), LIMIT).await.unwrap();
    feeder.stop();
}

/// The audit index goes on from its pieces, also when the fold of the state is another one now.
#[tokio::test]
async fn audit_pieces_are_kept_apart_from_the_state() {
    let mut events = history(7, 3000);
    let (base, count) = (events.clone(), usize::try_from(crate::audit::SEGMENT).unwrap() + 500);
    let end = base.last().unwrap().recorded_at;
    // Facts that may be true again and again.
    let again: Vec<Recorded> =
        base.iter().filter(|recorded| recorded.event.name() == "DeviceHealthChanged").cloned().collect();
    for at in base.len()..count {
        let mut event = again[at % again.len()].clone();
        event.position = Position(at as u64 + 1);
        event.recorded_at = end;
        events.push(event);
    }
    let log = Log::new(&events);
    let shelf = Arc::<Shelf>::default();
    let first = run(&log, &shelf, 1_000_000);
    first.live.wait_for(Position(count as u64), LIMIT).await.unwrap();
    first.feeder.stop();
    let piece = Kind::Audit.name(Position(65_536));
    assert!(shelf.0.lock().contains_key(&piece));

    log.reads.lock().clear();
    let second = run(&log, &shelf, 1_000_000);
    second.live.wait_for(Position(count as u64), LIMIT).await.unwrap();
    assert_eq!(second.live.status().refused, []);
    assert_eq!(second.live.status().restored, Position(65_536));
    assert_eq!(log.reads.lock().first().map(|read| read.0), Some(65_536));
    let subjects = trail(&first.live.read(), &base);
    assert_eq!(trail(&second.live.read(), &base), subjects);
    second.feeder.stop();

    // A damaged piece is refused, rebuilt, and stored anew.
    let good = shelf.0.lock().get(&piece).cloned().unwrap();
    shelf.0.lock().get_mut(&piece).unwrap()[5000] ^= 4;
    log.append(&[{
        let mut event = events[count - 1].clone();
        event.position = Position(count as u64 + 1);
        event
    }]);
    let third = run(&log, &shelf, 1_000_000);
    third.live.wait_for(Position(count as u64 + 1), LIMIT).await.unwrap();
    assert_eq!(third.live.status().refused.len(), 1);
    third.feeder.stop();
    assert_eq!(shelf.0.lock().get(&piece), Some(&good));
}

/// No login is in any stored byte.
#[tokio::test]
async fn snapshots_hold_no_login() {
    let events = history(12, 400);
    let log = Log::new(&events);
    let shelf = Arc::<Shelf>::default();
    let Run { live, feeder } = run(&log, &shelf, 1_000_000);
    live.wait_for(Position(events.len() as u64), LIMIT).await.unwrap();
    feeder.stop();
    for (name, bytes) in &*shelf.0.lock() {
        for needle in ["operator".as_bytes(), b"user-"] {
            assert!(!bytes.windows(needle.len()).any(|part| part == needle), "{name}");
        }
    }
    assert_eq!(log.log(), crate::testing::LOG);
}
