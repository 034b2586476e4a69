//! `dkube agent`: the same as the program `dkube-agent`.
use super::error::CliError;
use agents::program::{self, Arguments};

pub(super) fn run(arguments: Arguments) -> Result<(), CliError> {
    Ok(program::main(arguments).map_err(anyhow::Error::from)?)
}
