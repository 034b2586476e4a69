use super::*;
use crate::{
    bus::{Bus, InProcess, Subscription},
    cloudevent,
};
use domain::{Actor, ClusterId, CommandId, Event, Position, Recorded, Timestamp, pool};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

const LIMIT: Duration = Duration::from_secs(10);

/// A log with made-up events, that can fail and lie.
struct FakeLog {
    watermark: watch::Receiver<Position>,
    failures: AtomicUsize,
    /// Leaves out this position.
    hole: Option<Position>,
}

impl FakeLog {
    fn new(hole: Option<Position>) -> (Arc<Self>, watch::Sender<Position>) {
        let (sender, watermark) = watch::channel(Position::START);
        (Arc::new(Self { watermark, failures: AtomicUsize::new(0), hole }), sender)
    }
}

impl CommittedLog for FakeLog {
    fn cluster(&self) -> ClusterId {
        ClusterId(Uuid::nil())
    }

    fn watermark(&self) -> watch::Receiver<Position> {
        self.watermark.clone()
    }

    fn read(&self, after: Position, up_to: Position, events_max: usize) -> Result<Vec<Recorded>, ReadError> {
        assert!(after < up_to && up_to <= *self.watermark.borrow(), "read what is not committed");
        let failing = |left: usize| left.checked_sub(1);
        if self.failures.try_update(Ordering::Relaxed, Ordering::Relaxed, failing).is_ok() {
            return Err(ReadError("the disk hums".into()));
        }
        let found = (after.0 + 1..=up_to.0).map(Position).filter(|position| Some(*position) != self.hole);
        Ok(found.take(events_max).map(recorded).collect())
    }
}

fn recorded(position: Position) -> Recorded {
    let event = Event::Pool(pool::Event::Deleted { name: "vision".parse().unwrap() });
    Recorded {
        position,
        id: CommandId::from_uuid(Uuid::from_u128(u128::from(position.0) << 16)).event(0),
        recorded_at: Timestamp::from_micros(0),
        actor: Actor::System,
        token: None,
        origin: None,
        index: 0,
        count: 1,
        correlation: Uuid::nil(),
        particulars: None,
        subjects: event.subjects(),
        event,
    }
}

async fn start(log: &Arc<FakeLog>) -> (Subscription, watch::Receiver<Status>) {
    let bus = InProcess::default();
    let events = Bus::InProcess(bus.clone()).subscribe(cloudevent::SUBJECTS).await.unwrap();
    let port: Arc<dyn CommittedLog> = Arc::<FakeLog>::clone(log);
    let (status, run) = relay_to_subscribers(bus, port);
    tokio::spawn(run);
    (events, status)
}

async fn reaches(events: &mut Subscription, positions: std::ops::RangeInclusive<u64>) {
    for position in positions {
        let message = tokio::time::timeout(LIMIT, events.next()).await.unwrap().unwrap();
        assert_eq!(message.headers.get("ce-dkubeposition"), Some(&*position.to_string()));
    }
}

async fn is(status: &mut watch::Receiver<Status>, wanted: impl Fn(&Status) -> bool) {
    tokio::time::timeout(LIMIT, status.wait_for(|status| wanted(status))).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_log_that_can_not_be_read_is_read_again() {
    let (log, watermark) = FakeLog::new(None);
    let (mut events, mut status) = start(&log).await;
    watermark.send_replace(Position(500));
    reaches(&mut events, 1..=500).await;
    log.failures.store(2, Ordering::Relaxed);
    watermark.send_replace(Position(600));
    reaches(&mut events, 501..=600).await;
    is(&mut status, |status| status.cursor == Some(Position(600))).await;
    assert!(status.borrow().last_error.as_deref().unwrap().contains("the disk hums"));
    assert_eq!(status.borrow().lag(Position(601)), 1);
}

#[tokio::test]
async fn nothing_is_published_behind_a_hole() {
    let (log, watermark) = FakeLog::new(Some(Position(7)));
    let (mut events, mut status) = start(&log).await;
    watermark.send_replace(Position(10));
    reaches(&mut events, 1..=6).await;
    is(&mut status, |status| status.last_error.is_some() && status.cursor == Some(Position(6))).await;
    watermark.send_replace(Position(20));
    tokio::task::yield_now().await;
    assert_eq!(status.borrow().cursor, Some(Position(6)));
}

#[tokio::test]
async fn it_ends_with_the_log() {
    let (log, watermark) = FakeLog::new(None);
    let (mut events, mut status) = start(&log).await;
    watermark.send_replace(Position(1));
    reaches(&mut events, 1..=1).await;
    drop(watermark);
    is(&mut status, |status| status.state == State::Stopped).await;
}
