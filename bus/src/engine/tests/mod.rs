//! The engine on a simulated disk, first command by command, then through thousands of power cuts.
mod memory;
mod rules;
mod simulation;
mod threads;
mod world;

use super::{
    Barrier, Counters, Engine, Failure, Halt, Options, OutcomeBounds, Planted, Recovery, Request,
    batch::Verdict,
    committer::{Committer, settle},
    decider::Decider,
};
use crate::{
    clock::{Clock, Entropy},
    keyring::{KeyRing, MasterKey},
    log::{Log, LogReader, LogWriter, OpenOptions, Sabotage},
    storage::simulated::{SimulatedDisk, SplitMix64},
};
use domain::{
    Actor, ClusterId, Command, Login, Position, Principal, Recorded, Timestamp, UserId, Via, stored, user::Newcomer,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

pub(super) const CLUSTER: Uuid = Uuid::from_u128(0x00c1_0c1c);

/// A clock that a test sets.
#[derive(Debug)]
pub(super) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(super) fn new() -> Self {
        Self(AtomicI64::new(1_772_366_400_000_000))
    }

    pub(super) fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// Chance that a seed decides.
#[derive(Debug)]
pub(super) struct SeededEntropy(Mutex<SplitMix64>);

impl SeededEntropy {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(SplitMix64::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        let mut random = self.0.lock().unwrap();
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&random.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }
}

/// What survives a restart: the disk, and the world outside.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) disk: SimulatedDisk,
    pub(super) clock: Arc<ManualClock>,
    pub(super) entropy: Arc<SeededEntropy>,
    pub(super) planted: Option<Planted>,
    pub(super) skip_checksums: bool,
    pub(super) outcomes: OutcomeBounds,
    /// Chance of the key ring's own.
    pub(super) keys_entropy: Option<Arc<dyn Entropy>>,
}

impl Machine {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            disk: SimulatedDisk::new(seed),
            clock: Arc::new(ManualClock::new()),
            entropy: Arc::new(SeededEntropy::new(seed ^ 0x5eed)),
            planted: None,
            skip_checksums: false,
            outcomes: OutcomeBounds::default(),
            keys_entropy: None,
        }
    }

    /// Opens the log, and reads it.
    fn open(&self) -> Result<(LogWriter, LogReader, Arc<KeyRing>, Recovery, Options), String> {
        fn said(error: impl std::error::Error) -> String {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            format!("{error}{source}")
        }
        let storage = self.disk.open().map_err(said)?;
        let open = OpenOptions {
            sabotage: self.skip_checksums.then_some(Sabotage::SkipChecksum),
            head_every: 4,
            ..OpenOptions::new(Some(CLUSTER))
        };
        let (writer, reader, _) = Log::open(Box::new(storage), &open).map_err(said)?;
        let entropy: Arc<dyn Entropy> = Arc::clone(&self.entropy) as _;
        let may_create = reader.tip().size == 0;
        let keys_entropy = self.keys_entropy.clone().unwrap_or_else(|| Arc::clone(&entropy));
        let keyring = KeyRing::open(MasterKey::new([7; 32]), writer.files(), keys_entropy, may_create);
        let keyring = Arc::new(keyring.map_err(said)?);
        let recovery = Recovery::from_log(&reader, &*writer.files(), &keyring, None, |_| {}).map_err(said)?;
        // Far more often than in earnest.
        let defaults = Options::new(Arc::clone(&self.clock) as _, entropy);
        let options = Options { ledger_every: 3, outcomes: self.outcomes, ..defaults };
        Ok((writer, reader, keyring, recovery, options))
    }

    /// Starts the engine with its threads, and with other options.
    pub(super) fn run(&self, change: impl FnOnce(Options) -> Options) -> Engine {
        let (writer, reader, keyring, recovery, options) = self.open().unwrap();
        super::start(writer, reader, keyring, recovery, change(options)).unwrap()
    }

    /// Starts the engine without its threads.
    pub(super) fn start(&self) -> Result<Bare, String> {
        let (writer, reader, keyring, recovery, options) = self.open()?;
        let (watermark, watched) = watch::channel(Position(reader.tip().size));
        let committer = Committer {
            writer,
            reader: reader.clone(),
            keyring: Arc::clone(&keyring),
            watermark,
            counters: Arc::new(Counters::default()),
            planted: self.planted,
        };
        let decider = recovery.into_decider(Arc::clone(&keyring) as _, options);
        Ok(Bare { decider, committer, reader, keyring, watermark: watched })
    }
}

/// An engine without threads: what happens when is the test's to say.
pub(super) struct Bare {
    pub(super) decider: Decider,
    pub(super) committer: Committer,
    pub(super) reader: LogReader,
    pub(super) keyring: Arc<KeyRing>,
    pub(super) watermark: watch::Receiver<Position>,
}

/// An answer to come.
pub(super) type Pending = oneshot::Receiver<Result<Verdict, Failure>>;

impl Bare {
    pub(super) fn take(&mut self, request: &Request) -> Pending {
        let (reply, verdict) = oneshot::channel();
        self.decider.take(request, reply);
        verdict
    }

    pub(super) fn commit(&mut self) -> Result<(), Halt> {
        let mut batch = self.decider.cut();
        match self.committer.commit(&mut batch) {
            Ok(()) => {
                settle(batch, &*self.committer.writer.files());
                Ok(())
            }
            Err(halt) => {
                batch.abandon();
                Err(halt)
            }
        }
    }

    /// Decides, commits and answers one command.
    pub(super) fn ask(&mut self, request: &Request) -> Result<Verdict, Failure> {
        let mut pending = self.take(request);
        self.commit().unwrap();
        pending.try_recv().unwrap()
    }

    pub(super) fn barrier(&mut self) -> Barrier {
        let (reply, mut verdict) = oneshot::channel();
        self.decider.barrier(reply);
        self.commit().unwrap();
        match verdict.try_recv().unwrap() {
            Ok(Verdict::Barrier(barrier)) => barrier,
            other => panic!("{other:?}"),
        }
    }

    /// All that is in the log.
    pub(super) fn recorded(&self) -> Vec<Recorded> {
        let events = self.reader.read(0, self.reader.tip().size, usize::MAX, usize::MAX).unwrap();
        events.iter().map(|event| stored::decode(&event.bytes, &*self.keyring).unwrap()).collect()
    }

    pub(super) fn found(&mut self) -> UserId {
        self.ask(&founding()).unwrap();
        self.decider.cluster.user_by_login(&login("operator")).unwrap().id
    }
}

pub(super) fn login(text: &str) -> Login {
    text.parse().unwrap()
}

pub(super) fn founding() -> Request {
    let operator = Newcomer::new(login("operator"));
    let command = Command::Found { cluster: ClusterId(CLUSTER), demonstration: false, operator };
    Request::new(Principal::SYSTEM, command)
}

pub(super) fn session(user: UserId) -> Principal {
    let via = Via::Session { since: Position(u64::MAX) };
    Principal { actor: Actor::User(user), via, address: Some([10, 1, 2, 3].into()) }
}
