//! `dkube pod …`
use super::{
    call::Call,
    client::Reply,
    console::Format,
    context::Context,
    error::CliError,
    table::{self, As, Column},
    text::inline,
};
use clap::{Subcommand, ValueEnum};
use domain::{ClusterName, NodeName};
use serde_json::Value;

pub(super) const COLUMNS: [Column; 12] = [
    ("NAMESPACE", "namespace", As::Text),
    ("NAME", "name", As::Text),
    ("PHASE", "phase", As::Text),
    ("READY", "ready", As::Mark),
    ("REASON", "reason", As::Text),
    ("RESTARTS", "restarts", As::Count),
    ("GPUS", "gpus", As::Count),
    ("NODE", "node", As::Text),
    ("COMPONENT", "component", As::Text),
    ("OWNER", "owner.name", As::Text),
    ("USER", "user", As::Text),
    ("SINCE", "started_at", As::Time),
];

pub(super) const COUNTS: [Column; 10] = [
    ("CLUSTER", "cluster", As::Text),
    ("NAMESPACE", "namespace", As::Text),
    ("COMPONENT", "component", As::Text),
    ("PODS", "total", As::Count),
    ("READY", "ready", As::Count),
    ("PENDING", "pending", As::Count),
    ("RUNNING", "running", As::Count),
    ("SUCCEEDED", "succeeded", As::Count),
    ("FAILED", "failed", As::Count),
    ("RESTARTS", "restarts", As::Count),
];

/// How far a pod is in its life.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Phase {
    /// Not all of its containers run yet
    Pending,
    /// It runs
    Running,
    /// It ended well
    Succeeded,
    /// It ended badly
    Failed,
    /// Its node does not say
    Unknown,
}

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Unknown => "Unknown",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List pods
    List {
        /// Only those of this Kubernetes cluster
        #[arg(long)]
        cluster: Option<ClusterName>,
        /// Only those in this namespace
        #[arg(long)]
        namespace: Option<String>,
        /// Only those on this node
        #[arg(long)]
        node: Option<NodeName>,
        /// Only those that are so far in their life
        #[arg(long, value_enum)]
        phase: Option<Phase>,
        /// Only those made by something of this name, as by a job
        #[arg(long)]
        owner: Option<String>,
        /// Only those of this component
        #[arg(long)]
        component: Option<String>,
        /// Only those that name this user
        #[arg(long)]
        user: Option<String>,
        /// Show at most so many
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        limit: Option<u32>,
    },
    /// Count pods by namespace and component
    Summary {
        /// Only those of this Kubernetes cluster
        #[arg(long)]
        cluster: Option<ClusterName>,
        /// Only those in this namespace
        #[arg(long)]
        namespace: Option<String>,
        /// Only those on this node
        #[arg(long)]
        node: Option<NodeName>,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { cluster, namespace, node, phase, owner, component, user, limit } => {
                let call = Call::get(["pods"])
                    .query_some("cluster", cluster)
                    .query_some("namespace", namespace)
                    .query_some("node", node)
                    .query_some("phase", phase.map(Phase::as_str))
                    .query_some("owner", owner)
                    .query_some("component", component)
                    .query_some("user", user);
                context.list_of("items", call, limit.map(|limit| limit as usize), &COLUMNS).await?;
                warn_of_age(context).await
            }
            Self::Summary { cluster, namespace, node } => {
                let call = Call::get(["pods", "summary"])
                    .query_some("cluster", cluster)
                    .query_some("namespace", namespace)
                    .query_some("node", node);
                let Reply { body, .. } = context.client.send(&call).await?;
                if context.console.format == Format::Json {
                    return Ok(context.console.json(&body)?);
                }
                let items = body["items"].as_array().map_or(&[][..], Vec::as_slice);
                table::table(context.console, &COUNTS, items)?;
                tell_of_age(context, &body)
            }
        }
    }
}

/// What is listed may be how it was a while ago.
async fn warn_of_age(context: &mut Context<'_>) -> Result<(), CliError> {
    if context.console.format == Format::Json {
        return Ok(());
    }
    let Reply { body, .. } = context.client.send(&Call::get(["pods", "summary"])).await?;
    tell_of_age(context, &body)
}

fn tell_of_age(context: &mut Context<'_>, body: &Value) -> Result<(), CliError> {
    let mirrors = body["mirrors"].as_array().map_or(&[][..], Vec::as_slice);
    if mirrors.is_empty() {
        // A data scientist is told only of clusters that their pods are in.
        context.console.note("no Kubernetes cluster is watched in which you see pods")?;
    }
    for mirror in mirrors.iter().filter(|mirror| mirror["connected"] == false || mirror["complete"] == false) {
        let zone = context.console.zone.clone();
        let shown = |field: &str| inline(&mirror[field], &zone);
        // Not everybody is told why.
        let why = mirror["error"].as_str().map_or_else(String::new, |_| format!(" ({})", shown("error")));
        let (cluster, since) = (shown("cluster"), shown("since"));
        let note = format!("cluster {cluster} is not reached since {since}{why}: what is shown is how it was");
        context.console.note(&note)?;
    }
    Ok(())
}
