//! Where a password comes from: a file, standard input, or the terminal, without being seen; never the command line.
use super::{error::CliError, stdin};
use crate::settings::{Secret, read_password};
use std::{
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

/// The longest password, in bytes.
const PASSWORD_MAX: u64 = 1024;

/// How a password is given.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(multiple = false)]
pub(crate) struct Source {
    /// Take the password from this file's first line
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Take the password from standard input
    #[arg(long)]
    password_stdin: bool,
}

impl Source {
    /// Whether one is at hand.
    pub(super) const fn is_given(&self) -> bool {
        self.password_stdin || self.password_file.is_some()
    }

    /// The password.
    ///
    /// # Errors
    /// Where none is given and no terminal is there to ask on.
    pub(super) fn read(&self, prompt: &str) -> Result<Secret, CliError> {
        let password = match &self.password_file {
            Some(path) => read_password(path)?,
            None if self.password_stdin => of_stdin()?,
            None if io::stdin().is_terminal() => asked(prompt)?,
            None => {
                let usage = "there is no terminal to ask for the password on: use --password-file or --password-stdin";
                return Err(CliError::Usage(usage.to_owned()));
            }
        };
        if password.reveal().is_empty() {
            return Err(CliError::Usage("the password is empty".to_owned()));
        }
        Ok(password)
    }
}

fn of_stdin() -> Result<Secret, CliError> {
    let text = stdin::read(PASSWORD_MAX + 2, "the password")?;
    let line = text.strip_suffix('\n').map_or(text.as_str(), |line| line.strip_suffix('\r').unwrap_or(line));
    Ok(Secret::new(line.to_owned()))
}

fn asked(prompt: &str) -> Result<Secret, CliError> {
    let password = rpassword::prompt_password(prompt);
    password.map(Secret::new).map_err(|error| CliError::failed("read the password from the terminal", error))
}

/// A secret that is typed unseen.
pub(super) fn hidden(prompt: &str) -> Result<Secret, CliError> {
    if io::stdin().is_terminal() {
        return asked(prompt);
    }
    Err(CliError::Usage("there is no terminal to ask for the code on: name a file, or - for standard input".to_owned()))
}

/// A new password: the first line of that file, or else asked for, twice.
pub(super) fn new(file: Option<&Path>) -> Result<Secret, CliError> {
    if let Some(path) = file {
        return Ok(read_password(path)?);
    }
    if !io::stdin().is_terminal() {
        let usage = "there is no terminal to ask for the new password on: use --new-password-file";
        return Err(CliError::Usage(usage.to_owned()));
    }
    let password = asked("New password: ")?;
    if asked("The new password again: ")? != password {
        return Err(CliError::Usage("the two are not the same".to_owned()));
    }
    Ok(password)
}

/// What is said where there is no terminal to ask for a login on.
pub(super) const NO_TERMINAL: &str = "there is no terminal to ask for the login on: use --login";

/// Asks for a line on the terminal; `otherwise` says what to do where there is none.
pub(super) fn ask(prompt: &str, otherwise: &str) -> Result<String, CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::Usage(otherwise.to_owned()));
    }
    let failed = |error| CliError::failed("read from the terminal", error);
    io::Write::write_all(&mut io::stderr(), prompt.as_bytes()).map_err(failed)?;
    let mut line = String::new();
    io::BufRead::read_line(&mut io::BufReader::new(io::stdin().take(PASSWORD_MAX)), &mut line).map_err(failed)?;
    Ok(line.trim().to_owned())
}
