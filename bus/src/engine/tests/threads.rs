//! The threads and the lanes before them, on a simulated disk: who is told what when it is slow, when it fails, when
//! too much is asked at a time, and when a thread panics.
use super::{Failure, Halt, Machine, Options, Request, founding, rules::create, world};
use crate::{
    clock::{Clock, Entropy},
    engine::{Answer, Engine, Outcome, batch::Batch, threads::Message},
};
use domain::{Command, Event, Principal, Role, Timestamp, UserId, user};
use futures::{FutureExt as _, future::BoxFuture};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// A running engine, with a founded cluster.
struct Running {
    machine: Machine,
    engine: Engine,
    operator: UserId,
}

/// The value of a future, which is to come soon.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), future).await.expect("it happens within a minute")
}

/// Waits until it is so.
async fn until(is_so: impl Fn() -> bool) {
    within(async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn started() -> Running {
    started_with(Machine::new(1), |options| options).await
}

async fn started_with(machine: Machine, change: impl FnOnce(Options) -> Options) -> Running {
    let engine = machine.run(change);
    let Outcome::Recorded(events) = within(engine.submit(founding())).await.unwrap().outcome else { panic!() };
    let operator = events.iter().find_map(|recorded| match &recorded.event {
        Event::User(user::Event::Onboarded { user, .. }) => Some(*user),
        _ => None,
    });
    Running { machine, engine, operator: operator.unwrap() }
}

type Pending = BoxFuture<'static, Result<Answer, Failure>>;

impl Running {
    /// Sends a command while a sync is held, so that its answer is to come.
    fn send(&self, name: &str) -> Pending {
        self.ask(create(self.operator, name))
    }

    /// Sends a request while a sync is held, so that its answer is to come.
    fn ask(&self, request: Request) -> Pending {
        let engine = self.engine.clone();
        let mut answer = async move { engine.submit(request).await }.boxed();
        assert!((&mut answer).now_or_never().is_none(), "nothing is answered before it is durable");
        answer
    }

    /// Has one command committed where it was decided, and held there.
    async fn hold_a_lone_command(&self) -> Pending {
        self.machine.disk.hold_syncs();
        let lone = self.send("lone");
        until(|| self.machine.disk.held_syncs() == 1).await;
        lone
    }

    /// Has two commands committed as one batch beside the deciding thread, and held there.
    async fn hold_a_batch(&self) -> [Pending; 2] {
        let lone = self.hold_a_lone_command().await;
        let batch = ["committing", "committing-too"].map(|name| self.send(name));
        self.machine.disk.release_one_sync();
        within(lone).await.unwrap();
        until(|| self.machine.disk.held_syncs() == 1).await;
        batch
    }

    /// Waits until all that was sent to the operators' lane is decided.
    async fn decided(&self) {
        until(|| self.engine.queued() == (0, 0)).await;
        // The last of it may be taken and not decided yet: that it is shows the next one that is taken.
        let (reply, _) = oneshot::channel();
        self.engine.running.send(false, Message::Barrier(reply)).unwrap();
        until(|| self.engine.queued() == (0, 0)).await;
    }

    async fn halted(&self) -> Halt {
        let mut halted = self.engine.halted();
        within(halted.wait_for(Option::is_some)).await.unwrap().clone().unwrap()
    }

    /// Whoever comes now is told that nothing is taken, and stopping comes to its end.
    async fn is_over(&self) {
        for _ in 0..3 {
            let answer = within(self.engine.submit(create(self.operator, "later"))).await;
            assert!(matches!(answer, Err(Failure::ReadOnly(_))), "{answer:?}");
            let answer = within(self.engine.submit(world::inventory(0, 1, 1))).await;
            assert!(matches!(answer, Err(Failure::ReadOnly(_))), "{answer:?}");
        }
        assert!(matches!(within(self.engine.barrier()).await, Err(Failure::ReadOnly(_))));
        assert!(matches!(within(self.engine.stop()).await, Err(Halt::Failed(_))));
        let answer = within(self.engine.submit(create(self.operator, "much-later"))).await;
        assert!(matches!(answer, Err(Failure::ReadOnly(_))), "{answer:?}");
        assert_eq!(within(self.engine.stop()).await, Ok(()), "there is nothing left to stop");
    }
}

#[tokio::test]
async fn after_a_failed_sync_who_waits_is_told_that_nobody_knows_and_who_comes_later_that_nothing_is_taken() {
    let running = started().await;
    let committing = running.hold_a_batch().await;
    let decided: Vec<_> = (0..10).map(|n| running.send(&format!("decided-{n}"))).collect();
    running.decided().await;
    running.machine.disk.fail_sync();
    running.machine.disk.release_syncs();
    for answer in committing.into_iter().chain(decided) {
        assert_eq!(within(answer).await.unwrap_err(), Failure::OutcomeUnknown);
    }
    assert!(matches!(running.halted().await, Halt::Failed(_)));
    running.is_over().await;
}

#[tokio::test]
async fn when_the_sync_of_a_lone_command_fails_what_waits_behind_it_was_not_taken() {
    let running = started().await;
    let lone = running.hold_a_lone_command().await;
    let waiting: Vec<_> = (0..10).map(|n| running.send(&format!("waiting-{n}"))).collect();
    running.machine.disk.fail_sync();
    running.machine.disk.release_syncs();
    assert_eq!(within(lone).await.unwrap_err(), Failure::OutcomeUnknown);
    for answer in waiting {
        assert!(matches!(within(answer).await, Err(Failure::ReadOnly(_))));
    }
    assert!(matches!(running.halted().await, Halt::Failed(_)));
    running.is_over().await;
}

#[tokio::test]
async fn a_full_disk_is_a_halt_that_says_so() {
    let running = started().await;
    running.machine.disk.set_capacity(running.machine.disk.used());
    let answer = within(running.engine.submit(create(running.operator, "no-room"))).await;
    assert_eq!(answer.unwrap_err(), Failure::OutcomeUnknown);
    assert!(matches!(running.halted().await, Halt::Full(_)));
    assert!(matches!(within(running.engine.stop()).await, Err(Halt::Full(_))));
}

#[tokio::test]
async fn stopping_finishes_what_waits_and_takes_no_more() {
    let running = started().await;
    let committing = running.hold_a_lone_command().await;
    let waiting = running.send("waiting");
    let engine = running.engine.clone();
    let stopping = tokio::spawn(async move { engine.stop().await });
    // A lane takes as much as comes until it is closed.
    within(async {
        while running.engine.submit(create(running.operator, "late")).now_or_never() != Some(Err(Failure::Stopping)) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    running.machine.disk.release_syncs();
    assert!(within(committing).await.is_ok() && within(waiting).await.is_ok());
    assert_eq!(within(stopping).await.unwrap(), Ok(()));
    let Running { machine, engine, operator } = running;
    drop(engine);
    let again = machine.start().unwrap();
    let (pools, waiting): (_, domain::PoolName) = (again.decider.cluster.pools(), "waiting".parse().unwrap());
    assert!(pools.contains_key(&waiting) && again.decider.cluster.user(operator).is_some());
}

#[tokio::test]
async fn a_full_lane_answers_at_once_and_the_other_lane_goes_on() {
    let running = started_with(Machine::new(1), |options| Options { operators_queue: 4, ..options }).await;
    let mut waiting = Vec::from(running.hold_a_batch().await);
    // Two are being committed, the next batch takes so many, and then the lane fills.
    let room = 2 + Batch::WAITING_MAX + 4;
    within(async {
        while waiting.len() < room {
            let (engine, request) = (running.engine.clone(), create(running.operator, "one"));
            let mut answer = async move { engine.submit(request).await }.boxed();
            match (&mut answer).now_or_never() {
                None => waiting.push(answer),
                Some(Err(Failure::Overloaded)) => tokio::task::yield_now().await,
                Some(other) => panic!("{other:?}"),
            }
        }
    })
    .await;
    for _ in 0..100 {
        let answer = running.engine.submit(create(running.operator, "one-more")).now_or_never();
        assert_eq!(answer, Some(Err(Failure::Overloaded)));
    }
    let mut report = running.engine.submit(world::inventory(0, 1, 1)).boxed();
    assert!((&mut report).now_or_never().is_none(), "the agents' lane takes more");
    running.machine.disk.release_syncs();
    assert!(within(report).await.is_ok());
    for answer in waiting {
        assert!(matches!(within(answer).await, Ok(_) | Err(Failure::Refused(_))));
    }
    assert_eq!(within(running.engine.stop()).await, Ok(()));
}

/// Keeps a lane full until it is dropped.
struct Storm {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Storm {
    fn on(running: &Running, agents: bool) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (engine, ends) = (running.engine.clone(), Arc::clone(&over));
        // Much more work to decide than to send, so that the lane is never empty.
        let newcomer = |n| user::Newcomer::new(super::login(&format!("u{n}")));
        let newcomers = (0..10).map(newcomer).collect();
        let onboard = user::Command::Onboard { newcomers, group: None, role: Role::Auditor };
        let request = Request { dry_run: true, ..Request::new(Principal::SYSTEM, Command::User(onboard)) };
        let thread = thread::spawn(move || {
            while !ends.load(Ordering::Relaxed) {
                // Nobody waits for the answer.
                let (reply, _) = oneshot::channel();
                let _ = engine.running.send(agents, Message::Command(Box::new(request.clone()), reply));
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

#[tokio::test]
async fn a_storm_on_one_lane_does_not_starve_the_other() {
    for agents_storm in [true, false] {
        let few = |options| Options { operators_queue: 64, agents_queue: 64, ..options };
        let running = started_with(Machine::new(1), few).await;
        let storm = Storm::on(&running, agents_storm);
        let full = |(operators, agents): (usize, usize)| if agents_storm { agents } else { operators } == 64;
        until(|| full(running.engine.queued())).await;
        for n in 1..=3 {
            let request =
                if agents_storm { create(running.operator, &format!("p{n}")) } else { world::inventory(0, n, 1) };
            let answer = within(running.engine.submit(request)).await;
            assert!(answer.is_ok(), "{answer:?}");
        }
        drop(storm);
        assert_eq!(within(running.engine.stop()).await, Ok(()));
    }
}

/// A source of time and chance that panics in one thread, once it is armed.
struct Bomb {
    armed: AtomicBool,
    thread: &'static str,
    machine: Machine,
}

impl Bomb {
    fn in_thread(thread: &'static str, machine: &Machine) -> Arc<Self> {
        Arc::new(Self { armed: AtomicBool::new(false), thread, machine: machine.clone() })
    }

    fn tick(&self) {
        let here = thread::current().name() == Some(self.thread);
        assert!(!(here && self.armed.load(Ordering::SeqCst)), "a bomb in a test goes off");
    }
}

impl Clock for Bomb {
    fn now(&self) -> Timestamp {
        self.tick();
        self.machine.clock.now()
    }
}

impl Entropy for Bomb {
    fn fill(&self, buffer: &mut [u8]) {
        self.tick();
        self.machine.entropy.fill(buffer);
    }
}

#[tokio::test]
async fn a_panic_while_deciding_is_a_halt() {
    let machine = Machine::new(1);
    let bomb = Bomb::in_thread("dkube-engine", &machine);
    let clock = Arc::clone(&bomb) as _;
    let running = started_with(machine, |options| Options { clock, ..options }).await;
    bomb.armed.store(true, Ordering::SeqCst);
    let answer = within(running.engine.submit(create(running.operator, "vision"))).await;
    assert_eq!(answer.unwrap_err(), Failure::OutcomeUnknown);
    assert!(matches!(running.halted().await, Halt::Failed(why) if why.contains("panicked")));
    running.is_over().await;
}

#[tokio::test]
async fn a_panic_while_committing_is_a_halt() {
    let plain = Machine::new(1);
    let bomb = Bomb::in_thread("dkube-commit", &plain);
    let machine = Machine { keys_entropy: Some(Arc::clone(&bomb) as _), ..plain };
    let running = started_with(machine, |options| options).await;
    bomb.armed.store(true, Ordering::SeqCst);
    // A user's key is saved, sealed under a random nonce, before the first event that it seals something in.
    let newcomer = user::Newcomer::new(super::login("eve"));
    let onboard = user::Command::Onboard { newcomers: vec![newcomer], group: None, role: Role::Auditor };
    let onboard = Request::new(Principal::SYSTEM, Command::User(onboard));
    let lone = running.hold_a_lone_command().await;
    let batch = [running.send("committing"), running.ask(onboard)];
    running.machine.disk.release_syncs();
    within(lone).await.unwrap();
    for answer in batch {
        assert_eq!(within(answer).await.unwrap_err(), Failure::OutcomeUnknown);
    }
    assert!(matches!(running.halted().await, Halt::Failed(why) if why.contains("panicked")));
    running.is_over().await;
}
