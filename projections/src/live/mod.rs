//! The read models as they stand, shared: many readers, one thread that feeds them.
mod feed;
mod restore;
mod saver;
mod status;

#[cfg(test)]
mod tests;

pub use feed::{Feeder, Ports, Settings, start};
pub use restore::saved;
pub use status::{Phase, Refused, Status};

use crate::{models::Models, source::told};
use domain::Position;
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use status::Ledger;
use std::{ops::Deref, sync::Arc, time::Duration};
use tokio::sync::watch;

/// A handle on the read models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Live(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    models: RwLock<Models>,
    position: watch::Sender<Position>,
    phase: watch::Sender<Phase>,
    ledger: Mutex<Ledger>,
}

/// The read models at one position, for as long as this is held. Keep it short: the feeding waits meanwhile.
#[derive(Debug)]
pub struct Reading<'a>(RwLockReadGuard<'a, Models>);

impl Deref for Reading<'_> {
    type Target = Models;
    fn deref(&self) -> &Models {
        &self.0
    }
}

/// The read models did not reach a position in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the read models are at position {have}, and did not reach {wanted} in time")]
pub struct Behind {
    /// The position that was waited for.
    pub wanted: Position,
    /// The position that they have reached.
    pub have: Position,
}

impl Default for Live {
    fn default() -> Self {
        Self::new()
    }
}

impl Live {
    /// Empty read models, which nothing feeds yet.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            models: RwLock::default(),
            position: watch::Sender::new(Position::START),
            phase: watch::Sender::new(Phase::Restoring),
            ledger: Mutex::default(),
        }))
    }

    /// Looks at the read models. Can't be held while a future waits.
    pub fn read(&self) -> Reading<'_> {
        Reading(self.0.models.read())
    }

    /// The last event that all read models have folded in.
    pub fn position(&self) -> Position {
        *self.0.position.borrow()
    }

    /// The same, as it rises.
    pub fn positions(&self) -> watch::Receiver<Position> {
        self.0.position.subscribe()
    }

    /// Waits until the read models have folded in the event at a position; answers with the one that they reached.
    ///
    /// # Errors
    /// They did not in this time.
    pub async fn wait_for(&self, wanted: Position, limit: Duration) -> Result<Position, Behind> {
        let mut position = self.0.position.subscribe();
        let reached = tokio::time::timeout(limit, position.wait_for(|have| *have >= wanted)).await;
        match reached {
            Ok(Ok(have)) => Ok(*have),
            // The sender lives as long as this handle: only the time can run out.
            Ok(Err(_)) | Err(_) => Err(Behind { wanted, have: self.position() }),
        }
    }

    /// How the feeding goes.
    pub fn status(&self) -> Status {
        let phase = self.0.phase.borrow().clone();
        self.0.ledger.lock().status(phase, self.position())
    }

    /// The phases of the feeding as they change, for whoever reports them.
    pub fn phases(&self) -> watch::Receiver<Phase> {
        self.0.phase.subscribe()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Models> {
        self.0.models.write()
    }

    /// Tells those who wait how far the read models are.
    fn advance(&self, position: Position) {
        self.0.position.send_replace(position);
    }

    fn enter(&self, phase: Phase) {
        self.0.phase.send_if_modified(|now| {
            let changed = *now != phase;
            *now = phase;
            changed
        });
    }

    /// Writes down that a snapshot is not used, and why.
    pub(crate) fn refuse(&self, name: String, error: &dyn std::error::Error) {
        let refused = Refused { name, error: told(error) };
        self.note(|ledger| ledger.refuse(refused));
    }

    fn note(&self, note: impl FnOnce(&mut Ledger)) {
        note(&mut self.0.ledger.lock());
    }
}
