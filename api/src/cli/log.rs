//! `dkube log …`: the log itself, offline, on the machine of a server that is stopped.
use super::{
    console::{Console, Format},
    details,
    error::CliError,
    text,
};
use crate::settings::{Environment, Flags, Settings};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressDrawTarget};
use std::{io::IsTerminal, path::PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check every block, checksum, position and the Merkle root
    Verify {
        #[command(flatten)]
        flags: Flags,
    },
    /// Write all events as lines of JSON
    Export {
        /// Where to; left out: standard output
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
        #[command(flatten)]
        flags: Flags,
    },
    /// Read what was exported into an empty data folder
    Import {
        /// Where from; left out: standard input
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        #[command(flatten)]
        flags: Flags,
    },
}

pub(super) fn run(command: &Command, environment: &Environment, console: &mut Console) -> Result<(), CliError> {
    let (Command::Verify { flags } | Command::Export { flags, .. } | Command::Import { flags, .. }) = command;
    let settings = Settings::load(flags, environment)?;
    let progress = progress();
    let report = match command {
        Command::Verify { .. } => crate::log::verify(&settings.data, &progress),
        Command::Export { to, .. } => crate::log::export(&settings.data, to.as_deref(), &progress),
        Command::Import { from, .. } => crate::log::import(&settings.data, from.as_deref(), &progress),
    };
    progress.finish_and_clear();
    let report = report?;
    // What goes to standard output is the export; the report must not mix with it.
    let beside = matches!(command, Command::Export { to: None, .. });
    match console.format {
        Format::Json if beside => console.note(&report.to_string())?,
        Format::Json => console.json(&report)?,
        Format::Table if beside => console.note(&text::inline(&report, &console.zone.clone()))?,
        Format::Table => details::details(console, &report)?,
    }
    Ok(())
}

/// A bar on stderr, where a person looks at it.
fn progress() -> ProgressBar {
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    ProgressBar::with_draw_target(None, target)
}
