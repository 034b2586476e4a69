//! `dkube config show`.
use super::{
    console::{Console, Format},
    error::CliError,
    table::{self, As},
};
use crate::settings::{Environment, Flags, Settings};
use clap::Subcommand;
use serde_json::json;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show each setting, its value, and where it was set
    Show(Flags),
}

pub(super) fn run(command: &Command, environment: &Environment, console: &mut Console) -> Result<(), CliError> {
    let Command::Show(flags) = command;
    let shown = json!(Settings::load(flags, environment)?.shown());
    match console.format {
        Format::Json => console.json(&json!({"settings": shown}))?,
        Format::Table => {
            let columns = [("SETTING", "name", As::Text), ("VALUE", "value", As::Text), ("FROM", "source", As::Text)];
            table::table(console, &columns, shown.as_array().map_or(&[][..], Vec::as_slice))?;
        }
    }
    Ok(())
}
