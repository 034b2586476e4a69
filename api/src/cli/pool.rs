//! `dkube pool …`
use super::{
    args::{List, Match, Read, Write, revision_header},
    call::Call,
    client::Reply,
    context::Context,
    device_id::Named,
    error::CliError,
    table::{As, Column},
};
use clap::Subcommand;
use domain::{GroupName, Model, PoolName};
use reqwest::header::IF_MATCH;
use serde_json::json;

pub(super) const COLUMNS: [Column; 10] = [
    ("NAME", "name", As::Text),
    ("MODEL", "models", As::Text),
    ("DEVICES", "devices", As::Count),
    ("IDLE", "idle", As::Count),
    ("BUSY", "busy", As::Count),
    ("QUARANTINED", "quarantined", As::Count),
    ("CORDONED", "cordoned", As::Count),
    ("UNKNOWN", "unknown", As::Count),
    ("MISSING", "missing", As::Count),
    ("GROUP", "group", As::Text),
];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List pools
    List {
        /// Only those of this model
        #[arg(long)]
        model: Option<Model>,
        /// Only the one of this group; none: those that are bound to no group
        #[arg(long)]
        group: Option<GroupName>,
        #[command(flatten)]
        list: List,
    },
    /// Show a pool
    Show {
        name: PoolName,
        #[command(flatten)]
        read: Read,
    },
    /// Create a pool, of these devices, of so many of a model, or empty
    Create {
        name: PoolName,
        /// A device of the default pool; may be given many times
        #[arg(long = "device", value_name = "GPU", conflicts_with_all = ["model", "count"])]
        devices: Vec<Named>,
        /// Take healthy idle devices of this model from the default pool
        #[arg(long, requires = "count")]
        model: Option<Model>,
        /// So many of them
        #[arg(long, requires = "model", value_parser = clap::value_parser!(u32).range(1..))]
        count: Option<u32>,
        #[command(flatten)]
        write: Write,
    },
    /// Add devices of the default pool to a pool
    Add {
        name: PoolName,
        #[arg(required = true, value_name = "GPU")]
        devices: Vec<Named>,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
    /// Release devices of a pool
    Remove {
        name: PoolName,
        #[arg(required = true, value_name = "GPU")]
        devices: Vec<Named>,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
    /// Let a pool hold exactly these devices
    Set {
        name: PoolName,
        #[arg(required_unless_present = "empty", value_name = "GPU")]
        devices: Vec<Named>,
        /// Release all of its devices
        #[arg(long, conflicts_with = "devices")]
        empty: bool,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
    /// Delete a pool: its devices go back to the default pool
    Delete {
        name: PoolName,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { model, group, list } => {
                let call = Call::get(["pools"]).query_some("model", model).query_some("group", group);
                context.list(call, &list, &COLUMNS).await
            }
            Self::Show { name, read } => context.show(Call::get(["pools", name.as_str()]), &read).await,
            Self::Create { name, devices, model, count, write } => {
                let body = match (model, count) {
                    (Some(model), Some(count)) => json!({"name": name, "model": model, "count": count}),
                    _ => json!({"name": name, "devices": Named::ids(devices, context).await?}),
                };
                context.command(Call::post(["pools"], body), &write).await
            }
            Self::Add { name, devices, matching, write } => {
                let devices = Named::ids(devices, context).await?;
                let call = Call::patch(["pools", name.as_str(), "devices"], json!({"add": devices}));
                context.command(matching.apply(call), &write).await
            }
            Self::Remove { name, devices, matching, write } => {
                let devices = Named::ids(devices, context).await?;
                let call = Call::patch(["pools", name.as_str(), "devices"], json!({"remove": devices}));
                context.command(matching.apply(call), &write).await
            }
            Self::Set { name, devices, empty: _, matching, write } => {
                let devices = Named::ids(devices, context).await?;
                let revision = match matching.revision() {
                    Some(revision) => revision,
                    None => revision(context, &name).await?,
                };
                let call = Call::put(["pools", name.as_str(), "devices"], json!({"devices": devices}));
                context.command(call.header(IF_MATCH, revision_header(revision)), &write).await
            }
            Self::Delete { name, matching, write } => {
                context.command(matching.apply(Call::delete(["pools", name.as_str()])), &write).await
            }
        }
    }
}

/// The revision that the pool has now.
async fn revision(context: &Context<'_>, name: &PoolName) -> Result<u64, CliError> {
    let Reply { body, .. } = context.client.send(&Call::get(["pools", name.as_str()])).await?;
    let revision = body["revision"].as_u64();
    revision.ok_or_else(|| anyhow::anyhow!("the server's answer about pool {name} has no revision").into())
}
