//! Benchmarks, as tables and JSON: `cargo run --release -p tests --bin bench -- <what>`.
//!
//! Machines are noisy, so nothing here is a verdict: every figure stands beside others that were measured in the same
//! run, round by round in turn, and only the ratios travel.
#![expect(clippy::cast_precision_loss, reason = "figures are shown with a few digits")]

mod agent;
mod auth;
mod closed_loop;
mod commit;
mod disk;
mod fleet;
mod http;
mod replay;
mod table;
mod telemetry;
#[cfg(feature = "tephra")]
mod tephra_store;
mod usage;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::{path::PathBuf, time::Duration};

/// Measures DKube on this machine.
#[derive(Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Where to write: on a real disk, since a file system in memory syncs nothing.
    #[arg(long, default_value = "target/bench", global = true)]
    folder: PathBuf,
    /// Where to put the figures as JSON; left out, they go into the folder.
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// How often each figure is taken; the median is shown.
    #[arg(long, default_value_t = 5, global = true)]
    rounds: usize,
    /// How long each round lasts, in milliseconds.
    #[arg(long, default_value_t = 1000, global = true)]
    millis: u64,
}

#[derive(Subcommand)]
enum What {
    /// Durable commands a second and their latency, beside the disk's own ceiling and others.
    Commit {
        /// How many ask at a time.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
        callers: Vec<usize>,
    },
    /// What it costs a request to have its sign-in checked.
    Auth {
        /// How many ask at a time.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 64])]
        callers: Vec<usize>,
    },
    /// Rebuilding every read model from the log, and starting from snapshots.
    Replay {
        /// How many events, in thousands.
        #[arg(long, value_delimiter = ',', default_values_t = [100, 1000, 10_000])]
        thousands: Vec<u64>,
    },
    /// Telemetry: what reading, checking and keeping it takes of one core.
    Telemetry {
        /// How many nodes of eight GPUs.
        #[arg(long, default_value_t = 1250)]
        nodes: u32,
    },
    /// A fleet of simulated nodes against one server, over NATS: processor, memory, and how late telemetry is.
    Fleet {
        /// How many nodes of eight GPUs.
        #[arg(long, default_value_t = 1250)]
        nodes: u32,
        /// For how long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// The node agent with eight fake GPUs: processor and memory. `DKUBE_TEST_AGENT` names the program.
    Agent {
        /// For how long.
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// A server that does nothing: what `commit` compares with.
    #[command(hide = true)]
    Nothing,
    /// One fold of a log: what `replay` measures.
    #[command(hide = true)]
    Fold {
        /// The data folder.
        data: PathBuf,
        /// Whether snapshots are thrown away first.
        #[arg(long)]
        fresh: bool,
    },
}

/// How a benchmark runs.
struct Plan {
    folder: PathBuf,
    rounds: usize,
    round: Duration,
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Runtime::new()?)
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match &arguments.what {
        What::Nothing => return runtime()?.block_on(http::serve_nothing()),
        What::Fold { data, fresh } => return replay::fold(data, *fresh),
        What::Auth { .. }
        | What::Commit { .. }
        | What::Replay { .. }
        | What::Telemetry { .. }
        | What::Fleet { .. }
        | What::Agent { .. } => {}
    }
    let plan = Plan {
        folder: disk::prepare(&arguments.folder)?,
        rounds: arguments.rounds.max(1),
        round: Duration::from_millis(arguments.millis),
    };
    let machine = disk::machine(&plan.folder)?;
    let (name, report) = match arguments.what {
        What::Auth { callers } => ("auth", runtime()?.block_on(auth::run(&plan, &callers))?),
        What::Commit { callers } => ("commit", commit::run(&plan, &callers)?),
        What::Replay { thousands } => ("replay", replay::run(&plan, &thousands)?),
        What::Telemetry { nodes } => ("telemetry", telemetry::run(&plan, nodes)?),
        What::Fleet { nodes, seconds } => ("fleet", runtime()?.block_on(fleet::run(nodes, seconds))?),
        What::Agent { seconds } => ("agent", runtime()?.block_on(agent::run(seconds))?),
        What::Nothing | What::Fold { .. } => unreachable!("they have returned above"),
    };
    println!("{machine}\n{report}");
    let json = arguments.json.unwrap_or_else(|| plan.folder.join(format!("{name}.json")));
    std::fs::write(&json, serde_json::to_vec_pretty(&report.to_json(&machine))?)?;
    println!("written to {}", json.display());
    Ok(())
}
