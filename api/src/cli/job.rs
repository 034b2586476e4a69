//! `dkube job …`
use super::{
    args::{List, Match, Read, Write},
    call::Call,
    context::Context,
    device_id,
    error::CliError,
    job_id::Named,
    table::{As, Column},
};
use clap::Subcommand;
use domain::{JobName, Login, Model, NodeName, PoolName};
use serde_json::{Map, Value, json};

pub(super) const COLUMNS: [Column; 7] = [
    ("JOB", "id", As::Text),
    ("NAME", "name", As::Text),
    ("USER", "user.login", As::Text),
    ("DEVICES", "devices", As::Count),
    ("POOL", "source.pool", As::Text),
    ("KIND", "source.kind", As::Text),
    ("STARTED", "started_at", As::Time),
];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the active jobs
    List {
        /// Only those of this user; none: those whose owner nobody knows
        #[arg(long, value_name = "LOGIN")]
        user: Option<Login>,
        /// Only those on devices of this pool
        #[arg(long)]
        pool: Option<PoolName>,
        /// Only those on devices of this node
        #[arg(long)]
        node: Option<NodeName>,
        /// Only those on this device
        #[arg(long, value_name = "GPU")]
        device: Option<device_id::Named>,
        #[command(flatten)]
        list: List,
    },
    /// Show a job
    Show {
        /// Its id, or, of an active one, the beginning of it
        id: Named,
        #[command(flatten)]
        read: Read,
    },
    /// Start a job: claim devices of the pool of its user's group
    Start {
        name: JobName,
        /// For whom; left out: for yourself
        #[arg(long, value_name = "LOGIN")]
        user: Option<Login>,
        /// How many devices, all of one model
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        devices: u32,
        /// Of which model, where the pool mixes them
        #[arg(long)]
        model: Option<Model>,
        #[command(flatten)]
        write: Write,
    },
    /// Finish a job: give its devices back
    Finish {
        /// Its id, or the beginning of it
        id: Named,
        /// End somebody else's claim, as on a lost node; recorded as forced, needs --reason
        #[arg(long, requires = "reason")]
        force: bool,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { user, pool, node, device, list } => {
                let device = match device {
                    Some(device) => Some(device.id(context, &Read::default()).await?),
                    None => None,
                };
                let call = Call::get(["jobs"])
                    .query_some("owner", user)
                    .query_some("pool", pool)
                    .query_some("node", node)
                    .query_some("device", device);
                context.list(call, &list, &COLUMNS).await
            }
            Self::Show { id, read } => {
                let id = id.id(context, &read).await?;
                context.show(Call::get(["jobs", &id]), &read).await
            }
            Self::Start { name, user, devices, model, write } => {
                let mut body =
                    Map::from_iter([("name".to_owned(), json!(name)), ("devices".to_owned(), json!(devices))]);
                if let Some(user) = user {
                    body.insert("user".to_owned(), json!(user));
                }
                if let Some(model) = model {
                    body.insert("model".to_owned(), json!(model));
                }
                context.command(Call::post(["jobs"], Value::Object(body)), &write).await
            }
            Self::Finish { id, force, matching, write } => {
                let id = id.id(context, &Read::default()).await?;
                let call = Call::delete(["jobs", &id]).query_some("force", force.then_some(true));
                context.command(matching.apply(call), &write).await
            }
        }
    }
}
