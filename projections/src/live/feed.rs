//! Feeding the read models: one loop over what is committed and not folded in, the same for old events and new ones.
use super::{Live, Phase, restore::restore, saver::Saver};
use crate::{
    audit::seal,
    snapshot::Store,
    source::{Events, SourceError, told},
};
use domain::{Position, Recorded, stored::Vault};
use parking_lot::RwLockWriteGuard;
use std::{
    fmt, io,
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// What the read models are connected to.
#[derive(Clone)]
pub struct Ports {
    /// The log.
    pub events: Arc<dyn Events>,
    /// Where snapshots are kept.
    pub store: Arc<dyn Store>,
    /// The keys that seal personal fields in snapshots.
    pub vault: Arc<dyn Vault + Send + Sync>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").field("log", &self.events.log()).finish_non_exhaustive()
    }
}

/// How the read models are fed and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// After how many events a snapshot is made, at least 1.
    pub snapshot_every: u64,
    /// How many snapshots of the state are kept, at least 1.
    pub snapshots_kept: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { snapshot_every: 250_000, snapshots_kept: 32 }
    }
}

/// How many events are read at a time.
const BATCH: usize = 4096;
/// From how many events on they are read ahead.
const AHEAD: u64 = 2 * BATCH as u64;
/// How many events are folded in while readers wait.
const SLICE: usize = 256;
/// How long to wait before a failed step is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));

/// The feeding, until it is stopped. Dropped, it stops by itself, and nobody waits for it.
#[derive(Debug)]
pub struct Feeder {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Feeder {
    /// Ends the feeding with a last snapshot, and waits until that is stored. Blocks.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // A panic of the thread shows as `Phase::Failed`; there is nothing to add here.
        let _ = self.thread.join();
    }
}

/// Begins to feed the read models, on a thread of its own: from snapshots, then from the log up to `watermark` as it
/// rises. `watermark` must stand at the log's end already.
///
/// # Errors
/// The thread can't be started.
pub fn start(live: Live, ports: Ports, watermark: watch::Receiver<Position>, settings: Settings) -> io::Result<Feeder> {
    let (stop, stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let saver = Saver::start(live.clone(), ports.clone(), settings.snapshots_kept)?;
    let thread = thread::Builder::new().name("projections".to_owned()).spawn(move || {
        let _ending = Ending(live.clone());
        let mut feed = Feed { live, ports, watermark, stopped, saver, every: settings.snapshot_every.max(1) };
        feed.restore();
        runtime.block_on(feed.run());
        feed.finish();
    })?;
    Ok(Feeder { stop, thread })
}

/// Tells how the thread ended, whichever way it does.
struct Ending(Live);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.enter(if thread::panicking() { Phase::Failed } else { Phase::Stopped });
    }
}

struct Feed {
    live: Live,
    ports: Ports,
    watermark: watch::Receiver<Position>,
    stopped: watch::Receiver<bool>,
    saver: Saver,
    every: u64,
}

impl Feed {
    fn restore(&mut self) {
        let up_to = *self.watermark.borrow();
        let mut restored = restore(&self.live, &self.ports, up_to);
        self.saver.begin(&mut restored);
        let position = restored.models.position();
        *self.live.write() = restored.models;
        self.live.advance(position);
    }

    async fn run(&mut self) {
        let mut pause = RETRY.0;
        while !self.ended() {
            match self.catch_up() {
                Ok(()) => {
                    pause = RETRY.0;
                    self.wait(None).await;
                }
                Err(error) => {
                    self.stall(error);
                    self.wait(Some(pause)).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Folds in all that is committed.
    fn catch_up(&mut self) -> Result<(), String> {
        loop {
            let up_to = *self.watermark.borrow_and_update();
            self.live.note(|ledger| ledger.watermark = up_to);
            let after = self.live.position();
            if after >= up_to || self.ended() {
                self.resume(Phase::Live);
                return Ok(());
            }
            if up_to.0 - after.0 <= AHEAD {
                let batch = self.ports.events.read(after, up_to, BATCH);
                if batch.is_ok() {
                    self.resume(Phase::Live);
                }
                self.take(batch)?;
            } else {
                self.resume(Phase::CatchingUp);
                self.catch_up_far(after, up_to)?;
            }
        }
    }

    /// Folds in much: the next batches are read and decoded while one is folded.
    fn catch_up_far(&mut self, after: Position, up_to: Position) -> Result<(), String> {
        let events = Arc::clone(&self.ports.events);
        let (hand, batches) = sync_channel(2);
        thread::scope(|scope| {
            scope.spawn(move || read_ahead(&*events, after, up_to, &hand));
            // Dropped at the first error, which ends the reading too.
            let batches = batches;
            for batch in &batches {
                self.take(batch)?;
                if self.ended() {
                    break;
                }
            }
            Ok(())
        })
    }

    fn take(&mut self, batch: Result<Vec<Recorded>, SourceError>) -> Result<(), String> {
        let batch = batch.map_err(|error| told(&error))?;
        if batch.is_empty() {
            return Err(format!("the log has no event after {}, though more is committed", self.live.position()));
        }
        self.fold(&batch)?;
        self.seal();
        self.saver.save(&self.live, self.every);
        Ok(())
    }

    fn fold(&self, batch: &[Recorded]) -> Result<(), String> {
        for slice in batch.chunks(SLICE) {
            let mut models = self.live.write();
            let folded = slice.iter().try_for_each(|recorded| models.apply(recorded).map(drop));
            let position = models.position();
            // Readers that waited go first: a long catching up must not keep them out.
            RwLockWriteGuard::unlock_fair(models);
            self.live.advance(position);
            folded.map_err(|gap| told(&gap))?;
        }
        Ok(())
    }

    /// Seals the audit index's full segments while readers go on.
    fn seal(&self) {
        loop {
            let full = self.live.read().audit().full_first();
            let Some(full) = full else { return };
            let sealed = seal(&full);
            self.live.write().audit_mut().put_sealed(sealed);
        }
    }

    fn resume(&self, phase: Phase) {
        self.live.note(|ledger| ledger.stalled_since = None);
        self.live.enter(phase);
    }

    fn stall(&self, error: String) {
        self.live.note(|ledger| {
            ledger.stalls += u64::from(ledger.stalled_since.is_none());
            ledger.stalled_since.get_or_insert_with(Instant::now);
        });
        self.live.enter(Phase::Stalled { at: self.live.position(), error });
    }

    /// Waits until there is more to do: more events, or after a failure that this much time has passed.
    async fn wait(&mut self, pause: Option<Duration>) {
        let Self { watermark, stopped, .. } = self;
        let more = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                // An error says that the log is closed: `ended` sees that too.
                None => drop(watermark.changed().await),
            }
        };
        tokio::select! {
            () = more => {}
            _ = stopped.changed() => {}
        }
    }

    /// Whether the feeding was asked to end, or nothing can come any more.
    fn ended(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err() || self.watermark.has_changed().is_err()
    }

    fn finish(self) {
        self.saver.finish(&self.live);
    }
}

/// Reads batch after batch until all is read, something fails or nobody takes them any more.
fn read_ahead(
    events: &dyn Events,
    mut after: Position,
    up_to: Position,
    hand: &SyncSender<Result<Vec<Recorded>, SourceError>>,
) {
    while after < up_to {
        let batch = events.read(after, up_to, BATCH);
        let last = batch.as_ref().ok().and_then(|batch| batch.last()).map(|recorded| recorded.position);
        if hand.send(batch).is_err() {
            return;
        }
        // A batch that leads no further is refused by the one who takes it.
        match last {
            Some(last) if last > after => after = last,
            Some(_) | None => return,
        }
    }
}
