//! `dkube device …`
use super::{
    args::{List, Match, Read, Write},
    call::Call,
    context::Context,
    error::CliError,
    table::{As, Column},
};
use clap::{Subcommand, ValueEnum};
use domain::{Model, NodeName, PoolName, device::DeviceId};
use serde_json::{Value, json};

pub(super) const COLUMNS: [Column; 8] = [
    ("DEVICE", "uuid", As::Text),
    ("NODE", "node", As::Text),
    ("MODEL", "model", As::Text),
    ("MEMORY", "memory_bytes", As::Bytes),
    ("POOL", "pool", As::Text),
    ("HEALTH", "health", As::Text),
    ("AVAILABLE", "availability", As::Text),
    ("JOBS", "jobs", As::Count),
];

/// How a device is: the worst of its conditions.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Health {
    /// No condition that anybody need look at
    Healthy,
    /// Degraded: works, and is shown
    Warning,
    /// Takes no new job
    Critical,
    /// Unusable
    Fatal,
    /// Can't be known
    Unknown,
}

impl Health {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Warning => "warning",
            Self::Critical => "critical",
            Self::Fatal => "fatal",
            Self::Unknown => "unknown",
        }
    }
}

/// A change of one device.
#[derive(Debug, clap::Args)]
pub(crate) struct Change {
    #[arg(value_name = "GPU")]
    device: DeviceId,
    #[command(flatten)]
    matching: Match,
    #[command(flatten)]
    write: Write,
}

impl Change {
    async fn run(self, context: &mut Context<'_>, body: Value) -> Result<(), CliError> {
        let call = Call::patch(["devices", &self.device.to_string()], body);
        context.command(self.matching.apply(call), &self.write).await
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List devices
    List {
        /// Only those in this pool
        #[arg(long)]
        pool: Option<PoolName>,
        /// Only those on this node
        #[arg(long)]
        node: Option<NodeName>,
        /// Only those of this model
        #[arg(long)]
        model: Option<Model>,
        /// Only those in this health
        #[arg(long)]
        health: Option<Health>,
        /// Only those that can be given to a job
        #[arg(long)]
        free: bool,
        /// Only those that are out of service
        #[arg(long)]
        retired: bool,
        #[command(flatten)]
        list: List,
    },
    /// Show a device
    Show {
        #[arg(value_name = "GPU")]
        device: DeviceId,
        #[command(flatten)]
        read: Read,
    },
    /// Do not give it to new jobs
    Cordon(Change),
    /// Give it to new jobs again
    Uncordon(Change),
    /// Take it out of service
    Retire(Change),
    /// Take it back into service
    Reinstate(Change),
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { pool, node, model, health, free, retired, list } => {
                let call = Call::get(["devices"])
                    .query_some("pool", pool)
                    .query_some("node", node)
                    .query_some("model", model)
                    .query_some("health", health.map(Health::as_str))
                    .query_some("free", free.then_some(true))
                    .query_some("retired", retired.then_some(true));
                context.list(call, &list, &COLUMNS).await
            }
            Self::Show { device, read } => context.show(Call::get(["devices", &device.to_string()]), &read).await,
            Self::Cordon(change) => change.run(context, json!({"cordoned": true})).await,
            Self::Uncordon(change) => change.run(context, json!({"cordoned": false})).await,
            Self::Retire(change) => change.run(context, json!({"retired": true})).await,
            Self::Reinstate(change) => change.run(context, json!({"retired": false})).await,
        }
    }
}
