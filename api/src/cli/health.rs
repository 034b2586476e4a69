//! `dkube health …`
use super::{
    args::{Match, Read, Write, revision_header},
    call::Call,
    context::Context,
    error::CliError,
};
use clap::Subcommand;
use domain::PoolName;
use reqwest::header::IF_MATCH;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What operators see differently of GPUs' conditions from what agents say
    #[command(subcommand)]
    Policy(Policy),
    /// Reset breakers that have tripped: what they held back is quarantined
    ResetBreaker {
        /// That of this pool; left out: every one that has tripped
        pool: Option<PoolName>,
        #[command(flatten)]
        write: Write,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Show the policy; with -o json, in the form that `set` takes
    Show {
        #[command(flatten)]
        read: Read,
    },
    /// Set the whole policy; try it with --dry-run, which says what it would quarantine
    Set {
        /// The policy as JSON: what `show` shows, changed. The revision in it must still be the policy's
        file: PathBuf,
        #[command(flatten)]
        matching: Match,
        #[command(flatten)]
        write: Write,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::Policy(Policy::Show { read }) => context.show(Call::get(["health", "policy"]), &read).await,
            Self::Policy(Policy::Set { file, matching, write }) => {
                let (policy, read_at) = policy(&file)?;
                let revision = matching.revision().or(read_at).ok_or_else(|| {
                    let file = file.display();
                    CliError::Usage(format!("{file} has no revision: give the one that it was read at with --if-match"))
                })?;
                let call = Call::put(["health", "policy"], policy);
                context.command(call.header(IF_MATCH, revision_header(revision)), &write).await
            }
            Self::ResetBreaker { pool, write } => {
                let body = pool.map_or_else(|| json!({}), |pool| json!({ "pool": pool }));
                context.command(Call::post(["health", "breaker", "reset"], body), &write).await
            }
        }
    }
}

/// The policy in a file, and the revision that it was read at.
fn policy(file: &Path) -> Result<(Value, Option<u64>), CliError> {
    let unfit =
        |what: &str, error: &dyn std::error::Error| CliError::Usage(format!("{what} {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| unfit("cannot read", &error))?;
    let mut policy: Value = serde_json::from_str(&text).map_err(|error| unfit("this is no JSON,", &error))?;
    let revision = policy.as_object_mut().and_then(|fields| fields.remove("revision"));
    Ok((policy, revision.as_ref().and_then(Value::as_u64)))
}
