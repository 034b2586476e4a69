//! `dkube overview`.
use super::{args::Read, call::Call, context::Context, error::CliError};

/// Shows counts and shares of everything.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    read: Read,
}

impl Arguments {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        context.show(Call::get(["overview"]), &self.read).await
    }
}
