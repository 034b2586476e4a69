//! `dkube device …`
use super::{
    args::{List, Match, Read, Write},
    call::Call,
    context::Context,
    device_id::Named,
    error::CliError,
    table::{As, Column},
    telemetry,
};
use bus::clock::{Clock, SystemClock};
use clap::{Subcommand, ValueEnum};
use domain::{Model, NodeName, PoolName, Timestamp, device::ConditionKind};
use serde_json::{Value, json};

pub(super) const COLUMNS: [Column; 9] = [
    ("DEVICE", "uuid", As::Text),
    ("NODE", "node", As::Text),
    ("INDEX", "index", As::Count),
    ("MODEL", "model", As::Text),
    ("MEMORY", "memory_bytes", As::Bytes),
    ("POOL", "pool", As::Text),
    ("HEALTH", "health", As::Text),
    ("AVAILABLE", "availability", As::Text),
    ("JOBS", "jobs", As::Count),
];

/// What keeps devices from work, or lets them work in spite of something.
pub(super) const HELD: [Column; 8] = [
    ("DEVICE", "uuid", As::Text),
    ("NODE", "node", As::Text),
    ("INDEX", "index", As::Count),
    ("POOL", "pool", As::Text),
    ("HEALTH", "health", As::Text),
    ("AVAILABLE", "availability", As::Text),
    ("HELD BACK", "held_back", As::Text),
    ("OVERRIDDEN", "overrides", As::Overrides),
];

pub(super) const IDLE: [Column; 6] = [
    ("SINCE", "since", As::Time),
    ("DEVICE", "device", As::Text),
    ("NODE", "node", As::Text),
    ("JOB", "job", As::Text),
    ("NAME", "name", As::Text),
    ("USER", "user", As::Text),
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
    /// Its UUID, the beginning of it, or node/index or node/slot
    #[arg(value_name = "GPU")]
    device: Named,
    #[command(flatten)]
    matching: Match,
    #[command(flatten)]
    write: Write,
}

impl Change {
    async fn run(self, context: &mut Context<'_>, body: Value) -> Result<(), CliError> {
        let device = self.device.id(context, &Read::default()).await?;
        let call = Call::patch(["devices", &device], body);
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
        /// Only those that are given no job, though they are in service: and why
        #[arg(long)]
        held_back: bool,
        /// Only those that are cordoned themselves
        #[arg(long)]
        cordoned: bool,
        /// Only those with a condition that is overridden: and until when
        #[arg(long)]
        overridden: bool,
        #[command(flatten)]
        list: List,
    },
    /// Show a device
    Show {
        /// Its UUID, the beginning of it, or node/index or node/slot
        #[arg(value_name = "GPU")]
        device: Named,
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
    /// Let one of its conditions keep no work from it for a time
    #[command(group = clap::ArgGroup::new("end").required(true).args(["until", "lasts", "lift"]))]
    Override {
        #[command(flatten)]
        change: Change,
        /// Which condition, as gpu.lost
        #[arg(required_unless_present = "lift")]
        condition: Option<ConditionKind>,
        /// Until this time, as 2026-03-01T12:00:00Z: at most 90 days from now
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        /// For so long, as 30m, 12h or 7d
        #[arg(long = "for", value_name = "TIME")]
        lasts: Option<Span>,
        /// End its override now; where none is named, those of all
        #[arg(long)]
        lift: bool,
    },
    /// Show what was measured of it: utilization, memory, temperature and power over time
    Telemetry(telemetry::Arguments),
    /// List devices that jobs hold and that do nothing, the longest idle first
    Idle {
        /// For at least so many minutes
        #[arg(long, value_name = "NUMBER", default_value = "30")]
        minutes: u32,
        #[command(flatten)]
        list: List,
    },
    /// Take one of its conditions as ended, until it begins anew
    Clear {
        #[command(flatten)]
        change: Change,
        /// Which condition, as xid.fatal
        condition: ConditionKind,
    },
}

/// So many seconds, written as minutes, hours or days.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span(i64);

impl std::str::FromStr for Span {
    type Err = &'static str;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let seconds = match unit {
                "m" => 60,
                "h" => 3600,
                "d" => 86_400,
                _ => return None,
            };
            number.parse::<u32>().ok().filter(|number| *number > 0).map(|number| Self(i64::from(number) * seconds))
        };
        parsed().ok_or("a time is a number of minutes, hours or days, as 30m, 12h or 7d")
    }
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { pool, node, model, health, free, retired, held_back, cordoned, overridden, list } => {
                let call = Call::get(["devices"])
                    .query_some("pool", pool)
                    .query_some("node", node)
                    .query_some("model", model)
                    .query_some("health", health.map(Health::as_str))
                    .query_some("free", free.then_some(true))
                    .query_some("retired", retired.then_some(true))
                    .query_some("held_back", held_back.then_some(true))
                    .query_some("cordoned", cordoned.then_some(true))
                    .query_some("overridden", overridden.then_some(true));
                let columns = if held_back || cordoned || overridden { &HELD[..] } else { &COLUMNS };
                context.list(call, &list, columns).await
            }
            Self::Show { device, read } => {
                let device = device.id(context, &read).await?;
                context.show(Call::get(["devices", &device]), &read).await
            }
            Self::Cordon(change) => change.run(context, json!({"cordoned": true})).await,
            Self::Uncordon(change) => change.run(context, json!({"cordoned": false})).await,
            Self::Retire(change) => change.run(context, json!({"retired": true})).await,
            Self::Reinstate(change) => change.run(context, json!({"retired": false})).await,
            Self::Override { change, condition, until, lasts, lift: _ } => {
                let later = lasts.map(|Span(seconds)| SystemClock.now().plus_seconds(seconds));
                // Without an end: it ends now.
                let wish = condition.map(|condition| json!({"condition": condition, "until": until.or(later)}));
                change.run(context, json!({ "override": wish })).await
            }
            Self::Telemetry(telemetry) => telemetry.run(context).await,
            Self::Idle { minutes, list } => {
                context.list(Call::get(["idle-devices"]).query("minutes", &minutes), &list, &IDLE).await
            }
            Self::Clear { change, condition } => change.run(context, json!({ "clear": condition })).await,
        }
    }
}
