//! `dkube secrets …`: the key behind personal data and secrets, on the machine of a server that is stopped.
use super::{
    console::{Console, Format},
    error::CliError,
};
use crate::{
    serve::data_lock,
    settings::{Environment, Flags, Settings},
};
use bus::{
    clock::{Entropy, SystemEntropy},
    keyring,
    storage::Storage,
};
use clap::Subcommand;
use serde_json::json;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Seal the key ring under a new master key, which takes the place of the old one
    Rotate {
        #[command(flatten)]
        flags: Flags,
    },
}

pub(super) fn run(command: &Command, environment: &Environment, console: &mut Console) -> Result<(), CliError> {
    let Command::Rotate { flags } = command;
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
