//! The engine's two threads and the lanes between callers and them.
use super::{
    Counters, Engine, Failure, Halt, Planted, Recovery, Request,
    batch::{Batch, Reply},
    committer::{Committer, answer},
    decider::Decider,
    recover::LEDGER,
};
use crate::{
    clock::{Clock, Entropy},
    keyring::KeyRing,
    log::{LogReader, LogWriter},
    storage::Files,
};
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError, bounded, select_biased};
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
    let (framer, appender) = writer.into_parts();
    let files = appender.files();
    let committer = Committer {
        framer,
        appender,
        reader: reader.clone(),
        keyring: Arc::clone(&keyring),
        watermark: watermark_in,
        counters: Arc::clone(&counters),
        planted: options.planted,
    };
    let ledger_every = options.ledger_every.max(1);
    let space = Space { reader: reader.clone(), floor: options.free_floor, decisions: 0, low: None, shown: low_in };
    let decider = recovery.into_decider(Arc::clone(&keyring) as _, options);
    let halted_in = Arc::new(halted_in);
    let (halted_at_panic, halted_by_commit) = (Arc::clone(&halted_in), halted_in);
    let (batches, to_commit) = bounded(1);
    let (done_in, done) = bounded(1);
    thread::Builder::new().name("dkube-commit".to_owned()).spawn(move || {
        let _ending = Ending(halted_by_commit);
        commit_beside(&to_commit, &done_in);
    })?;
    let saved_at = decider.commit;
    let committer = Some(Box::new(committer));
    let decisions =
        Decisions { decider, space, files, saved_at, ledger_every, operators, agents, batches, done, committer };
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
fn commit_beside(batches: &Receiver<(Box<Committer>, Batch)>, done: &Sender<Done>) {
    for (mut committer, mut batch) in batches {
        let result = committer.commit(&mut batch);
        let committed = result.is_ok();
        // The decider hears first, so that the next batch is on its way while this one is answered.
        let told = done.send((committer, result));
        if committed {
            answer(batch)
        } else {
            batch.abandon()
        }
        if told.is_err() {
            return;
        }
    }
}

/// Watches the room on the disk, now and then.
struct Space {
    reader: LogReader,
    floor: u64,
    decisions: u32,
    low: Option<String>,
    shown: watch::Sender<Option<String>>,
}

impl Space {
    /// Looking costs a system call: often enough that what is decided in between fits well below the floor.
    const EVERY: u32 = 256;

    /// Why nothing may be taken now, if so.
    fn low(&mut self) -> Option<&str> {
        if self.low.is_some() || self.decisions.is_multiple_of(Self::EVERY) {
            self.low = match self.reader.stats() {
                Ok(stats) if stats.free_bytes < self.floor => Some(format!(
                    "{} bytes are free on the disk, and {} must be: make room",
                    stats.free_bytes, self.floor
                )),
                Ok(_) => None,
                Err(error) => Some(format!("the free space can't be told: {error}")),
            };
        }
        self.shown.send_if_modified(|shown| {
            let changed = *shown != self.low;
            shown.clone_from(&self.low);
            changed
        });
        self.decisions = self.decisions.wrapping_add(1);
        self.low.as_deref()
    }
}

/// The deciding thread.
struct Decisions {
    decider: Decider,
    space: Space,
    files: Arc<dyn Files>,
    /// The commit up to which the ledger's file has everything, and how often it is saved.
    saved_at: u64,
    ledger_every: u64,
    operators: Receiver<Message>,
    agents: Receiver<Message>,
    batches: Sender<(Box<Committer>, Batch)>,
    done: Receiver<Done>,
    /// The one that writes, while it has nothing to write: there is one, so no two batches are ever under way.
    committer: Option<Box<Committer>>,
}

/// What the deciding thread woke up for.
enum Woken {
    By(Message),
    Committed(Done),
    /// A lane has ended: the engine stops.
    Stop,
    /// The committing thread is gone.
    Alone,
}

impl Decisions {
    /// How many commands of people are taken before one of an agent gets its turn: neither can starve the other.
    const TURN: u32 = 64;

    /// # Errors
    /// Why it ended before it was told to, or could not close the log.
    fn run(mut self, halted: &watch::Sender<Option<Halt>>) -> Result<(), Halt> {
        self.decide_all().map_err(|halt| {
            tracing::error!(reason = ?halt, "the log takes no more");
            halted.send_replace(Some(halt.clone()));
            self.refuse_all(&halt);
            halt
        })
    }

    fn decide_all(&mut self) -> Result<(), Halt> {
        let mut turn = 0;
        loop {
            match self.wait(turn) {
                Woken::By(message) => {
                    self.take(message);
                    turn = (turn + 1) % Self::TURN;
                }
                Woken::Committed(done) => self.take_back(done)?,
                Woken::Alone => return Err(Self::alone()),
                Woken::Stop => return self.finish(),
            }
            self.dispatch()?;
        }
    }

    /// Blocks until there is something to do.
    fn wait(&self, turn: u32) -> Woken {
        let by = |message: Result<Message, _>| message.map_or(Woken::Stop, Woken::By);
        let committed = |done: Result<Done, _>| done.map_or(Woken::Alone, Woken::Committed);
        if self.decider.batch.is_full() {
            return committed(self.done.recv());
        }
        if turn == 0 {
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

    fn alone() -> Halt {
        Halt::Failed("the committing thread ended".to_owned())
    }

    /// Takes what waits already: the committer is free, and would find it in the next batch anyway.
    fn drain(&mut self) {
        for lane in [self.operators.clone(), self.agents.clone()] {
            while !self.decider.batch.is_full() {
                match lane.try_recv() {
                    Ok(message) => self.take(message),
                    Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Barrier(reply) => self.decider.barrier(reply),
            Message::Command(request, reply) => match self.space.low() {
                Some(why) if !request.dry_run => {
                    let why = why.to_owned();
                    Message::Barrier(reply).refuse(Failure::ReadOnly(why));
                }
                Some(_) | None => self.decider.take(&request, reply),
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
        if batch.is_lone() {
            let result = committer.commit(&mut batch);
            if result.is_ok() {
                answer(batch)
            } else {
                batch.abandon()
            }
            self.take_back((committer, result))?;
        } else {
            self.batches.send((committer, batch)).map_err(|_| Self::alone())?;
        }
        if self.decider.commit - self.saved_at >= self.ledger_every {
            self.save_ledger();
        }
        Ok(())
    }

    /// The file only spares the next start a look through the log, so nothing depends on it.
    fn save_ledger(&mut self) {
        self.saved_at = self.decider.commit;
        if let Err(error) = self.files.write(LEDGER, &self.decider.ledger_file()) {
            tracing::warn!(%error, "the ledger's file was not saved: the next start reads the log instead");
        }
    }

    /// Decides what still waits, commits it, and closes the log.
    fn finish(&mut self) -> Result<(), Halt> {
        while self.is_busy() {
            if self.committer.is_some() {
                self.dispatch()?;
            } else {
                let done = self.done.recv().map_err(|_| Self::alone())?;
                self.take_back(done)?;
            }
        }
        self.save_ledger();
        self.committer.take().map_or(Ok(()), |committer| committer.close())
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
