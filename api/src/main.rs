//! The binary `dkube`.
use std::process::ExitCode;

fn main() -> ExitCode {
    api::cli::main()
}
