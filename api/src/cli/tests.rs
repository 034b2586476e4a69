mod commands;
mod contract;
mod events;
mod failures;
mod sign_in;

use super::Cli;
use clap::CommandFactory;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}
