//! `dkube-agent`: tells the server what GPUs this host has, and how they are.
use agents::program::{self, Arguments};
use clap::Parser;
use std::{error::Error, process::ExitCode};

/// DKube's node agent: looks at this host's GPUs and reports to the server over NATS
#[derive(Parser)]
#[command(name = "dkube-agent", version)]
struct Program {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> ExitCode {
    let Err(error) = program::main(Program::parse().arguments) else { return ExitCode::SUCCESS };
    eprint!("dkube-agent: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        eprint!(": {error}");
        cause = error.source();
    }
    eprintln!();
    ExitCode::FAILURE
}
