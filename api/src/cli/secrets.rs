//! `dkube secrets …`: the key behind personal data and secrets, on the machine of a server that is stopped.
use super::{
    console::{Console, Format},
    error::CliError,
    password::ask,
};
use crate::{
    serve::{self, Abandoned, data_lock},
    settings::{Environment, Flags, Settings},
};
use bus::{
    clock::{Entropy, SystemEntropy},
    keyring,
    storage::Storage,
};
use clap::Subcommand;
use serde_json::json;
use std::{
    io::{self, IsTerminal},
    sync::Arc,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Seal the key ring under a new master key, which takes the place of the old one
    Rotate {
        #[command(flatten)]
        flags: Flags,
    },
    /// Give up keys that are lost for good: where the server does not start without them, and there is no backup.
    ///
    /// Makes a new master key and a new key ring. Logins, identities, password hashes, addresses and reasons of every user, and the secrets
    /// of the sign-in provider, can't be read from then on; everything else works, tokens too, until their user is linked anew. The key
    /// is looked for where the setting master_key says. Refused where nothing is lost. The old
    /// files are kept beside the new ones, should the old key be found: together they open what was sealed before, and nothing that
    /// was since. They do so of users who are erased later too: destroy them once nobody looks for the key any more. Then:
    /// dkube auth reset-operator
    Abandon {
        #[command(flatten)]
        flags: Flags,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

pub(super) fn run(command: &Command, environment: &Environment, console: &mut Console) -> Result<(), CliError> {
    match command {
        Command::Rotate { flags } => rotate(flags, environment, console),
        Command::Abandon { flags, yes } => abandon(flags, *yes, environment, console),
    }
}

fn rotate(flags: &Flags, environment: &Environment, console: &mut Console) -> Result<(), CliError> {
    let settings = Settings::load(flags, environment)?;
    if !settings.data.is_dir() {
        return Err(CliError::Usage(format!("there is no data folder {}", settings.data.display())));
    }
    let storage = data_lock(&settings.data)?;
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let key = settings.master_key();
    keyring::rotate(&key, &storage.files(), &entropy).map_err(anyhow::Error::from)?;
    match console.format {
        Format::Json => console.json(&json!({ "master_key": key }))?,
        Format::Table => console.line(&format!(
            "{} is a new key: keep a copy elsewhere. Backups of the key ring from before open with the old one alone",
            key.display()
        ))?,
    }
    Ok(())
}

/// What has to be typed.
const WORD: &str = "abandon";

fn abandon(flags: &Flags, yes: bool, environment: &Environment, console: &mut Console) -> Result<(), CliError> {
    let settings = Settings::load(flags, environment)?;
    if !yes && !io::stdin().is_terminal() {
        return Err(CliError::Usage("there is no terminal to ask on: say --yes".to_owned()));
    }
    let agree = |explained: &str| {
        console.note(explained)?;
        let agreed = yes || ask(&format!("Type {WORD} to go on without: "), "there is no terminal")? == WORD;
        anyhow::ensure!(agreed, "nothing was done");
        Ok(())
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| CliError::failed("start the async runtime", error))?;
    let Abandoned { master_key, users, kept, unrecorded } = runtime.block_on(serve::abandon(&settings, agree))?;
    match console.format {
        Format::Json => {
            let recorded = unrecorded.is_none();
            console.json(&json!({ "master_key": master_key, "users": users, "kept": kept, "recorded": recorded }))?;
        }
        Format::Table => {
            console.line(&format!(
                "{} is a new key: keep a copy of it and of the key ring elsewhere",
                master_key.display()
            ))?;
            console.line(&format!(
                "what was sealed under the keys of {users} users, and under the cluster's, is unreadable"
            ))?;
            for path in kept {
                console.line(&format!("{} is kept, should the old key be found", path.display()))?;
            }
            console.line("next: dkube auth reset-operator")?;
        }
    }
    if let Some(why) = unrecorded {
        console.note(&format!("that the keys were given up is not recorded yet ({why:#}): the next start does so"))?;
    }
    Ok(())
}
