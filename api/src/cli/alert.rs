//! `dkube alert …`
use super::{
    args::List as Listing,
    call::Call,
    context::Context,
    error::CliError,
    table::{As, Column},
};
use clap::Subcommand;

pub(super) const COLUMNS: [Column; 8] = [
    ("SEVERITY", "severity", As::Text),
    ("SINCE", "since", As::Time),
    ("SUBJECT", "subject", As::Text),
    ("NODE", "node", As::Text),
    ("CODE", "code", As::Text),
    ("WHAT", "summary", As::Text),
    ("JOBS", "jobs", As::Jobs),
    ("DO", "action", As::Text),
];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List what needs an operator, the worst first: since when, and what to do
    List {
        #[command(flatten)]
        list: Listing,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { list } => context.list(Call::get(["alerts"]), &list, &COLUMNS).await,
        }
    }
}
