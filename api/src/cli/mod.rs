//! The command line: `dkube serve` and its kin on the server's machine, and the client commands that speak to a server.
//!
//! One noun, one file. A client command makes a [`Call`](call::Call), the [`Client`](client::Client) sends it, and
//! [`answer`], [`table`] or [`details`] writes what came back; [`error`] tells why nothing did, and with which exit code.

#![expect(clippy::doc_markdown, reason = "doc comments of arguments are help texts, and shown as they are")]

mod agent;
mod alert;
mod answer;
mod args;
mod audit;
mod auth;
mod beginning;
mod browser;
mod call;
mod chance;
mod client;
mod cluster_agent;
mod completions;
mod config;
mod connection;
mod console;
mod context;
mod credentials;
mod details;
mod device;
mod device_id;
mod directory;
mod error;
mod events;
mod export;
mod group;
mod health;
mod hint;
mod job;
mod job_id;
mod license;
mod log;
mod login;
mod nats_config;
mod new_password;
mod node;
mod overview;
mod page;
mod password;
mod pod;
mod pool;
mod problem;
mod secrets;
mod serve;
mod sign_in;
mod sse;
mod stdin;
mod table;
mod telemetry;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod token;
mod user;

use crate::settings::Environment;
use call::Call;
use clap::{Parser, Subcommand};
use connection::Connection;
use console::{Console, Format};
use context::Context;
use error::CliError;
use std::process::ExitCode;

/// DKube Operator: GPU pools, groups and users of a cluster
#[derive(Debug, Parser)]
#[command(name = "dkube", version, arg_required_else_help = true, after_help = error::EXIT_CODES)]
pub(crate) struct Cli {
    /// The form of output: table for people, or json for programs
    #[arg(
        short,
        long,
        value_name = "FORM",
        value_enum,
        default_value = "table",
        global = true,
        hide_possible_values = true
    )]
    output: Format,
    #[command(flatten)]
    connection: Connection,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Arguments),
    /// Run the agent of this host, which tells the server what GPUs it has and how they are
    Agent(Box<agents::program::Arguments>),
    /// Run the agent of a Kubernetes cluster, which tells the server what runs there
    ClusterAgent(cluster_agent::Arguments),
    /// Look at the server's settings
    #[command(subcommand)]
    Config(config::Command),
    /// Check, save and restore the log, on the server's machine while the server is stopped
    #[command(subcommand)]
    Log(log::Command),
    /// How people sign in: the sign-in backend, and the way back when nobody can
    #[command(subcommand)]
    Auth(auth::Command),
    /// Whom the sign-in backend knows
    #[command(subcommand)]
    Directory(directory::Command),
    /// Change the key behind personal data and secrets, on the server's machine while the server is stopped
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Print the configuration of a NATS server, with a key and no more rights than needed for each client
    NatsConfig(nats_config::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// Sign in to a server, and stay signed in
    Login(login::Login),
    /// Revoke and forget the sign-in
    Logout(login::Logout),
    /// Show who is signed in
    Whoami(login::Whoami),
    /// Set a local password: your own, or, as an operator, somebody's
    Password(new_password::Arguments),
    /// Show how the cluster is
    Overview(overview::Arguments),
    /// What needs an operator
    #[command(subcommand)]
    Alert(alert::Command),
    /// Show which server this is, and how its parts are
    About,
    /// The license: show, install; for vendors, issue
    #[command(subcommand)]
    License(license::Command),
    /// Pools of devices
    #[command(subcommand)]
    Pool(pool::Command),
    /// Groups of users
    #[command(subcommand)]
    Group(group::Command),
    /// Users
    #[command(subcommand)]
    User(user::Command),
    /// Nodes
    #[command(subcommand)]
    Node(node::Command),
    /// Devices: GPUs
    #[command(subcommand)]
    Device(device::Command),
    /// The health policy, and the breakers that bound quarantine
    #[command(subcommand)]
    Health(health::Command),
    /// Jobs: claims on devices
    #[command(subcommand)]
    Job(job::Command),
    /// Pods: what Kubernetes runs
    #[command(subcommand)]
    Pod(pod::Command),
    /// API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// The audit trail
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print events as they are recorded
    Events(events::Arguments),
}

/// Runs the command line of this process, and gives its exit code.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut console = Console::of_process(cli.output);
    match Environment::of_process().map_err(CliError::from).and_then(|environment| cli.run(&environment, &mut console))
    {
        Ok(code) => code,
        Err(error) => error.report(&mut console),
    }
}

impl Cli {
    fn run(self, environment: &Environment, console: &mut Console) -> Result<ExitCode, CliError> {
        match self.command {
            Command::Serve(arguments) => serve::run(&arguments, environment)?,
            Command::Agent(arguments) => agent::run(*arguments)?,
            Command::ClusterAgent(arguments) => cluster_agent::run(&arguments, environment)?,
            Command::Config(command) => config::run(&command, environment, console)?,
            Command::Log(command) => log::run(&command, environment, console)?,
            Command::Auth(auth::Command::ResetOperator { flags, login }) => {
                auth::reset(&flags, login, environment, console)?;
            }
            Command::Secrets(command) => secrets::run(&command, environment, console)?,
            Command::NatsConfig(arguments) => nats_config::run(&arguments, console)?,
            Command::Completions(arguments) => completions::run(&arguments, console)?,
            Command::License(command) if !command.asks() => command.run_here(console)?,
            client => {
                // A client waits for one thing at a time.
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| CliError::failed("start the async runtime", error))?;
                runtime.block_on(client.ask(&self.connection, environment, console))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Command {
    /// Runs a command that speaks to a server.
    async fn ask(
        self,
        connection: &Connection,
        environment: &Environment,
        console: &mut Console,
    ) -> Result<(), CliError> {
        let anonymous = connection.client(environment)?;
        let context = match self {
            Self::Login(login) => return login.run(&anonymous, environment, console).await,
            Self::Logout(logout) => return logout.run(&anonymous, environment, console).await,
            Self::Password(password) if password.is_invited() => return password.accept(&anonymous, console).await,
            _ => &mut Context::new(&anonymous, environment, console)?,
        };
        let done = self.done(context).await;
        // Where it failed too: what is not known now may be why.
        context.tell_unheard()?;
        done
    }

    async fn done(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::Whoami(whoami) => whoami.run(context).await,
            Self::Password(password) => password.run(context).await,
            Self::Overview(overview) => overview.run(context).await,
            Self::About => context.show(Call::get(["about"]), &args::Read::default()).await,
            Self::License(command) => command.run(context).await,
            Self::Pool(command) => command.run(context).await,
            Self::Group(command) => command.run(context).await,
            Self::User(command) => command.run(context).await,
            Self::Node(command) => command.run(context).await,
            Self::Device(command) => command.run(context).await,
            Self::Alert(command) => command.run(context).await,
            Self::Health(command) => command.run(context).await,
            Self::Job(command) => command.run(context).await,
            Self::Pod(command) => command.run(context).await,
            Self::Token(command) => command.run(context).await,
            Self::Auth(command) => command.run(context).await,
            Self::Directory(command) => command.run(context).await,
            Self::Audit(command) => command.run(context).await,
            Self::Events(events) => events.run(context).await,
            Self::Serve(_)
            | Self::Agent(_)
            | Self::ClusterAgent(_)
            | Self::Config(_)
            | Self::Log(_)
            | Self::Secrets(_)
            | Self::NatsConfig(_)
            | Self::Completions(_)
            | Self::Login(_)
            | Self::Logout(_) => Ok(()),
        }
    }
}
