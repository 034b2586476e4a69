//! `dkube audit …`
use super::{
    args::{Read, Time},
    call::Call,
    context::Context,
    error::CliError,
    export,
    table::{As, Column},
};
use clap::{Subcommand, ValueEnum};
use std::path::PathBuf;

/// Why somebody did it, in their words.
pub(super) const WHY: Column = ("WHY", "reason", As::Text);

pub(super) const COLUMNS: [Column; 7] = [
    ("POSITION", "position", As::Count),
    ("TIME", "time", As::Time),
    ("EVENT", "type", As::Text),
    ("SUBJECT", "subject", As::Text),
    ("WHAT", "data", As::What),
    ("ACTOR", "actor", As::Text),
    WHY,
];

/// Which events.
#[derive(Debug, clap::Args)]
pub(crate) struct Filter {
    /// Only by this actor, as user/ada, agent/gpu-01 or system
    #[arg(long)]
    actor: Option<String>,
    /// Only about this, as pool/vision, user/ada or device/GPU-…
    #[arg(long)]
    subject: Option<String>,
    /// Only of this type, as PoolCreated; may be given many times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only from this time on
    #[arg(long, value_name = "TIME")]
    from: Option<Time>,
    /// Only before this time
    #[arg(long, value_name = "TIME")]
    to: Option<Time>,
    /// The newest first, or the oldest
    #[arg(long, value_enum, default_value = "newest")]
    order: Order,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Order {
    Newest,
    Oldest,
}

impl Order {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Newest => "desc",
            Self::Oldest => "asc",
        }
    }
}

impl Filter {
    fn apply(&self, call: Call) -> Call {
        call.query_some("actor", self.actor.as_deref())
            .query_some("subject", self.subject.as_deref())
            .query_some("type", (!self.types.is_empty()).then(|| self.types.join(",")))
            .query_some("from", self.from.as_ref().map(Time::first))
            .query_some("to", self.to.as_ref().map(Time::last))
            .query("order", &self.order.as_str())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List events
    List {
        #[command(flatten)]
        filter: Filter,
        #[command(flatten)]
        read: Read,
        /// Show at most so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show one event
    Show {
        position: u64,
        #[command(flatten)]
        read: Read,
    },
    /// Write all events that fit
    Export {
        #[command(flatten)]
        filter: Filter,
        /// In which form
        #[arg(long, value_enum, default_value = "ndjson")]
        format: export::Form,
        /// Where to; left out: standard output
        #[arg(long, value_name = "FILE")]
        to_file: Option<PathBuf>,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { filter, read, limit } => {
                let call = read.apply(filter.apply(Call::get(["audit"])));
                context.list_of("events", call, Some(limit as usize), &COLUMNS).await
            }
            Self::Show { position, read } => context.show(Call::get(["audit", &position.to_string()]), &read).await,
            Self::Export { filter, format, to_file } => {
                export::run(context, filter.apply(Call::get(["audit"])), format, to_file.as_deref()).await
            }
        }
    }
}
