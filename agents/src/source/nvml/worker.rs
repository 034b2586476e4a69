//! The thread that asks NVML: it alone waits where the driver does not answer.
use super::{
    NvmlSettings, events,
    events::Watch,
    identity::Identities,
    opening::open,
    session::{Memory, Session, is_over},
    shared::Shared,
};
use crate::source::{Sighting, Unreadable, processes::Owners};
use nvml_wrapper::{Nvml, error::NvmlError};
use std::{
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// A look that is wanted.
pub(super) struct Question {
    /// Since the agent began.
    pub(super) now: Duration,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What a look gave.
#[derive(Debug)]
pub(super) struct Answer {
    /// The driver's version, where there is one.
    pub(super) driver: Option<Arc<str>>,
    pub(super) devices: Result<Vec<Sighting>, Unreadable>,
}

/// The longest text of an error that is handed on, in bytes.
const ERROR_MAX: usize = 200;

pub(super) struct Worker {
    settings: NvmlSettings,
    shared: Shared,
    memory: Memory,
    libraries: Vec<PathBuf>,
    /// Why there is no session, and when the next attempt may be.
    failure: Unreadable,
    next_attempt: Duration,
}

impl Worker {
    pub(super) fn new(settings: NvmlSettings, shared: Shared) -> Self {
        let memory = Memory {
            identities: Identities::new(settings.known.clone()),
            owners: Owners::new(settings.host_root.clone()),
            told: BTreeSet::new(),
        };
        let libraries = settings.libraries.clone();
        Self { settings, shared, memory, libraries, failure: Unreadable::NoLibrary, next_attempt: Duration::ZERO }
    }

    /// Answers until nobody asks any more.
    pub(super) fn run(mut self, asks: &Receiver<Question>) {
        while let Ok(question) = asks.recv() {
            match self.open(question.now) {
                Ok(nvml) => {
                    let session = AssertUnwindSafe(|| self.session(&nvml, question, asks));
                    if panic::catch_unwind(session).is_err() {
                        tracing::error!("a session with NVML broke off: another is begun");
                        self.failure = Unreadable::Failed(Arc::from("the session with it broke off"));
                    }
                }
                Err(why) => {
                    self.failure = why.clone();
                    // Who asked may not wait any more.
                    let _ = question.answer.send(Answer { driver: None, devices: Err(why) });
                }
            }
        }
    }

    /// Begins a session, with the first library that can be opened.
    fn open(&mut self, now: Duration) -> Result<Nvml, Unreadable> {
        if now < self.next_attempt {
            return Err(self.failure.clone());
        }
        self.next_attempt = now + self.settings.retry_every;
        open(&mut self.libraries).map(|(nvml, _)| nvml)
    }

    /// Answers until the session is over, or nobody asks any more.
    fn session(&mut self, nvml: &Nvml, first: Question, asks: &Receiver<Question>) {
        let watch = Watch::default();
        let (shared, clock) = (self.shared.clone(), Arc::clone(&self.settings.clock));
        thread::scope(|scope| {
            let listen = || events::listen(nvml, &watch, &shared, &clock);
            let listener = thread::Builder::new().name("nvml-events".to_owned()).spawn_scoped(scope, listen);
            if let Err(error) = &listener {
                tracing::warn!(error = error as &dyn std::error::Error, "NVML's events can't be waited for");
            }
            // Whatever becomes of it: NVML is not shut down, and no session begun, while a listener waits.
            let _ending = Ending { watch: &watch, listener: listener.as_ref().ok().map(|one| one.thread().clone()) };
            self.failure = serve(nvml, &mut self.memory, &watch, first, asks);
        });
    }
}

/// Ends a session's listener when it is dropped.
struct Ending<'a> {
    watch: &'a Watch,
    listener: Option<thread::Thread>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.watch.end();
        if let Some(listener) = &self.listener {
            listener.unpark();
        }
    }
}

/// Why the session ended.
fn serve(nvml: &Nvml, memory: &mut Memory, watch: &Watch, first: Question, asks: &Receiver<Question>) -> Unreadable {
    let driver: Option<Arc<str>> = nvml.sys_driver_version().ok().map(Arc::from);
    let mut session = Session::new(nvml, memory, watch);
    let mut next = Ok(first);
    while let Ok(Question { now, answer }) = next {
        let looked = session.look(now);
        let over = looked.as_ref().is_err_and(is_over);
        let devices = looked.map_err(|error| unreadable(&error));
        let why = devices.as_ref().err().cloned();
        let driver = if over { None } else { driver.clone() };
        // Who asked may not wait any more.
        let _ = answer.send(Answer { driver, devices });
        if let Some(why) = why.filter(|_| over) {
            return why;
        }
        next = asks.recv();
    }
    Unreadable::Hung
}

pub(super) fn unreadable(error: &NvmlError) -> Unreadable {
    match error {
        NvmlError::DriverNotLoaded => Unreadable::NotLoaded,
        NvmlError::LibRmVersionMismatch => Unreadable::VersionMismatch,
        error => {
            let text = error.to_string();
            Unreadable::Failed(Arc::from(&text[..text.floor_char_boundary(ERROR_MAX)]))
        }
    }
}
