//! The engine's two threads and the lanes between callers and them.
use super::{
    Counters, Engine, Failure, Halt, OutcomeBounds, Planted, Recovery, Request,
    batch::{Batch, Reply},
    committer::{Committer, settle},
    decider::Decider,
    space::Space,
};
use crate::{
    clock::{Clock, Entropy},
    keyring::KeyRing,
    log::{LogReader, LogWriter},
    storage::Files,
};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded, select_biased};
use domain::{Limits, Position};
use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::{self, JoinHandle},
};
use tokio::sync::watch;

/// How an engine runs.
#[derive(Clone)]
pub struct Options {
    /// Bounds and settings of decisions.
    pub limits: Limits,
    /// The most commands of people that may wait.
    pub operators_queue: usize,
    /// The most commands of agents that may wait.
    pub agents_queue: usize,
    /// Bytes that must be free on the disk: below, nothing is taken.
    pub free_floor: u64,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// How many outcomes of commands with a key are kept at a time.
    pub outcomes: OutcomeBounds,
    /// After how many commits the ledger's file is saved.
    pub ledger_every: u64,
    /// A bug to plant; only for the tests that must find it.
    #[doc(hidden)]
    pub planted: Option<Planted>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Options {
    /// The defaults, with this clock and chance.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            limits: Limits::default(),
            operators_queue: 4096,
            agents_queue: 4096,
            free_floor: 256 << 20,
            outcomes: OutcomeBounds::default(),
            ledger_every: 65_536,
            clock,
            entropy,
            planted: None,
        }
    }
}

/// What comes down a lane.
#[derive(Debug)]
pub(super) enum Message {
    Command(Box<Request>, Reply),
    Barrier(Reply),
}

impl Message {
    fn refuse(self, failure: Failure) {
        let (Self::Command(_, reply) | Self::Barrier(reply)) = self;
        // Who does not wait any more needs no answer.
        let _ = reply.send(Err(failure));
    }
}

/// The lanes: taken away when the engine stops, so that its thread sees their end.
struct Lanes {
    operators: Sender<Message>,
    agents: Sender<Message>,
}

/// The running threads.
pub(super) struct Running {
    lanes: RwLock<Option<Lanes>>,
    /// Held so that readers go on when no more is committed: what they have stays true.
    _watermark: watch::Sender<Position>,
    decider: Mutex<Option<JoinHandle<Result<(), Halt>>>>,
}

impl Running {
    /// Sends without waiting.
    ///
    /// # Errors
    /// Whether the lane is full; otherwise the engine takes no more.
    pub(super) fn send(&self, agents: bool, message: Message) -> Result<(), bool> {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        let lanes = lanes.as_ref().ok_or(false)?;
        let lane = if agents { &lanes.agents } else { &lanes.operators };
        lane.try_send(message).map_err(|error| matches!(error, TrySendError::Full(_)))
    }

    pub(super) fn queued(&self) -> (usize, usize) {
        let lanes = self.lanes.read().unwrap_or_else(PoisonError::into_inner);
        lanes.as_ref().map_or((0, 0), |lanes| (lanes.operators.len(), lanes.agents.len()))
    }

    pub(super) fn stop(&self) -> Result<(), Halt> {
        *self.lanes.write().unwrap_or_else(PoisonError::into_inner) = None;
        let handle = self.decider.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(handle) = handle else { return Ok(()) };
        handle.join().unwrap_or_else(|_| Err(Halt::Failed("the engine's thread panicked".to_owned())))
    }
}

/// Starts an engine on a log whose state was recovered.
///
/// # Errors
/// A thread can't be started.
pub fn start(
    writer: LogWriter,
    reader: LogReader,
    keyring: Arc<KeyRing>,
    recovery: Recovery,
    options: Options,
) -> std::io::Result<Engine> {
    let (operators_in, operators) = bounded(options.operators_queue);
    let (agents_in, agents) = bounded(options.agents_queue);
    let (watermark_in, watermark) = watch::channel(Position(reader.tip().size));
    let (low_in, low) = watch::channel(None);
    let kept = watermark_in.clone();
    let (halted_in, halted) = watch::channel(None);
    let counters = Arc::new(Counters::default());
    let files = writer.files();
    let committer = Committer {
        writer,
        reader: reader.clone(),
        keyring: Arc::clone(&keyring),
        watermark: watermark_in,
        counters: Arc::clone(&counters),
        planted: options.planted,
    };
    let space = Space::new(reader.clone(), options.free_floor, low_in);
    let decider = recovery.into_decider(Arc::clone(&keyring) as _, options);
    let halted_in = Arc::new(halted_in);
    let (halted_at_panic, halted_by_commit) = (Arc::clone(&halted_in), halted_in);
    let (batches, to_commit) = bounded(1);
    let (done_in, done) = bounded(1);
    let saved_in = Arc::clone(&files);
    let beside = thread::Builder::new().name("dkube-commit".to_owned()).spawn(move || {
        let _ending = Ending(halted_by_commit);
        // Dropped before the halt is told: who comes after it is not taken any more.
        let done = done_in;
        commit_beside(&to_commit, &done, &*saved_in);
    })?;
    let committer = Some(Box::new(committer));
    let decisions = Decisions { decider, space, files, operators, agents, batches, done, beside, committer, turn: 0 };
    let handle = thread::Builder::new().name("dkube-engine".to_owned()).spawn(move || {
        let _ending = Ending(Arc::clone(&halted_at_panic));
        decisions.run(&halted_at_panic)
    })?;
    let lanes = Lanes { operators: operators_in, agents: agents_in };
    let running = Running { lanes: RwLock::new(Some(lanes)), _watermark: kept, decider: Mutex::new(Some(handle)) };
    Ok(Engine { running: Arc::new(running), reader, keyring, watermark, halted, low, counters })
}

/// Makes a panic of a thread known as what it is: the end.
struct Ending(Arc<watch::Sender<Option<Halt>>>);

impl Drop for Ending {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.send_replace(Some(Halt::Failed("a thread of the engine panicked".to_owned())));
        }
    }
}

/// The committer, and how its last commit went.
type Done = (Box<Committer>, Result<(), Halt>);

/// Commits batches while the next ones are decided.
fn commit_beside(batches: &Receiver<(Box<Committer>, Batch)>, done: &Sender<Done>, files: &dyn Files) {
    for (mut committer, mut batch) in batches {
        let result = committer.commit(&mut batch);
        let committed = result.is_ok();
        // The decider hears first, so that the next batch is on its way while this one is answered.
        let told = done.send((committer, result));
        if committed {
            settle(batch, files);
        } else {
            batch.abandon();
        }
        if told.is_err() {
            return;
        }
    }
}

/// The deciding thread.
struct Decisions {
    decider: Decider,
    space: Space,
    files: Arc<dyn Files>,
    operators: Receiver<Message>,
    agents: Receiver<Message>,
    batches: Sender<(Box<Committer>, Batch)>,
    done: Receiver<Done>,
    /// The committing thread.
    beside: JoinHandle<()>,
    /// The one that writes, while it has nothing to write: there is one, so no two batches are ever under way.
    committer: Option<Box<Committer>>,
    /// How many were taken since an agent had its turn.
    turn: u32,
}

/// What the deciding thread woke up for.
enum Woken {
    By(Message),
    Committed(Done),
    /// A lane has ended: the engine stops.
    Stop,
    /// The committing thread is gone, which it is only after a panic.
    Alone,
}

impl Decisions {
    /// How many commands of people are taken before one of an agent gets its turn: neither can starve the other.
    const TURN: u32 = 64;

    /// Decides until it is told to stop, and closes the log.
    ///
    /// # Errors
    /// The log failed. Everybody who waits is told, and whoever comes until the engine is stopped.
    fn run(mut self, halted: &watch::Sender<Option<Halt>>) -> Result<(), Halt> {
        let ended = self.decide_all();
        if let Err(halt) = &ended {
            tracing::error!(reason = ?halt, "the log takes no more");
            halted.send_if_modified(|known| {
                let first = known.is_none();
                known.get_or_insert_with(|| halt.clone());
                first
            });
            self.refuse_all(halt);
        }
        let Self { mut decider, files, batches, beside, committer, .. } = self;
        drop(batches);
        let joined = beside.join();
        ended?;
        joined.map_err(|_| alone())?;
        settle(decider.last_cut(), &*files);
        committer.map_or(Ok(()), |committer| committer.close())
    }

    fn decide_all(&mut self) -> Result<(), Halt> {
        loop {
            match self.wait() {
                Woken::By(message) => self.take(message),
                Woken::Committed(done) => self.take_back(done)?,
                Woken::Alone => return Err(alone()),
                Woken::Stop => return self.finish(),
            }
            self.dispatch()?;
        }
    }

    /// Blocks until there is something to do.
    fn wait(&self) -> Woken {
        let by = |message: Result<Message, _>| message.map_or(Woken::Stop, Woken::By);
        let committed = |done: Result<Done, _>| done.map_or(Woken::Alone, Woken::Committed);
        if self.decider.batch.is_full() {
            return committed(self.done.recv());
        }
        if self.turn == 0 {
            select_biased! {
                recv(self.done) -> done => committed(done),
                recv(self.agents) -> message => by(message),
                recv(self.operators) -> message => by(message),
            }
        } else {
            select_biased! {
                recv(self.done) -> done => committed(done),
                recv(self.operators) -> message => by(message),
                recv(self.agents) -> message => by(message),
            }
        }
    }

    fn take_back(&mut self, (committer, result): Done) -> Result<(), Halt> {
        self.committer = Some(committer);
        result
    }

    /// Takes what waits already: the committer is free, and would find it in the next batch anyway.
    fn drain(&mut self) {
        while !self.decider.batch.is_full() {
            let (first, second) =
                if self.turn == 0 { (&self.agents, &self.operators) } else { (&self.operators, &self.agents) };
            let Ok(message) = first.try_recv().or_else(|_| second.try_recv()) else { return };
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        self.turn = (self.turn + 1) % Self::TURN;
        match message {
            Message::Barrier(reply) => self.decider.barrier(reply),
            Message::Command(request, reply) => match self.space.low() {
                Some(why) if !request.dry_run => {
                    let why = why.to_owned();
                    Message::Barrier(reply).refuse(Failure::ReadOnly(why));
                }
                Some(_) | None => {
                    let before = self.decider.batch.bytes;
                    self.decider.take(&request, reply);
                    self.space.took(self.decider.batch.bytes - before);
                }
            },
        }
    }

    /// Commits what was decided, where the committer is free: beside, so that deciding goes on meanwhile; a lone command
    /// on this thread, since nobody waits to be decided and the way to another thread and back costs it more.
    fn dispatch(&mut self) -> Result<(), Halt> {
        let Some(mut committer) = self.committer.take() else { return Ok(()) };
        self.drain();
        if self.decider.batch.is_empty() {
            self.committer = Some(committer);
            return Ok(());
        }
        let mut batch = self.decider.cut();
        if !batch.is_lone() {
            return self.batches.send((committer, batch)).map_err(|_| alone());
        }
        let result = committer.commit(&mut batch);
        if result.is_ok() {
            settle(batch, &*self.files);
        } else {
            batch.abandon();
        }
        self.take_back((committer, result))
    }

    /// Decides and commits what still waits, and what is told at last.
    fn finish(&mut self) -> Result<(), Halt> {
        self.settle_all()?;
        self.decider.tell_omitted_at_last();
        self.settle_all()
    }

    fn settle_all(&mut self) -> Result<(), Halt> {
        while self.is_busy() {
            if self.committer.is_some() {
                self.dispatch()?;
            } else {
                let done = self.done.recv().map_err(|_| alone())?;
                self.take_back(done)?;
            }
        }
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.committer.is_none()
            || !self.decider.batch.is_empty()
            || !self.operators.is_empty()
            || !self.agents.is_empty()
    }

    /// Tells everybody who waits, and whoever comes until the engine is stopped.
    fn refuse_all(&mut self, halt: &Halt) {
        self.decider.cut().abandon();
        loop {
            let next = select_biased! {
                recv(self.operators) -> message => message,
                recv(self.agents) -> message => message,
            };
            match next {
                Ok(message) => message.refuse(halt.afterwards()),
                Err(_) => break,
            }
        }
        // Both lanes are closed together, so what is left in them is finite.
        for message in self.operators.iter().chain(self.agents.iter()) {
            message.refuse(halt.afterwards());
        }
    }
}

fn alone() -> Halt {
    Halt::Failed("the committing thread panicked".to_owned())
}
