//! `dkube serve`.
use super::error::CliError;
use crate::settings::{Environment, Flags, LogFormat, Settings};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Runs the server.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    flags: Flags,
}

pub(super) fn run(arguments: &Arguments, environment: &Environment) -> Result<(), CliError> {
    let settings = Settings::load(&arguments.flags, environment)?;
    write_log_lines(&settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::failed("start the async runtime", error))?;
    Ok(runtime.block_on(crate::serve::serve(settings))?)
}

/// Log lines go to stderr, in the form and at the level of the settings.
pub(super) fn write_log_lines(settings: &Settings) -> Result<(), CliError> {
    let filter = EnvFilter::try_new(settings.log_level.as_str())
        .map_err(|error| CliError::failed("understand the setting log_level", error))?;
    // It tells every attempt to reach a Kubernetes API server that is away; the agent says once that it is.
    let filter = match settings.log_level.as_str() {
        level if level.contains("kube_client") => filter,
        _ => filter
            .add_directive("kube_client=off".parse().map_err(|error| CliError::failed("filter log lines", error))?),
    };
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let begun = match settings.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    begun.map_err(|error| anyhow::anyhow!("begin to write log lines: {error}").into())
}
