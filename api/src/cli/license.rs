//! `dkube license …`
use super::{
    args::{Read, Write},
    call::Call,
    console::{Console, Format},
    context::Context,
    error::CliError,
    stdin,
};
use crate::license::{IssueError, SigningKey, new_keys};
use bus::clock::{Clock, SystemClock, SystemEntropy, time_ordered_id};
use clap::{Args, Subcommand};
use domain::{LicenseId, Licensee, Timestamp, license::License};
use serde_json::json;
use std::path::{Path, PathBuf};

/// The longest license token, in bytes.
const TOKEN_MAX: u64 = 16 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the license, how far it is used, and what is refused
    Show {
        #[command(flatten)]
        read: Read,
    },
    /// Install a license
    Install {
        /// The file that holds the token; - for standard input
        file: PathBuf,
        #[command(flatten)]
        write: Write,
    },
    /// For vendors: make a key pair, FILE (keep it secret) and FILE.pub (the server's setting license_key)
    Keygen {
        /// Where to write the private key: a new file
        file: PathBuf,
    },
    /// For vendors: sign a license, and print its token
    Issue(Issue),
}

/// What to grant.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// The vendor's private key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// To whom it is granted
    #[arg(long, value_name = "NAME")]
    licensee: Licensee,
    /// When it begins, as 2026-03-01T00:00:00Z; left out: now
    #[arg(long, value_name = "TIME")]
    starts: Option<Timestamp>,
    /// When it ends
    #[arg(long, value_name = "TIME", required_unless_present = "days", conflicts_with = "days")]
    ends: Option<Timestamp>,
    /// How many days it lasts
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=36_525))]
    days: Option<u32>,
    /// How many days after its end nothing is refused yet
    #[arg(long, value_name = "NUMBER", default_value_t = 14, value_parser = clap::value_parser!(u16).range(..=3660))]
    grace_days: u16,
    /// How many users there may be; left out: any number
    #[arg(long, value_name = "NUMBER")]
    seats: Option<u32>,
    /// How many devices there may be; left out: any number
    #[arg(long, value_name = "NUMBER")]
    devices: Option<u32>,
}

impl Command {
    /// Whether it speaks to a server.
    pub(super) const fn asks(&self) -> bool {
        matches!(self, Self::Show { .. } | Self::Install { .. })
    }

    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::Show { read } => context.show(Call::get(["license"]), &read).await,
            Self::Install { file, write } => {
                let token = token(&file)?;
                context.command(Call::put(["license"], json!({ "token": token })), &write).await
            }
            Self::Keygen { .. } | Self::Issue(_) => Ok(()),
        }
    }

    /// Runs what needs no server.
    pub(super) fn run_here(self, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Keygen { file } => {
                let public = PathBuf::from(format!("{}.pub", file.display()));
                new_keys(&file, &public).map_err(failed)?;
                match console.format {
                    Format::Json => console.json(&json!({ "private_key": file, "public_key": public }))?,
                    Format::Table => console.line(&format!(
                        "{} is the private key: keep it secret, and a copy of it safe\n\
                         {} is the public key: the setting license_key of servers",
                        file.display(),
                        public.display()
                    ))?,
                }
            }
            Self::Issue(issue) => {
                let token = issue.token()?;
                match console.format {
                    Format::Json => console.json(&json!({ "token": token }))?,
                    Format::Table => console.line(&token)?,
                }
            }
            Self::Show { .. } | Self::Install { .. } => {}
        }
        Ok(())
    }
}

impl Issue {
    fn token(self) -> Result<String, CliError> {
        let key = SigningKey::in_file(&self.key).map_err(|error| failed(error.into()))?;
        let now = SystemClock.now();
        let starts_at = self.starts.unwrap_or(now);
        let after = |days: u32| starts_at.plus_seconds(i64::from(days) * 86_400);
        let ends_at = self.ends.or_else(|| self.days.map(after)).unwrap_or(starts_at);
        if ends_at <= starts_at {
            return Err(CliError::Usage("a license begins before it ends".to_owned()));
        }
        let license = License {
            id: LicenseId(time_ordered_id(now, &SystemEntropy)),
            licensee: self.licensee,
            issued_at: now,
            starts_at,
            ends_at,
            grace_days: self.grace_days,
            seats: self.seats,
            devices: self.devices,
        };
        key.issue(license).map_err(failed)
    }
}

fn failed(error: IssueError) -> CliError {
    CliError::Failed(error.into())
}

fn token(file: &Path) -> Result<String, CliError> {
    if file == Path::new("-") {
        return Ok(stdin::read(TOKEN_MAX, "the license")?.trim().to_owned());
    }
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| CliError::Usage(format!("cannot read {}: {error}", file.display())))?;
    Ok(text.trim().to_owned())
}
