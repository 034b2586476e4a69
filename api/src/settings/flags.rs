//! The settings as flags of a command, made of the table of settings.
use super::{Key, Source, key::Shape, layers::Layer};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};
use std::path::PathBuf;

/// What was said of the settings on the command line.
#[derive(Clone, Default)]
pub struct Flags {
    /// The settings file.
    pub config: Option<PathBuf>,
    pub(super) layer: Layer,
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flags").field("config", &self.config).finish_non_exhaustive()
    }
}

const HEADING: &str = "Settings";

fn arguments() -> impl Iterator<Item = Arg> {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help_heading(HEADING)
        .help("The settings file (TOML, each setting by its name) [env: DKUBE_CONFIG]");
    std::iter::once(config).chain(Key::ALL.into_iter().filter_map(argument))
}

/// A secret is no flag: what is on a command line can be seen by every process of the machine.
fn argument(key: Key) -> Option<Arg> {
    let description = key.description();
    let shown = match (description.shape, description.default) {
        (Shape::Secret, _) => return None,
        (Shape::Switch, _) | (_, None) => String::new(),
        (_, Some(default)) => format!(" [default: {default}]"),
    };
    let argument = Arg::new(description.name)
        .long(key.long())
        .value_name(description.value)
        .action(ArgAction::Set)
        .help_heading(HEADING)
        .help(format!("{} [env: {}]{shown}", description.help, key.variable()));
    Some(match description.shape {
        // `--metrics-open` alone switches it on; `--metrics-open=false` overrides a file.
        Shape::Switch => argument
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .value_parser(["true", "false"])
            .hide_possible_values(true),
        Shape::Text | Shape::Number | Shape::Secret => argument,
    })
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        command.args(arguments())
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.config = matches.get_one::<PathBuf>("config").cloned();
        for key in Key::ALL.into_iter().filter(|key| key.description().shape != Shape::Secret) {
            if let Some(value) = matches.get_one::<String>(key.name()) {
                self.layer.set(key, value.clone(), Source::Flag(key.flag()));
            }
        }
        Ok(())
    }
}
