//! The node agent as a program: from its settings to an agent that runs until it is asked to stop.
mod check;
mod log_level;
mod settings;

pub use log_level::{LogLevel, NoLogLevel};
pub use settings::{Arguments, Command, LogFormat, Settings, SettingsError};

use crate::{
    agent::{Agent, Pace, Surroundings},
    health::{Policy, PolicyError, Signal},
    queue::{InMemory, OnDisk, OpenError, Queue},
    source::{
        host::Host,
        nvml::{NvmlSettings, NvmlSource},
    },
};
use bus::{
    bus::{Bus, Nats, NatsSettings, SettingsError as NatsError},
    clock::{Clock, SystemClock, SystemEntropy, time_ordered_id},
    wire,
};
use domain::{Incarnation, NodeName};
use std::{fmt::Write, io, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;

/// Why the agent can't run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A setting.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The health policy.
    #[error("use the health policy {}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: PolicyError,
    },
    /// A check has found something, and said what.
    #[error("an agent could not do all of its work here")]
    Check,
    /// What it keeps.
    #[error("open what this agent keeps")]
    State(#[from] OpenError),
    /// The settings of the NATS server.
    #[error("use the settings of the NATS server")]
    Nats(#[from] NatsError),
    /// The system.
    #[error("{operation}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// Does what the arguments say. What is printed is for people and files; what happens is logged on the standard error.
///
/// # Errors
/// See [`ProgramError`].
pub fn main(arguments: Arguments) -> Result<(), ProgramError> {
    match arguments.command {
        Some(Command::Policy { signals: false }) => print(Policy::BUILT_IN),
        Some(Command::Policy { signals: true }) => print(&signals()),
        None if arguments.check => check::run(arguments),
        None => {
            let settings = Settings::load(arguments)?;
            write_log_lines(&settings)?;
            // One thread is enough: drivers and logs are waited for on threads of their own. The disk is not: a node whose
            // disk hangs falls silent, and is lost, as it should be.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(system("start the async runtime"))?.block_on(run(settings))
        }
    }
}

fn print(text: &str) -> Result<(), ProgramError> {
    io::Write::write_all(&mut io::stdout(), text.as_bytes()).map_err(system("write to the standard output"))
}

fn system(operation: &'static str) -> impl FnOnce(io::Error) -> ProgramError {
    move |source| ProgramError::System { operation, source }
}

fn signals() -> String {
    let mut text = String::new();
    for signal in Signal::all() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{signal:<36} {}", signal.about());
    }
    text
}

fn write_log_lines(settings: &Settings) -> Result<(), ProgramError> {
    let filter = EnvFilter::try_new(settings.log_level.as_str())
        .map_err(|error| SettingsError::Wrong { name: "log_level", rule: error.to_string() })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_ansi(false);
    let begun = match settings.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    begun.map_err(|error| system("begin to write log lines")(io::Error::other(error)))
}

/// Runs an agent of these settings until the process is asked to stop.
async fn run(settings: Settings) -> Result<(), ProgramError> {
    let signalled = system("listen for signals");
    let mut terminate = signal(SignalKind::terminate()).map_err(signalled)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(system("listen for signals"))?;
    let policy = policy(&settings)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let fresh = Incarnation(time_ordered_id(clock.now(), &SystemEntropy));
    let queue = OnDisk::open(&settings.state, fresh, InMemory::LIMIT)?;
    let node = node(&settings)?;
    let source = source(&settings, &policy, &clock, &queue);
    let bus = Nats::connect(&nats(&settings, &node)).await?;
    let around = Surroundings { bus: Bus::Nats(bus), clock, entropy: Arc::new(SystemEntropy) };
    let (look_every, frame_every) = (settings.look_every, settings.frame_every);
    let pace = Pace { look_every, frame_every, announce: true, ..Pace::default() };
    tracing::info!(node.name = %node, policy = policy.name(), "the agent looks and reports");
    let (stop, stopped) = watch::channel(false);
    let mut agent = std::pin::pin!(Agent::new(node, source, queue, policy, around, pace, Duration::ZERO).run(stopped));
    tokio::select! {
        () = &mut agent => return Ok(()),
        _ = terminate.recv() => tracing::info!("asked to stop (SIGTERM)"),
        _ = interrupt.recv() => tracing::info!("asked to stop (SIGINT)"),
    }
    stop.send_replace(true);
    agent.await;
    Ok(())
}

fn policy(settings: &Settings) -> Result<Arc<Policy>, ProgramError> {
    let Some(path) = &settings.policy else { return Ok(Policy::built_in()) };
    let text = std::fs::read_to_string(path);
    let text =
        text.map_err(|error| SettingsError::Wrong { name: "policy", rule: format!("{}: {error}", path.display()) })?;
    let policy = Policy::parse(&text).map_err(|source| ProgramError::Policy { path: path.clone(), source })?;
    Ok(Arc::new(policy))
}

/// Answers come to a prefix of this node's own, so that a server can permit it alone.
fn nats(settings: &Settings, node: &NodeName) -> NatsSettings {
    let inbox_prefix = Some(wire::inbox_prefix(node));
    NatsSettings { inbox_prefix, name: format!("dkube-agent {node}"), ..settings.nats.clone() }
}

/// The node that is set, else the host's own name.
fn node(settings: &Settings) -> Result<NodeName, SettingsError> {
    let own = || {
        let path = settings.host_root.join("proc/sys/kernel/hostname");
        std::fs::read_to_string(path).unwrap_or_default().trim().to_lowercase()
    };
    let name = settings.node.clone().unwrap_or_else(own);
    let parsed = name.parse::<NodeName>();
    parsed.map_err(|error| SettingsError::Wrong { name: "node", rule: format!("{name:?}: {error}") })
}

fn nvml(settings: &Settings, clock: &Arc<dyn Clock>) -> NvmlSettings {
    let mut nvml = NvmlSettings::new(settings.look_every, Arc::clone(clock));
    if !settings.nvml_libraries.is_empty() {
        nvml.libraries.clone_from(&settings.nvml_libraries);
    }
    nvml
}

/// The GPUs of this host, read on from where the last agent of this boot was.
fn source(settings: &Settings, policy: &Policy, clock: &Arc<dyn Clock>, queue: &OnDisk) -> NvmlSource {
    let mut nvml = nvml(settings, clock);
    nvml.kernel_log.clone_from(&settings.kernel_log);
    nvml.host_root.clone_from(&settings.host_root);
    nvml.agent = format!("{}, health policy {}", env!("CARGO_PKG_VERSION"), policy.name()).into();
    let memory = queue.recall();
    let (boot_id, _) = Host::new(settings.host_root.clone(), Arc::clone(&nvml.agent)).boot();
    if memory.boot_id == boot_id {
        nvml.kernel_log_from = memory.log_position;
        nvml.known = memory.devices.iter().map(|device| device.seen.clone()).collect();
    }
    NvmlSource::new(nvml)
}
