//! The file with the first operator's password: it goes as soon as it is of no use.
//!
//! What it holds decides, and nothing else: at every start, it stays only if that is still the first operator's password.
//! So whatever was interrupted (the founding, or a removal after the password was changed), nothing stale is left.
use crate::{
    http::password_fits,
    settings::{Secret, Settings, read_password},
};
use anyhow::Context;
use bus::clock::{Entropy, SystemEntropy};
use domain::{UserId, user::PasswordHash};
use projections::{Live, State};
use std::{
    fs,
    io::{self, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use tokio::sync::watch;
use zeroize::Zeroizing;

/// A password that was made here, and where its owner finds it.
pub(crate) enum FirstPassword {
    /// On the terminal, once.
    Shown,
    /// In a file that only its owner can read.
    Written(PathBuf),
}

/// The password that the settings give, or one that is made here: told, before it counts, on a terminal after these words where
/// it may be shown there, or in the file. A password that nobody knows would lock everybody out.
///
/// # Errors
/// It can't be told to anybody.
pub(super) fn chosen(
    settings: &Settings,
    who: &str,
    may_show: bool,
) -> anyhow::Result<(Secret, Option<FirstPassword>)> {
    if let Some(given) = &settings.operator_password {
        return Ok((given.clone(), None));
    }
    let password = fresh();
    let told = if may_show && io::stdout().is_terminal() {
        show(who, &password)?
    } else {
        FirstPassword::Written(write(&settings.data, &password)?)
    };
    Ok((password, Some(told)))
}

/// 120 bits, in letters and digits that are hard to mistake for one another.
fn fresh() -> Secret {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut random = Zeroizing::new([0; 24]);
    SystemEntropy.fill(&mut *random);
    let mut text = Zeroizing::new(String::with_capacity(random.len() + 3));
    for (at, byte) in random.iter().enumerate() {
        if at > 0 && at % 6 == 0 {
            text.push('-');
        }
        text.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    text.into()
}

fn show(who: &str, password: &Secret) -> anyhow::Result<FirstPassword> {
    let mut out = io::stdout().lock();
    writeln!(out, "{who} {}", password.reveal())?;
    writeln!(out, "it is shown this once: change it with `dkube password`")?;
    out.flush()?;
    Ok(FirstPassword::Shown)
}

fn write(data: &Path, password: &Secret) -> anyhow::Result<PathBuf> {
    let path = path(data);
    let write = || -> io::Result<()> {
        // The mode counts only for a file that is made: one of an earlier attempt goes first.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        writeln!(file, "{}", password.reveal())?;
        file.sync_all()?;
        fs::File::open(data)?.sync_all()
    };
    write().with_context(|| format!("cannot write the operator's password to {}", path.display()))?;
    Ok(path)
}

/// Where it is.
pub(super) fn path(data: &Path) -> PathBuf {
    data.join("first-password")
}

/// Removes the file if it is of no use; else, a task does when that operator's password changes. That ends when the
/// server stops: the next start looks again.
///
/// # Errors
/// It can't be read. The server can do without it.
pub(super) async fn tidy(data: &Path, live: &Live, stopping: watch::Receiver<bool>) -> anyhow::Result<()> {
    let path = path(data);
    if !path.try_exists().with_context(|| format!("cannot look for {}", path.display()))? {
        return Ok(());
    }
    let password = read_password(&path)?;
    // None: the read models stand still before the founding, and nobody can tell.
    let Some((operator, hash)) = live_read(live, first_operator) else { return Ok(()) };
    let checked = hash.clone();
    let fits = tokio::task::spawn_blocking(move || checked.is_some_and(|hash| password_fits(password.reveal(), &hash)));
    if fits.await? {
        tokio::spawn(watch_over(path, live.clone(), operator, hash, stopping));
    } else {
        remove(&path);
    }
    Ok(())
}

/// Waits until the operator has another password.
async fn watch_over(
    path: PathBuf,
    live: Live,
    operator: UserId,
    first: Option<PasswordHash>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut positions = live.positions();
    let changed = |state: &State| state.cluster().user(operator).is_none_or(|user| user.password != first);
    while !live_read(&live, changed) {
        tokio::select! {
            // A dropped sender stops it too.
            _ = stopping.wait_for(|stopping| *stopping) => return,
            moved = positions.changed() => if moved.is_err() { return },
        }
    }
    remove(&path);
}

fn live_read<T>(live: &Live, read: impl FnOnce(&State) -> T) -> T {
    read(live.read().state())
}

/// The one whom the founding made: the flag is theirs alone, and for ever.
fn first_operator(state: &State) -> Option<(UserId, Option<PasswordHash>)> {
    let first = state.cluster().users().values().find(|user| user.break_glass)?;
    Some((first.id, first.password.clone()))
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => tracing::info!(path = %path.display(), "removed the first password, which is of no use any more"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(path = %path.display(), error, "the first password is of no use any more, and can't be removed");
        }
    }
}
