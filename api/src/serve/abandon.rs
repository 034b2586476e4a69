//! Keys that are lost for good, given up: on the machine of a server that is stopped.
use super::opened::{KeyPlaces, Opened, founded, whose};
use crate::settings::Settings;
use anyhow::Context;
use bus::{
    clock::{Clock, SystemClock},
    engine::{Failure, Request},
    keyring::{self, AbandonError, Known},
};
use domain::{Command, Principal};
use std::path::PathBuf;

/// What was given up.
pub(crate) struct Abandoned {
    /// The new master key.
    pub(crate) master_key: PathBuf,
    /// How many users' keys were lost.
    pub(crate) users: usize,
    /// Where the old ring and key are, as far as they were there.
    pub(crate) kept: Vec<PathBuf>,
    /// Why the log does not tell of it yet, if it does not: the next start records it.
    pub(crate) unrecorded: Option<anyhow::Error>,
}

/// Makes new keys in the place of those that are lost, once `agree` was shown what that means; and records that it was done.
///
/// # Errors
/// Nothing is lost, it is not agreed to, there is no cluster in the data folder, a server has it, or it can't be written.
pub(crate) async fn abandon(
    settings: &Settings,
    agree: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<Abandoned> {
    founded(settings)?;
    let (opened, abandoned) = Opened::open_with(settings, |places| give_up(settings, places, agree))?;
    opened.caught_up().await;
    let recorded = record(&opened).await;
    let closed = opened.close().await;
    let mut abandoned = abandoned.context("nothing is sealed in this log yet: start the server")?;
    match recorded {
        // The keys are given up all the same, and whoever asked has to be told where the new ones are.
        Err(failure) => abandoned.unrecorded = Some(failure.into()),
        Ok(()) => closed?,
    }
    Ok(abandoned)
}

fn give_up(
    settings: &Settings,
    places: &KeyPlaces<'_>,
    agree: impl FnOnce(&str) -> anyhow::Result<()>,
) -> anyhow::Result<Abandoned> {
    let loss = keyring::loss(places.master, places.files, places.entropy)?.ok_or(AbandonError::NothingLost)?;
    let known = Known::of_log(places.log)?;
    agree(&format!("{:#}", places.without(loss, &whose(&known))))?;
    let kept = keyring::abandon(places.master, places.files, places.entropy, &known, SystemClock.now())?;
    let kept = kept.into_iter().map(|path| settings.data.join(path)).collect();
    Ok(Abandoned { master_key: places.master.to_owned(), users: known.users.len(), kept, unrecorded: None })
}

/// Records that keys were given up, where the log does not tell of it yet, as read models that are caught up show.
///
/// # Errors
/// It can't, as when the disk is full. The next start does: everything else goes on.
pub(super) async fn record(opened: &Opened) -> Result<(), Failure> {
    let Some((at, users)) = opened.keyring.given_up() else { return Ok(()) };
    if opened.live.read().state().cluster().keys_lost() == Some(at) {
        return Ok(());
    }
    let reason = "dkube secrets abandon, on the server's machine".parse().ok();
    let command = Command::GiveUpKeys { at, users };
    opened.engine.submit(Request { reason, ..Request::new(Principal::SYSTEM, command) }).await.map(drop)
}
