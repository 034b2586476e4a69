//! `dkube completions`.
use super::{Cli, console::Console, error::CliError};
use clap::CommandFactory;
use clap_complete::Shell;

/// Prints completions for a shell.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    shell: Shell,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<(), CliError> {
    let mut script = vec![];
    clap_complete::generate(arguments.shell, &mut Cli::command(), "dkube", &mut script);
    console.raw(&script)?;
    Ok(console.flush()?)
}
