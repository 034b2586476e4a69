//! A host with fake GPUs, looked at again and again.
use agents::source::{
    Observation, Readings, Sighting, Source, State, Tick, Unreadable,
    nvml::{NvmlSettings, NvmlSource},
};
use bus::clock::{Clock, SystemClock};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tempfile::TempDir;
use tests::harness::{FakeNvml, nvml_state as state};
use tokio::time::Instant;

/// A test fails if it waits longer for what it wants to see.
const LIMIT: Duration = Duration::from_mins(1);

/// What a test looks with.
pub(crate) struct Looker {
    pub(crate) fake: FakeNvml,
    pub(crate) source: NvmlSource,
    pub(crate) settings: NvmlSettings,
    /// The agent's age: a test lets it pass faster than the clock does.
    pub(crate) age: Duration,
    folder: TempDir,
}

impl Looker {
    pub(crate) fn new(state: state::State) -> Self {
        Self::with(state, &[], |_| ())
    }

    /// With settings of its own, and a library that lacks these functions.
    pub(crate) fn with(state: state::State, lacking: &[&str], change: impl FnOnce(&mut NvmlSettings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut fake = FakeNvml::new(folder.path(), state).expect("a fake NVML");
        fake.without(lacking).expect("it lacks what it shall lack");
        let mut settings = NvmlSettings::new(Duration::from_secs(1), Arc::new(SystemClock));
        settings.libraries = vec![PathBuf::from("/nowhere/libnvidia-ml.so.1"), fake.library().to_owned()];
        settings.kernel_log = Some(folder.path().join("kmsg"));
        settings.retry_every = Duration::from_millis(100);
        settings.answer_within = Duration::from_secs(20);
        std::fs::write(folder.path().join("kmsg"), "").expect("a log");
        change(&mut settings);
        let source = NvmlSource::new(settings.clone());
        Self { fake, source, settings, age: Duration::ZERO, folder }
    }

    /// One that does not wait long for an answer, so that a call which hangs is soon told.
    pub(crate) fn impatient(state: state::State) -> Self {
        Self::with(state, &[], |settings| settings.answer_within = Duration::from_millis(300))
    }

    /// Another life of the agent.
    pub(crate) fn restart(&mut self) {
        self.source = NvmlSource::new(self.settings.clone());
        self.age = Duration::ZERO;
    }

    /// Looks a second later.
    pub(crate) async fn look(&mut self) -> Observation {
        self.look_after(Duration::from_secs(1)).await
    }

    pub(crate) async fn look_after(&mut self, passed: Duration) -> Observation {
        self.age += passed;
        let began = Instant::now();
        let seen = self.source.observe(Tick { elapsed: self.age, wall: SystemClock.now() }).await.expect("it looks");
        assert!(began.elapsed() < LIMIT, "a look waits for nothing");
        seen
    }

    /// Looks until it sees what it is to see.
    pub(crate) async fn until<T>(&mut self, what: &str, find: impl Fn(&Observation) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let seen = self.look().await;
            if let Some(found) = find(&seen) {
                return found;
            }
            assert!(began.elapsed() < LIMIT, "waited for {what}, and saw {seen:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Looks until every GPU is read.
    pub(crate) async fn all_read(&mut self) -> Vec<Sighting> {
        self.until("every GPU", |seen| {
            let devices = seen.devices.as_ref().ok()?;
            devices.iter().all(|device| device.readings().is_some()).then(|| devices.clone())
        })
        .await
    }

    /// Looks until nothing can be read, for this reason.
    pub(crate) async fn unreadable(&mut self, why: &Unreadable) -> Observation {
        self.until("an unreadable driver", |seen| (seen.devices.as_ref().err() == Some(why)).then(|| seen.clone()))
            .await
    }

    /// Looks until this GPU is in this state, and gives all.
    pub(crate) async fn device_in(&mut self, index: usize, state: &State) -> Vec<Sighting> {
        self.until("a state", |seen| {
            let devices = seen.devices.as_ref().ok()?;
            (devices.get(index)?.state == *state).then(|| devices.clone())
        })
        .await
    }

    /// Lets a record of the kernel's log come, with this text, as of now.
    pub(crate) fn log(&self, sequence: u64, text: &str) {
        use std::io::Write;
        let uptime = std::fs::read_to_string("/proc/uptime").expect("an uptime");
        let seconds = uptime.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).expect("its seconds");
        let micros = Duration::from_secs_f64(seconds).as_micros();
        let path = self.folder.path().join("kmsg");
        let mut file = std::fs::OpenOptions::new().append(true).open(path).expect("the log");
        writeln!(file, "4,{sequence},{micros},-;{text}\n SUBSYSTEM=pci").expect("a record");
    }
}

/// The readings of a GPU that is read.
pub(crate) fn readings(devices: &[Sighting], index: usize) -> &Readings {
    devices[index].readings().unwrap_or_else(|| panic!("GPU {index} is read: {:?}", devices[index]))
}
