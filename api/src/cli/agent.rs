//! `dkube agent`: the same as the program `dkube-agent`.
use super::error::CliError;
use agents::program;

/// Runs the agent of this host: needs nats.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    arguments: program::Arguments,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    Ok(program::main(arguments.arguments.clone()).map_err(anyhow::Error::from)?)
}
