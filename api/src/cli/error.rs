//! Why a command of the command line failed, how that is told, and the exit code that goes with it.
use super::{
    console::{Console, Format, clean},
    problem::Problem,
};
use crate::settings::SettingsError;
use serde_json::json;
use std::{error::Error, io, process::ExitCode};

/// What the exit codes mean, for `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed: a fault, here or on the server
  2  usage: the command line, a setting, or the request itself is malformed
  3  refused: the rules or the state of things do not allow it
  4  not signed in, or not allowed
  5  unavailable: the server can't be reached or takes nothing at present";

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The server answered with a failure.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The server could not be reached, or the connection broke.
    #[error("{what}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The command line says too little, or what can't be.
    #[error("{0}")]
    Usage(String),
    /// The settings can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// There is no sign-in to use.
    #[error("{0}")]
    NotSignedIn(String),
    /// The output could not be written.
    #[error("write the output")]
    Output(#[source] io::Error),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
    /// A command whose outcome is not known, with the key under which it can be asked again.
    #[error("{cause}")]
    Unsettled {
        /// What went wrong.
        cause: Box<CliError>,
        /// The idempotency key.
        key: String,
    },
}

impl From<io::Error> for CliError {
    /// Writing is the only thing that fails so; all else says what it was about.
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<Problem> for CliError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl CliError {
    /// An error of that operation.
    pub(super) fn failed(what: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(anyhow::Error::new(source).context(what.into()))
    }

    /// The code that the process exits with.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Problem(problem) => match problem.status {
                400 | 405 | 406 | 413 | 415 => 2,
                404 | 409 | 412 | 422 | 428 => 3,
                401 | 403 => 4,
                408 | 429 | 502..=504 => 5,
                _ => 1,
            },
            Self::Unavailable { .. } => 5,
            Self::Usage(_) | Self::Settings(_) => 2,
            Self::NotSignedIn(_) => 4,
            Self::Output(_) | Self::Failed(_) => 1,
            Self::Unsettled { cause, .. } => cause.exit_code(),
        }
    }

    /// Whether nobody reads the output any more (`dkube … | head`): then there is nobody to tell.
    fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Tells it on stderr, and gives the exit code.
    pub(super) fn report(&self, console: &mut Console) -> ExitCode {
        if self.is_broken_pipe() {
            return ExitCode::SUCCESS;
        }
        let told = match console.format {
            Format::Table => self.lines().iter().try_for_each(|line| console.note(line)),
            Format::Json => console.note(&self.document()),
        };
        // Where stderr can't be written either, the exit code is all that is left.
        drop(told);
        ExitCode::from(self.exit_code())
    }

    fn lines(&self) -> Vec<String> {
        match self {
            Self::Problem(problem) => problem.lines(),
            Self::Unsettled { cause, key } => {
                let mut lines = cause.lines();
                lines.push(format!(
                    "  it may have happened; to be sure, run the same again with --idempotency-key {key}"
                ));
                lines
            }
            Self::NotSignedIn(_) => vec![format!("error: {}", self.chain()), "  sign in with: dkube login".to_owned()],
            _ => vec![format!("error: {}", self.chain())],
        }
    }

    /// The error and its causes, on one line.
    fn chain(&self) -> String {
        if let Self::Failed(error) = self {
            return clean(&format!("{error:#}"));
        }
        let causes = std::iter::successors(self.source(), |&error| error.source());
        clean(&causes.fold(self.to_string(), |text, cause| {
            let cause = cause.to_string();
            if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
        }))
    }

    /// The error as one JSON object: the server's own problem document where there is one.
    fn document(&self) -> String {
        let code = match self {
            Self::Problem(problem) => return problem.document(),
            Self::Unsettled { cause, key } => {
                let mut document = serde_json::from_str(&cause.document()).unwrap_or_else(|_| json!({}));
                document["idempotency_key"] = json!(key);
                return document.to_string();
            }
            Self::Unavailable { .. } => "client.unavailable",
            Self::Usage(_) | Self::Settings(_) => "client.usage",
            Self::NotSignedIn(_) => "client.not_signed_in",
            Self::Output(_) | Self::Failed(_) => "client.failed",
        };
        json!({"code": code, "detail": self.chain()}).to_string()
    }
}
