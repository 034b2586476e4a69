use super::*;
use crate::{
    Settings, start,
    testing::{Log, Shelf, folded, history, ports, steps, told},
};
use proptest::prelude::*;

const LIMIT: Duration = Duration::from_secs(20);

/// A live that was fed all of the log, with snapshots at a few positions.
async fn fed(log: &Arc<Log>, shelf: &Arc<Shelf>, snapshots: &[usize]) -> Live {
    for at in snapshots.iter().filter(|at| **at > 0) {
        let part = Log::new(&log.all()[..*at]);
        let live = Live::new();
        let feeder = start(live.clone(), ports(&part, shelf), part.watermark(), Settings::default()).unwrap();
        live.wait_for(Position(*at as u64), LIMIT).await.unwrap();
        feeder.stop();
    }
    let live = Live::new();
    let settings = Settings { snapshot_every: 1_000_000, ..Settings::default() };
    let feeder = start(live.clone(), ports(log, shelf), log.watermark(), settings).unwrap();
    live.wait_for(*log.watermark().borrow(), LIMIT).await.unwrap();
    feeder.stop();
    live
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// For every position: what is seen as of it is what a fresh fold up to it gives, whether it comes from a
    /// snapshot, from the cache or from the log's beginning.
    #[test]
    fn as_of_equals_a_fresh_fold(steps in steps(60), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let events = told(&steps);
        runtime().block_on(async {
            let log = Log::new(&events);
            let shelf = Arc::<Shelf>::default();
            let cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(events.len())).collect();
            let live = fed(&log, &shelf, &cuts).await;
            let past = Past::new(live, ports(&log, &shelf), Bounds::default());
            // Here and there, so that what is cached is behind as well as ahead.
            let mut order: Vec<usize> = (0..=events.len()).collect();
            order.sort_by_key(|at| at * 7919 % 101);
            for at in order {
                let state = past.at(Position(at as u64), LIMIT).await.unwrap();
                prop_assert_eq!(&*state, &folded(&events[..at]));
                let end = state.stamp().recorded_at;
                prop_assert_eq!(past.position_at(end).unwrap(), end_of(&events, end));
            }
            Ok(())
        })?;
    }
}

fn end_of(events: &[domain::Recorded], time: Timestamp) -> Position {
    Position(events.iter().filter(|event| event.recorded_at <= time).count() as u64)
}

#[tokio::test]
async fn before_genesis_is_empty_and_the_future_is_refused() {
    let log = Log::new(&history(1, 50));
    let shelf = Arc::<Shelf>::default();
    let past = Past::new(fed(&log, &shelf, &[]).await, ports(&log, &shelf), Bounds::default());
    assert_eq!(*past.at(Position::START, LIMIT).await.unwrap(), State::default());
    assert_eq!(past.position_at(Timestamp::from_micros(0)).unwrap(), Position::START);
    let have = *log.watermark().borrow();
    let future = past.at(have.next(), LIMIT).await;
    assert!(matches!(future, Err(PastError::Future { asked, have: h }) if asked == have.next() && h == have));
    assert_eq!(past.position_at(Timestamp::from_micros(i64::MAX)).unwrap(), have);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_positions_share_one_fold() {
    let log = Log::new(&history(2, 400));
    let shelf = Arc::<Shelf>::default();
    let past = Past::new(fed(&log, &shelf, &[]).await, ports(&log, &shelf), Bounds::default());
    log.reads.lock().clear();
    shelf.0.lock().clear();
    let asked: Vec<_> = (0..20)
        .map(|_| {
            let past = past.clone();
            tokio::spawn(async move { past.at(Position(60), LIMIT).await })
        })
        .collect();
    let mut states = vec![];
    for one in asked {
        states.push(one.await.unwrap().unwrap());
    }
    assert!(states.iter().all(|state| Arc::ptr_eq(state, &states[0])));
    assert_eq!(*log.reads.lock(), [(0, 60)]);
}

#[tokio::test]
async fn too_many_different_positions_are_refused_and_a_slow_one_is_kept() {
    let log = Log::new(&history(3, 400));
    let shelf = Arc::<Shelf>::default();
    let bounds = Bounds { cached: 4, rebuilds: 1, waiting: 2 };
    let past = Past::new(fed(&log, &shelf, &[]).await, ports(&log, &shelf), bounds);
    // The one turn is taken: nothing is folded for now.
    let turn = Arc::clone(&past.0.rebuilds).acquire_owned().await.unwrap();
    let one = past.at(Position(10), Duration::from_millis(1)).await;
    assert!(matches!(one, Err(PastError::Slow(Position(10)))));
    assert!(past.ask(Position(20)).is_ok() && past.ask(Position(10)).is_ok());
    assert!(matches!(past.ask(Position(30)), Err(PastError::Busy)));
    drop(turn);
    assert_eq!(past.at(Position(20), LIMIT).await.unwrap().position(), Position(20));
    // The one that nobody waited for any more was folded and kept.
    assert!(matches!(past.ask(Position(10)), Ok(Asked::Ready(_))));
    past.close();
    assert!(matches!(past.at(Position(40), LIMIT).await, Err(PastError::Stopping)));
}

/// After an erasure nothing that was kept shows who was erased.
#[tokio::test]
async fn what_is_kept_is_forgotten_with_the_key() {
    let events = history(21, 500);
    let log = Log::new(&events);
    let shelf = Arc::<Shelf>::default();
    let user = events.iter().find_map(|recorded| match recorded.event {
        domain::Event::User(domain::user::Event::Erased { user }) => Some(user),
        _ => None,
    });
    let user = user.expect("somebody is erased in this history");
    let onboarded = events
        .iter()
        .find(|recorded| {
            matches!(&recorded.event, domain::Event::User(domain::user::Event::Onboarded { user: id, .. }) if *id == user)
        })
        .unwrap()
        .position;
    let past = Past::new(fed(&log, &shelf, &[]).await, ports(&log, &shelf), Bounds::default());
    let before = past.at(onboarded, LIMIT).await.unwrap();
    assert!(!before.names().last_login(user).unwrap().as_str().starts_with("erased-"));
    log.vault.erase(user);
    past.forget();
    let after = past.at(onboarded, LIMIT).await.unwrap();
    assert_eq!(after.names().last_login(user), Some(&domain::Login::erased(user)));
    assert_eq!(after.cluster().user(user).map(|user| user.login.clone()), Some(domain::Login::erased(user)));
}
