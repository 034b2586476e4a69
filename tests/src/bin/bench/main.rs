//! Benchmarks, as tables and JSON: `cargo run --release -p tests --bin bench -- <what>`.
//!
//! Machines are noisy, so nothing here is a verdict: every figure stands beside others that were measured in the same
//! run, round by round in turn, and only the ratios travel.
mod closed_loop;
mod commit;
mod disk;
mod table;
#[cfg(feature = "tephra")]
mod tephra_store;

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
    Commit,
}

/// How a benchmark runs.
struct Plan {
    folder: PathBuf,
    rounds: usize,
    round: Duration,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let plan = Plan {
        folder: disk::prepare(&arguments.folder)?,
        rounds: arguments.rounds.max(1),
        round: Duration::from_millis(arguments.millis),
    };
    let machine = disk::machine(&plan.folder)?;
    let (name, report) = match arguments.what {
        What::Commit => ("commit", commit::run(&plan)?),
    };
    println!("{machine}\n{report}");
    let json = arguments.json.unwrap_or_else(|| plan.folder.join(format!("{name}.json")));
    std::fs::write(&json, serde_json::to_vec_pretty(&report.to_json(&machine))?)?;
    println!("written to {}", json.display());
    Ok(())
}
