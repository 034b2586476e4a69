//! `dkube directory …`
use super::{
    args::List,
    call::Call,
    client::Reply,
    console::Format,
    context::Context,
    error::CliError,
    table::{As, Column},
};
use clap::{Subcommand, ValueEnum};
use reqwest::Method;

const COLUMNS: [Column; 5] = [
    ("LOGIN", "login", As::Text),
    ("STATE", "state", As::Text),
    ("SUBJECT", "subject", As::Text),
    ("TURNED AWAY", "turned_away_at", As::Time),
    ("USER", "user", As::Text),
];

/// Where somebody stands here.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Standing {
    /// They may be on-boarded
    Known,
    /// They are
    OnBoarded,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List whom the sign-in backend knows: members of the organization, and whoever signed in there and was turned away here
    List {
        /// Only these
        #[arg(long, value_enum)]
        state: Option<Standing>,
        #[command(flatten)]
        list: List,
    },
    /// Fetch the members of the organization anew
    Refresh,
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { state, list } => {
                let state = state.map(|state| match state {
                    Standing::Known => "known",
                    Standing::OnBoarded => "on-boarded",
                });
                context.list(Call::get(["directory"]).query_some("state", state), &list, &COLUMNS).await
            }
            Self::Refresh => {
                let Reply { body, .. } =
                    context.client.send(&Call::new(Method::POST, ["directory", "refresh"])).await?;
                match context.console.format {
                    Format::Json => context.console.json(&body)?,
                    Format::Table => context.console.line(&format!("{} people are listed", body["people"]))?,
                }
                Ok(())
            }
        }
    }
}
