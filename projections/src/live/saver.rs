//! Making and storing snapshots, on a thread of its own: the feeding only copies the state.
use super::{Live, Ports, restore::Restored};
use crate::{
    audit::{SEGMENT, Segment},
    snapshot::{Kind, Piece, PieceError, pack, stored, thin},
    source::told,
    state::State,
};
use domain::Position;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

/// What one snapshot stores.
struct Job {
    state: State,
    /// The audit index's sealed segments, of which those that are not stored yet are.
    segments: Arc<Vec<Arc<Segment>>>,
    /// How many of those are stored since before the start.
    restored: usize,
    /// Snapshots that must not be used.
    unusable: Vec<Position>,
}

pub(super) struct Saver {
    jobs: SyncSender<Job>,
    busy: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    last: Position,
    /// How many of the audit index's segments were restored, and so are stored.
    segments: usize,
    unusable: Vec<Position>,
}

impl Saver {
    pub(super) fn start(live: Live, ports: Ports, keep: usize) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let idle = Arc::clone(&busy);
        let mut shelf = Shelf { ports, keep, segments: 0, unusable: vec![] };
        let thread =
            thread::Builder::new().name("snapshots".to_owned()).spawn(move || shelf.store_all(&live, &queue, &idle))?;
        Ok(Self { jobs, busy, thread, last: Position::START, segments: 0, unusable: vec![] })
    }

    /// Goes on behind what was restored from snapshots: the next one is due that much later.
    pub(super) fn begin(&mut self, restored: &mut Restored) {
        self.last = restored.models.state().position();
        self.segments = restored.models.audit().sealed().len();
        self.unusable = std::mem::take(&mut restored.unusable);
    }

    /// Makes a snapshot if one is due and the last one is stored.
    pub(super) fn save(&mut self, live: &Live, every: u64) {
        let due = live.read().state().position().0 >= self.last.0.saturating_add(every);
        if due && !self.busy.load(Ordering::Acquire) {
            self.make(live);
        }
    }

    /// Makes a last snapshot if anything is new, and waits until it is stored.
    pub(super) fn finish(mut self, live: &Live) {
        if live.read().state().position() > self.last {
            self.make(live);
        }
        drop(self.jobs);
        let _ = self.thread.join();
    }

    fn make(&mut self, live: &Live) {
        let models = live.read();
        // Readers may look on meanwhile, and the next event waits for the copy alone.
        let state = models.state().clone();
        let segments = models.audit().sealed();
        drop(models);
        // One that fails is not tried again at once: the next one is due later.
        self.last = state.position();
        self.busy.store(true, Ordering::Release);
        let unusable = std::mem::take(&mut self.unusable);
        let job = Job { state, segments, restored: self.segments, unusable };
        // The queue holds one, and it is taken before the saver is idle again; only a dead saver refuses it.
        if self.jobs.send(job).is_err() {
            live.note(|ledger| ledger.snapshot_error = Some("the thread that stores snapshots died".to_owned()));
        }
    }
}

/// What is stored, and by which rules.
struct Shelf {
    ports: Ports,
    keep: usize,
    /// How many of the audit index's segments are stored and known to be good.
    segments: usize,
    /// Snapshots that must not be used: they go once there is a good one.
    unusable: Vec<Position>,
}

impl Shelf {
    fn store_all(&mut self, live: &Live, queue: &Receiver<Job>, busy: &AtomicBool) {
        for job in queue {
            let at = job.state.position();
            match self.store(job) {
                Ok(()) => live.note(|ledger| {
                    ledger.snapshot = Some(at);
                    ledger.snapshot_error = None;
                }),
                Err(error) => {
                    let error = told(&error);
                    live.note(|ledger| ledger.snapshot_error = Some(error));
                }
            }
            busy.store(false, Ordering::Release);
        }
    }

    fn store(&mut self, job: Job) -> Result<(), PieceError> {
        self.segments = self.segments.max(job.restored);
        self.unusable.extend(job.unusable);
        for segment in &job.segments[self.segments.min(job.segments.len())..] {
            let at = Position((self.segments as u64 + 1) * u64::from(SEGMENT));
            self.put(Kind::Audit, at, &segment.to_bytes())?;
            self.segments += 1;
        }
        let Ports { vault, .. } = &self.ports;
        let at = job.state.position();
        self.put(Kind::State, at, &pack(&job.state, &**vault)?)?;
        self.unusable.retain(|other| *other != at);
        for at in std::mem::take(&mut self.unusable) {
            self.remove(at)?;
        }
        let have = stored(&*self.ports.store, Kind::State).map_err(PieceError::cause)?;
        thin(&have, self.keep).into_iter().try_for_each(|at| self.remove(at))
    }

    fn put(&self, kind: Kind, at: Position, payload: &[u8]) -> Result<(), PieceError> {
        let Ports { events, store, .. } = &self.ports;
        let piece = Piece::seal(kind, events.log(), at, &events.root(at)?, payload);
        store.store(&kind.name(at), &piece).map_err(PieceError::cause)
    }

    fn remove(&self, at: Position) -> Result<(), PieceError> {
        self.ports.store.remove(&Kind::State.name(at)).map_err(PieceError::cause)
    }
}
