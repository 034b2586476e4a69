//! Keys that are lost for good, given up: on the machine of a server that is stopped.
use super::opened::{KeyPlaces, Opened};
use crate::settings::Settings;
use anyhow::Context;
use bus::{
    clock::{Clock, SystemClock},
    engine::Request,
    keyring::{self, AbandonError, Known},
};
use domain::{Command, Principal, Reason};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

/// What was given up.
pub(crate) struct Abandoned {
    /// The new master key.
    pub(crate) master_key: PathBuf,
    /// How many users' keys were lost.
    pub(crate) users: usize,
    /// Where the old ring and key are, as far as they were there.
    pub(crate) kept: Vec<PathBuf>,
}

/// Makes new keys in the place of those that are lost, and records that it was done.
///
/// # Errors
/// Nothing is lost, there is no cluster in the data folder, a server has it, or it can't be written.
pub(crate) async fn abandon(settings: Settings) -> anyhow::Result<Abandoned> {
    let settings = Arc::new(settings);
    super::reset::founded(&settings)?;
    let told = Arc::new(Mutex::new(None));
    let (opening, tell) = (Arc::clone(&settings), Arc::clone(&told));
    let opened = tokio::task::spawn_blocking(move || {
        Opened::open_with(&opening, |places| {
            *tell.lock().unwrap_or_else(PoisonError::into_inner) = Some(give_up(&opening, places)?);
            Ok(())
        })
    })
    .await??;
    let recorded = record(&opened).await;
    let closed = opened.close().await;
    recorded?;
    closed?;
    let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
    told.context("nothing is sealed in this log yet: start the server")
}

fn give_up(settings: &Settings, places: &KeyPlaces<'_>) -> anyhow::Result<Abandoned> {
    // Looked at first: it is quicker than to read the log.
    if !keyring::is_lost(places.master, places.files, places.entropy)? {
        return Err(AbandonError::NothingLost.into());
    }
    let known = Known::of_log(places.log)?;
    let kept = keyring::abandon(places.master, places.files, places.entropy, &known, SystemClock.now())?;
    let kept = kept.into_iter().map(|path| settings.data.join(path)).collect();
    Ok(Abandoned { master_key: places.master.to_owned(), users: known.users.len(), kept })
}

/// Records that keys were given up, where that is not recorded yet: whatever a giving-up was interrupted by.
///
/// # Errors
/// The log can't be written.
pub(super) async fn record(opened: &Opened) -> anyhow::Result<()> {
    let Some((at, users)) = opened.keyring.given_up() else { return Ok(()) };
    let reason: Reason = "dkube secrets abandon, on the server's machine".parse().context("a fixed text")?;
    let request =
        Request { reason: Some(reason), ..Request::new(Principal::SYSTEM, Command::GiveUpKeys { at, users }) };
    opened.engine.submit(request).await.context("cannot record that keys were given up")?;
    Ok(())
}
