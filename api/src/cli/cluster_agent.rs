//! `dkube cluster-agent`.
use super::{error::CliError, serve::write_log_lines};
use crate::settings::{Environment, Flags, Settings};

/// Runs the agent of a Kubernetes cluster: needs kubeconfig or in_cluster, and nats.
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
    Ok(runtime.block_on(crate::serve::cluster_agent(settings))?)
}
