//! `dkube node …`
use super::{
    args::{List, Match, Read, Write},
    call::Call,
    context::Context,
    device::Health,
    error::CliError,
    table::{As, Column},
};
use clap::{Subcommand, ValueEnum};
use domain::{Model, NodeName, PoolName};
use serde_json::{Value, json};

pub(super) const COLUMNS: [Column; 12] = [
    ("NAME", "name", As::Text),
    ("CONTACT", "contact", As::Text),
    ("CORDONED", "cordoned", As::Mark),
    ("RETIRED", "retired", As::Mark),
    ("HEALTHY", "devices.healthy", As::Count),
    ("UNHEALTHY", "devices.unhealthy", As::Count),
    ("UNKNOWN", "devices.health.unknown", As::Count),
    ("SEEN", "devices.seen", As::Count),
    ("EXPECTED", "devices.expected", As::Count),
    ("DRIVER", "driver", As::Text),
    ("KUBERNETES", "kubernetes.ready", As::Mark),
    ("ATTENTION", "attention", As::Text),
];

/// Whether a node's agent speaks.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Contact {
    /// It does
    Reporting,
    /// It was silent for too long
    Lost,
}

impl Contact {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Reporting => "reporting",
            Self::Lost => "lost",
        }
    }
}

/// A change of one node.
#[derive(Debug, clap::Args)]
pub(crate) struct Change {
    name: NodeName,
    #[command(flatten)]
    matching: Match,
    #[command(flatten)]
    write: Write,
}

impl Change {
    async fn run(self, context: &mut Context<'_>, body: Value) -> Result<(), CliError> {
        let call = Call::patch(["nodes", self.name.as_str()], body);
        context.command(self.matching.apply(call), &self.write).await
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List nodes
    List {
        /// Only those whose agent speaks, or is silent
        #[arg(long, value_enum)]
        contact: Option<Contact>,
        /// Only those that are cordoned
        #[arg(long)]
        cordoned: bool,
        /// Only those that are out of service
        #[arg(long)]
        retired: bool,
        /// Only those with devices of this model
        #[arg(long)]
        model: Option<Model>,
        /// Only those with devices of this pool
        #[arg(long)]
        pool: Option<PoolName>,
        /// Only those with a device in this health
        #[arg(long)]
        health: Option<Health>,
        #[command(flatten)]
        list: List,
    },
    /// Show a node
    Show {
        name: NodeName,
        #[command(flatten)]
        read: Read,
    },
    /// Give none of its devices to new jobs
    Cordon(Change),
    /// Give its devices to new jobs again
    Uncordon(Change),
    /// Say how many devices it shall have
    #[command(group = clap::ArgGroup::new("number").required(true).args(["devices", "as_seen"]))]
    Expect {
        /// So many
        #[arg(long, value_name = "NUMBER")]
        devices: Option<u16>,
        /// As many as were seen
        #[arg(long)]
        as_seen: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Take it out of service, and its devices with it
    Retire(Change),
    /// Take it back into service
    Reinstate(Change),
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { contact, cordoned, retired, model, pool, health, list } => {
                let call = Call::get(["nodes"])
                    .query_some("contact", contact.map(Contact::as_str))
                    .query_some("cordoned", cordoned.then_some(true))
                    .query_some("retired", retired.then_some(true))
                    .query_some("model", model)
                    .query_some("pool", pool)
                    .query_some("health", health.map(Health::as_str));
                context.list(call, &list, &COLUMNS).await
            }
            Self::Show { name, read } => context.show(Call::get(["nodes", name.as_str()]), &read).await,
            Self::Cordon(change) => change.run(context, json!({"cordoned": true})).await,
            Self::Uncordon(change) => change.run(context, json!({"cordoned": false})).await,
            // Null: as many as were seen.
            Self::Expect { devices, as_seen: _, change } => {
                change.run(context, json!({"expected_devices": devices})).await
            }
            Self::Retire(change) => change.run(context, json!({"retired": true})).await,
            Self::Reinstate(change) => change.run(context, json!({"retired": false})).await,
        }
    }
}
