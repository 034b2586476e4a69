//! `dkube auth …`: how people sign in.
use super::{
    console::{Console, Format},
    error::CliError,
};
use crate::{
    serve::{FirstPassword, Reset, reset_operator},
    settings::{Environment, Flags, Settings},
};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Give the first operator a new password, on the machine of a server that is stopped: when nobody can sign in any more.
    ///
    /// It is the one that the settings give (`operator_password`, `operator_password_file`: see that it is not the old one), or one
    /// that is made: shown on a terminal, else written to a file in the data folder. Their sessions end; their tokens go on until they
    /// are revoked (`dkube token list`)
    ResetOperator {
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

pub(super) fn run(command: Command, environment: &Environment, console: &mut Console) -> Result<(), CliError> {
    let Command::ResetOperator { flags } = command;
    let settings = Settings::load(&flags, environment)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| CliError::failed("start the async runtime", error))?;
    let Reset { login, password } = runtime.block_on(reset_operator(settings, console.format == Format::Table))?;
    let written = match &password {
        Some(FirstPassword::Written(path)) => Some(path),
        Some(FirstPassword::Shown) | None => None,
    };
    match console.format {
        Format::Json => console.json(&json!({ "login": login, "password_file": written }))?,
        Format::Table => match (&password, written) {
            (_, Some(path)) => console.line(&format!("{login} has a new password, in {}", path.display()))?,
            (Some(_), None) => console.line(&format!("{login} has the password shown above"))?,
            (None, _) => console.line(&format!("{login} has the password that the settings give"))?,
        },
    }
    Ok(())
}
