use super::*;
use crate::testing::{self, told};
use domain::{Actor, Subject};
use proptest::prelude::*;
use std::convert::Infallible;

fn indexed(events: &[Recorded]) -> Audit {
    let mut audit = Audit::default();
    for recorded in events {
        assert!(audit.apply(recorded).is_ok());
    }
    audit
}

fn page(audit: &Audit, events: &[Recorded], query: &Query) -> Found<Position> {
    let check = |position: Position| {
        let event = &events[testing::count(position) - 1];
        Ok::<_, Infallible>(query.filter.matches(event).then_some(position))
    };
    audit.search(query).unwrap().page(check).unwrap()
}

/// Every page, one after the other.
fn walk(audit: &Audit, events: &[Recorded], mut query: Query) -> Vec<Position> {
    let mut all = vec![];
    loop {
        let found = page(audit, events, &query);
        all.extend(found.items);
        match found.next {
            Some(next) => query.after = Some(next),
            None => return all,
        }
    }
}

fn naive(events: &[Recorded], query: &Query) -> Vec<Position> {
    let mut all: Vec<Position> =
        events.iter().filter(|event| query.filter.matches(event)).map(|event| event.position).collect();
    if query.order == Order::NewestFirst {
        all.reverse();
    }
    all
}

/// A filter out of what some of the events are, so that it finds something.
fn filter(events: &[Recorded], what: u8, at: [prop::sample::Index; 4]) -> Filter {
    let of = |index: prop::sample::Index| &events[index.index(events.len())];
    let mut filter = Filter::default();
    if what & 1 != 0 {
        filter.actors = Some(vec![of(at[0]).actor.clone()]);
    }
    if what & 2 != 0 {
        filter.subjects = Some(of(at[1]).subjects.clone());
    }
    if what & 4 != 0 {
        filter.types = Some(vec![of(at[2]).event.name().to_owned(), "PoolCreated".to_owned()]);
    }
    if what & 8 != 0 {
        filter.from = Some(of(at[3]).recorded_at);
    }
    if what & 16 != 0 {
        filter.to = Some(of(at[0]).recorded_at.next());
    }
    filter
}

/// Events over several segments: one history again and again, so that every term is frequent, with one rare subject.
fn long() -> Vec<Recorded> {
    let base = testing::history(7, 3000);
    let wanted = SEGMENT as usize * 2 + 5000;
    let rare = Subject::Pool("rare".parse().unwrap());
    let shift = base.last().unwrap().recorded_at.micros() - base[0].recorded_at.micros() + 1;
    let events = (0..wanted).map(|at| {
        let mut event = base[at % base.len()].clone();
        event.position = Position(at as u64 + 1);
        event.recorded_at =
            Timestamp::from_micros(event.recorded_at.micros() + i64::try_from(at / base.len()).unwrap() * shift);
        if at % 40_000 == 100 {
            event.subjects.push(rare.clone());
        }
        event
    });
    events.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn finds_what_a_look_at_every_event_finds(
        steps in testing::steps(80),
        what in 0..32u8,
        at in any::<[prop::sample::Index; 4]>(),
        oldest in any::<bool>(),
        limit in 1..20usize,
    ) {
        let events = told(&steps);
        let order = if oldest { Order::OldestFirst } else { Order::NewestFirst };
        let query = Query { filter: filter(&events, what, at), order, after: None, limit };
        prop_assert_eq!(walk(&indexed(&events), &events, query.clone()), naive(&events, &query));
    }

    #[test]
    fn brackets_a_time(steps in testing::steps(80), at in any::<prop::sample::Index>(), off in -2..3i64) {
        let events = told(&steps);
        let time = Timestamp::from_micros(at.get(&events).recorded_at.micros() + off);
        let right = events.partition_point(|event| event.recorded_at <= time) as u64;
        let (known, up_to) = indexed(&events).bracket(time);
        prop_assert!(known.0 <= right && right <= up_to.0, "{known} {right} {up_to}");
        prop_assert!(up_to.0 - known.0 < 64);
    }
}

#[test]
fn sealed_full_and_open_segments_answer_alike() {
    let events = long();
    let full = indexed(&events);
    assert_eq!((full.sealed.len(), full.full.len()), (0, 2));
    let mut sealed = full.clone();
    sealed.settle();
    assert_eq!((sealed.sealed.len(), sealed.full.len()), (2, 0));
    let stored = sealed.sealed.iter().map(|segment| Arc::new(Segment::from_bytes(&segment.to_bytes()).unwrap()));
    let mut loaded = Audit::from_sealed(stored.collect());
    for recorded in &events {
        loaded.apply(recorded).unwrap();
    }
    assert_eq!(loaded.sealed, sealed.sealed);

    let rare = vec![Subject::Pool("rare".parse().unwrap())];
    let actor = vec![events[5000].actor.clone()];
    let late = events[SEGMENT as usize + 77].recorded_at;
    let filters = [
        Filter { subjects: Some(rare.clone()), ..Filter::default() },
        Filter { subjects: Some(rare), types: Some(vec![events[100].event.name().to_owned()]), ..Filter::default() },
        Filter { actors: Some(actor.clone()), from: Some(late), ..Filter::default() },
        Filter { actors: Some(actor), types: Some(vec!["JobStarted".to_owned()]), to: Some(late), ..Filter::default() },
        Filter { subjects: Some(vec![]), ..Filter::default() },
        Filter { types: Some(vec!["NoSuchEvent".to_owned()]), ..Filter::default() },
        Filter { from: Some(late), to: Some(late.next()), ..Filter::default() },
    ];
    for filter in filters {
        for order in [Order::OldestFirst, Order::NewestFirst] {
            let query = Query { filter: filter.clone(), order, after: None, limit: 1000 };
            let right = naive(&events, &query);
            for audit in [&full, &sealed, &loaded] {
                assert_eq!(walk(audit, &events, query.clone()), right, "{query:?}");
            }
        }
    }
}

#[test]
fn applying_twice_changes_nothing_and_a_gap_is_refused() {
    let events = testing::history(3, 40);
    let mut audit = Audit::default();
    for recorded in &events {
        assert_eq!(audit.apply(recorded), Ok(Applied::Folded));
        assert_eq!(audit.apply(recorded), Ok(Applied::Duplicate));
    }
    let mut early = events[0].clone();
    early.position = Position(audit.position().0 + 2);
    assert_eq!(audit.apply(&early), Err(Gap { cursor: audit.position(), found: early.position }));
}

#[test]
fn a_walk_meets_every_event_once_while_more_come() {
    let events = testing::history(11, 300);
    let half = events.len() / 2;
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let mut audit = indexed(&events[..half]);
        let mut query = Query { filter: Filter::default(), order, after: None, limit: 7 };
        let mut seen = vec![];
        let mut next = half;
        loop {
            let found = page(&audit, &events, &query);
            seen.extend(found.items);
            if next < events.len() {
                audit.apply(&events[next]).unwrap();
                next += 1;
            }
            let Some(after) = found.next else { break };
            query.after = Some(after);
        }
        match order {
            // What comes is behind: it is met too.
            Order::OldestFirst => assert!(seen.iter().map(|at| at.0).eq(1..=seen.len() as u64) && seen.len() >= half),
            // What comes is before the beginning of the walk.
            Order::NewestFirst => assert!(seen.iter().map(|at| at.0).eq((1..=half as u64).rev())),
        }
    }
}

#[test]
fn a_query_out_of_bounds_is_refused() {
    let audit = Audit::default();
    let query = |limit, actors: usize| Query {
        filter: Filter { actors: Some(vec![Actor::System; actors]), ..Filter::default() },
        order: Order::NewestFirst,
        after: None,
        limit,
    };
    assert_eq!(audit.search(&query(0, 1)).err(), Some(FilterError::Limit));
    assert_eq!(audit.search(&query(1001, 1)).err(), Some(FilterError::Limit));
    assert_eq!(audit.search(&query(1, 257)).err(), Some(FilterError::TooMany));
    assert_eq!(page(&audit, &[], &query(1000, 256)).items, []);
}

/// Candidates that turn out to be none end a page early, and the walk goes on behind them.
#[test]
fn false_hits_bound_a_page() {
    let events = testing::history(5, 4000);
    let audit = indexed(&events);
    assert!(events.len() > 1500);
    let query = Query { filter: Filter::default(), order: Order::OldestFirst, after: None, limit: 10 };
    let none = |_| Ok::<Option<()>, Infallible>(None);
    let found = audit.search(&query).unwrap().page(none).unwrap();
    assert_eq!((found.items, found.next), (vec![], Some(Position(1000))));
}

#[test]
fn damaged_pieces_are_refused() {
    let mut audit = indexed(&long()[..SEGMENT as usize]);
    audit.settle();
    let bytes = audit.sealed[0].to_bytes();
    for cut in [0, 7, 8, 9000, bytes.len() / 2, bytes.len() - 1] {
        assert!(Segment::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
    assert!(Segment::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    let mut swapped = bytes.clone();
    let terms = 8 + 1024 * 8;
    swapped[terms..terms + 8].rotate_left(4);
    assert!(Segment::from_bytes(&swapped).is_err());
}
