//! What the source and its threads share.
use super::xids::Xids;
use crate::source::kernel_log::{Listener, News};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// The XIDs that were heard, and whether anybody wants to know.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    xids: Arc<Mutex<Xids>>,
    caught_up: Arc<watch::Sender<bool>>,
    gone: Arc<AtomicBool>,
}

impl Shared {
    pub(super) fn new(xids: Xids) -> Self {
        Self { xids: Arc::new(Mutex::new(xids)), caught_up: Arc::default(), gone: Arc::default() }
    }

    pub(super) fn xids(&self) -> MutexGuard<'_, Xids> {
        self.xids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all that the kernel's log had is here.
    pub(super) async fn caught_up(&self) {
        // The sender lives as long as this.
        let _ = self.caught_up.subscribe().wait_for(|caught_up| *caught_up).await;
    }

    /// There is no log to hear.
    pub(super) fn without_log(&self) {
        self.caught_up.send_replace(true);
    }

    /// Lets the threads end.
    pub(super) fn leave(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

impl Listener for Shared {
    fn hear(&mut self, news: News) {
        match news {
            News::Xid { sequence, event, when } => self.xids().logged(sequence, event, when),
            News::Readable(readable) => self.xids().readable(readable),
            News::CaughtUp => drop(self.caught_up.send_replace(true)),
        }
    }

    fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }
}
