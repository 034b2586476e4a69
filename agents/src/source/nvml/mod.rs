//! Real GPUs, by NVIDIA's management library (NVML), and the kernel's log.
//!
//! ```text
//! observe ──one question──► thread "nvml" ──► NVML          (may hang: then `Unreadable::Hung`, and nobody waits)
//!    ▲                      thread "nvml-events" ──► NVML   (XIDs)
//!    └───────XIDs───────────thread "kernel-log" ──► /dev/kmsg
//! ```
//!
//! A driver that is unloaded, loaded or replaced needs no restart of the agent: a session with NVML ends when its calls
//! say so, and another is begun. What a GPU is, is remembered for as long as the agent runs: once lost, it does not say.
mod asking;
mod calls;
mod card;
mod events;
mod fields;
mod fill;
mod identity;
mod inventory;
mod links;
mod opening;
mod profile;
mod raw;
mod running;
mod schedule;
mod session;
mod settings;
mod shared;
mod worker;
mod xids;

pub use opening::Trial;
pub use settings::NvmlSettings;

use super::{Observation, Source, Tick, Unreadable, host::Host, kernel_log::Follower};
use asking::Asking;
use domain::node::Facts;
use shared::Shared;
use std::{
    sync::{Arc, mpsc::sync_channel},
    thread,
    time::{Duration, Instant},
};
use worker::{Answer, Worker};
use xids::Xids;

/// So often, the host's facts are read: they hardly ever change.
const FACTS_EVERY: Duration = Duration::from_secs(10);

/// The GPUs of this host.
pub struct NvmlSource {
    asking: Asking,
    shared: Shared,
    host: Host,
    /// The host's facts, what was told of the driver then, and until when they hold.
    facts: Option<(Facts, Arc<str>, Duration)>,
    /// The driver's version as last known.
    driver: Option<Arc<str>>,
    answer_within: Duration,
    /// Whether it has looked before.
    looked: bool,
}

impl NvmlSource {
    /// Begins to listen. NVML is opened at the first look.
    pub fn new(settings: NvmlSettings) -> Self {
        let shared = Shared::new(Xids::new(settings.kernel_log_from));
        match settings.kernel_log.clone() {
            Some(path) => {
                let (root, clock) = (settings.host_root.clone(), Arc::clone(&settings.clock));
                let follower = Follower::new(path, root, clock, settings.kernel_log_from, shared.clone());
                start("kernel-log", move || follower.run());
            }
            None => shared.without_log(),
        }
        let (asks, asked) = sync_channel(1);
        let host = Host::new(settings.host_root.clone(), Arc::clone(&settings.agent));
        let answer_within = settings.answer_within;
        let worker = Worker::new(settings, shared.clone());
        start("nvml", move || worker.run(&asked));
        let asking = Asking::new(asks, answer_within);
        Self { asking, shared, host, facts: None, driver: None, answer_within, looked: false }
    }

    /// The number of the last record of the kernel's log whose XID was handed on: with
    /// [`kernel_log_from`](NvmlSettings::kernel_log_from), the agent's next life in the same boot does not hand it on again.
    pub fn kernel_log_sequence(&self) -> Option<u64> {
        self.shared.xids().last_sequence()
    }

    fn facts(&mut self, now: Duration, driver: &Arc<str>) -> Facts {
        if let Some((facts, with, until)) = &self.facts
            && now < *until
            && with == driver
        {
            return facts.clone();
        }
        let facts = self.host.facts(driver);
        self.facts = Some((facts.clone(), Arc::clone(driver), now + FACTS_EVERY));
        facts
    }

    /// What the host says of its driver: its version, else why that can't be told, in brackets.
    fn driver(&mut self, answer: &Result<Answer, Unreadable>) -> Arc<str> {
        let why = match answer {
            Ok(Answer { driver: Some(driver), .. }) => {
                self.driver = Some(Arc::clone(driver));
                return Arc::clone(driver);
            }
            Ok(Answer { devices: Ok(_), .. }) => return Arc::from("(its version can't be read)"),
            Ok(Answer { devices: Err(why), .. }) | Err(why) => why,
        };
        match (&self.driver, why) {
            (Some(driver), Unreadable::Hung) => Arc::clone(driver),
            _ => Arc::from(format!("({why})")),
        }
    }
}

impl Source for NvmlSource {
    async fn observe(&mut self, tick: Tick) -> Option<Observation> {
        let began = Instant::now();
        let answer = self.asking.look(tick.elapsed).await;
        if !std::mem::replace(&mut self.looked, true) {
            let left = self.answer_within.saturating_sub(began.elapsed());
            // What is not here by then comes with the next look.
            let _ = tokio::time::timeout(left, self.shared.caught_up()).await;
        }
        let xids = self.shared.xids().take(Instant::now());
        let driver = self.driver(&answer);
        let host = self.facts(tick.elapsed, &driver);
        let devices = answer.and_then(|answer| answer.devices);
        let (uptime, logged_up_to) = (self.host.uptime(), self.kernel_log_sequence());
        Some(Observation { host, uptime, devices, xids, logged_up_to })
    }
}

impl Drop for NvmlSource {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

/// Starts a thread that nobody waits for: it may hang.
fn start(name: &str, run: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(run) {
        tracing::error!(thread = name, error = &error as &dyn std::error::Error, "a thread can't be started");
    }
}
