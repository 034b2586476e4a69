//! The first start of a log: the cluster is founded, with an operator who can sign in.
use super::{first_password, opened::Opened};
use crate::{
    http::{PasswordCost, hash_password},
    settings::{Secret, Settings},
};
use anyhow::Context;
use bus::{
    clock::{Entropy, SystemEntropy},
    engine::Request,
};
use domain::{Command, Position, Principal, user::Newcomer};
use std::{
    fs,
    io::{IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// A password that was made here, and where its owner finds it.
pub(crate) enum FirstPassword {
    /// On the terminal, once.
    Shown,
    /// In a file that only its owner can read.
    Written(PathBuf),
}

/// Founds the cluster, where the log is empty. Answers the operator's password, if it was made here.
///
/// # Errors
/// The log can't be written, or the password can't be told to anybody.
pub(crate) async fn found(opened: &Opened, settings: &Settings) -> anyhow::Result<Option<FirstPassword>> {
    if *opened.engine.watermark().borrow() > Position::START {
        if settings.operator_password.is_some() {
            tracing::info!("the cluster is founded already: its operator keeps the password that they have");
        }
        return Ok(None);
    }
    let (password, made) = match &settings.operator_password {
        Some(given) => (given.clone(), false),
        None => (fresh_password(), true),
    };
    // Told before it counts: a password that nobody knows would lock everybody out.
    let told = match (made, std::io::stdout().is_terminal()) {
        (false, _) => None,
        (true, true) => Some(show(settings, &password)?),
        (true, false) => Some(FirstPassword::Written(write(&settings.data, &password)?)),
    };
    let hash = tokio::task::spawn_blocking(move || hash_password(password.reveal(), PasswordCost::default())).await?;
    let operator = Newcomer { login: settings.operator_login.clone(), password: Some(hash?) };
    let command = Command::Found { cluster: opened.cluster, demonstration: opened.demonstration, operator };
    opened.engine.submit(Request::new(Principal::SYSTEM, command)).await.context("cannot found the cluster")?;
    tracing::info!(cluster = %opened.cluster, demonstration = opened.demonstration, "founded the cluster");
    Ok(told)
}

/// 120 bits, in letters and digits that are hard to mistake for one another.
fn fresh_password() -> Secret {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = [0; 24];
    SystemEntropy.fill(&mut random);
    let letters = random.map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    let groups: Vec<String> = letters.chunks(6).map(|group| group.iter().collect()).collect();
    Secret::new(groups.join("-"))
}

fn show(settings: &Settings, password: &Secret) -> anyhow::Result<FirstPassword> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "the first operator is {}, with the password {}", settings.operator_login, password.reveal())?;
    writeln!(out, "it is shown this once: change it with `dkube password`")?;
    out.flush()?;
    Ok(FirstPassword::Shown)
}

fn write(data: &Path, password: &Secret) -> anyhow::Result<PathBuf> {
    let path = first_password::path(data);
    let write = || -> std::io::Result<()> {
        // The mode counts only for a file that is made: one of an earlier attempt goes first.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", password.reveal())?;
        file.sync_all()?;
        fs::File::open(data)?.sync_all()
    };
    write().with_context(|| format!("cannot write the operator's first password to {}", path.display()))?;
    Ok(path)
}
