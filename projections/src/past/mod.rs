//! Looking at the past: the state after any event, folded again from the nearest snapshot before it.
mod cache;
mod rebuild;

#[cfg(test)]
mod tests;

use crate::{
    live::{Live, Ports},
    source::{SourceError, told},
    state::State,
};
use cache::Cache;
use domain::{Position, Timestamp};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

/// How much the past may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// How many states are kept in memory.
    pub cached: usize,
    /// How many are folded at the same time, at least 1.
    pub rebuilds: usize,
    /// How many different ones may be asked for and not be ready yet.
    pub waiting: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { cached: 4, rebuilds: 1, waiting: 16 }
    }
}

/// A handle on the past. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Past(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    live: Live,
    ports: Ports,
    bounds: Bounds,
    rebuilds: Arc<Semaphore>,
    closing: AtomicBool,
    desk: Mutex<Desk>,
}

/// What is ready, and what is on its way.
#[derive(Debug)]
struct Desk {
    ready: Cache,
    coming: HashMap<Position, Coming>,
    /// Rises when a key was thrown away: what was begun before must not be kept.
    erasures: u64,
}

type Outcome = Result<Arc<State>, PastError>;
type Coming = watch::Receiver<Option<Outcome>>;

/// The state at a past position can't be had.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PastError {
    /// It is not past yet.
    #[error("position {asked} is in the future: the read models are at {have}")]
    Future {
        /// The position asked for.
        asked: Position,
        /// The one that the read models have reached.
        have: Position,
    },
    /// Too many different moments are asked for at once.
    #[error("too many looks at the past are waiting")]
    Busy,
    /// It was not ready in time. It will be: ask again.
    #[error("the state at position {0} is still being folded")]
    Slow(Position),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The log can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The folding failed: a mistake in the program.
    #[error("the state at position {0} can't be folded: {1}")]
    Failed(Position, String),
}

impl Past {
    /// The past of what `live` shows.
    pub fn new(live: Live, ports: Ports, bounds: Bounds) -> Self {
        Self(Arc::new(Shared {
            live,
            ports,
            bounds,
            rebuilds: Arc::new(Semaphore::new(bounds.rebuilds.max(1))),
            closing: AtomicBool::new(false),
            desk: Mutex::new(Desk { ready: Cache::new(bounds.cached), coming: HashMap::new(), erasures: 0 }),
        }))
    }

    /// The state after the event at a position: the same as a fold of all events up to it. At position 0 it is empty.
    /// Equal positions share one fold. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// See [`PastError`].
    pub async fn at(&self, position: Position, limit: Duration) -> Result<Arc<State>, PastError> {
        let have = self.0.live.position();
        if position > have {
            return Err(PastError::Future { asked: position, have });
        }
        let mut coming = match self.ask(position)? {
            Asked::Ready(state) => return Ok(state),
            Asked::Coming(coming) => coming,
        };
        match tokio::time::timeout(limit, coming.wait_for(Option::is_some)).await {
            Ok(Ok(outcome)) => outcome.clone().unwrap_or(Err(PastError::Stopping)),
            // The one who folds it went away without an answer: the runtime is shutting down.
            Ok(Err(_)) => Err(PastError::Stopping),
            Err(_) => Err(PastError::Slow(position)),
        }
    }

    /// The position of the last event that was recorded at or before a time; 0 if there is none. Blocks on the log.
    ///
    /// Right only for times of which nothing more is committed: whoever asks has waited for the read models to reach
    /// a position that the engine's barrier gave, and refuses a time behind the barrier's.
    ///
    /// # Errors
    /// The log can't be read.
    pub fn position_at(&self, time: Timestamp) -> Result<Position, SourceError> {
        let (known, up_to) = self.0.live.read().audit().bracket(time);
        let mut last = known;
        while last < up_to {
            let events =
                self.0.ports.events.read(last, up_to, usize::try_from(up_to.0 - last.0).unwrap_or(usize::MAX))?;
            let early = events.iter().take_while(|event| event.recorded_at <= time);
            let (count, end) = early.fold((0, last), |(count, _), event| (count + 1, event.position));
            last = end;
            if count < events.len() || events.is_empty() {
                break;
            }
        }
        Ok(last)
    }

    /// Drops all states that are kept, and lets none that is being folded be kept: to be called when the key of an
    /// erased user is gone, since they may hold the user's login.
    pub fn forget(&self) {
        let mut desk = self.0.desk.lock();
        desk.erasures += 1;
        desk.ready.clear();
        desk.coming.clear();
    }

    /// Ends all folding soon; from now on there is no past.
    pub fn close(&self) {
        self.0.closing.store(true, Ordering::Release);
    }

    fn ask(&self, position: Position) -> Result<Asked, PastError> {
        if self.0.closing.load(Ordering::Acquire) {
            return Err(PastError::Stopping);
        }
        let mut desk = self.0.desk.lock();
        if let Some(state) = desk.ready.get(position) {
            return Ok(Asked::Ready(state));
        }
        if let Some(coming) = desk.coming.get(&position) {
            return Ok(Asked::Coming(coming.clone()));
        }
        if desk.coming.len() >= self.0.bounds.waiting.max(1) {
            return Err(PastError::Busy);
        }
        let (tell, coming) = watch::channel(None);
        desk.coming.insert(position, coming.clone());
        let erasures = desk.erasures;
        drop(desk);
        // Not bound to who asked: others may have joined, and the answer is kept for who asks again. `waiting` bounds
        // how many there are.
        tokio::spawn(fold(Arc::clone(&self.0), position, erasures, tell));
        Ok(Asked::Coming(coming))
    }
}

enum Asked {
    Ready(Arc<State>),
    Coming(Coming),
}

/// Folds the state at a position when its turn comes, keeps it, and tells all who wait.
async fn fold(shared: Arc<Shared>, position: Position, erasures: u64, tell: watch::Sender<Option<Outcome>>) {
    let outcome = match Arc::clone(&shared.rebuilds).acquire_owned().await {
        Ok(_turn) => {
            let at_work = Arc::clone(&shared);
            let folded = tokio::task::spawn_blocking(move || rebuild::rebuild(&at_work, position)).await;
            folded.unwrap_or_else(|panic| Err(PastError::Failed(position, told(&panic))))
        }
        Err(_) => Err(PastError::Stopping),
    };
    let mut desk = shared.desk.lock();
    if desk.erasures == erasures {
        desk.coming.remove(&position);
        if let Ok(state) = &outcome {
            desk.ready.put(Arc::clone(state));
        }
    }
    drop(desk);
    tell.send_replace(Some(outcome));
}
