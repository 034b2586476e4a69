//! Keeps the list of whom a GitHub organization has as members.
use super::known::Trouble;
use crate::{
    http::{
        app::App,
        backend::{active, unavailable},
        problem::Problem,
    },
    provider::{Provider, ProviderError},
};
use domain::backend;
use std::time::Duration;
use tokio::sync::watch;

/// How old a list may become.
const EVERY: Duration = Duration::from_hours(1);

/// How soon a failed fetch is tried again.
const AGAIN: Duration = Duration::from_mins(5);

/// Fetches whom the provider lists. None if it lists nobody.
///
/// # Errors
/// It can't be asked.
pub(super) async fn fetch(
    app: &App,
    stored: &backend::Provider,
    provider: &Provider,
) -> Result<Option<usize>, Problem> {
    let Provider::GitHub(github) = provider else { return Ok(None) };
    // One at a time: whoever asks meanwhile waits, for as long as a request may take.
    let _alone = app.refreshing.lock().await;
    match github.members(&app.parts.outside).await {
        Ok(people) => Ok(Some(app.directory.listed(&stored.realm(), people, app.now()))),
        Err(error) => {
            let not_before = match &error {
                ProviderError::RateLimited { until } => Some(*until),
                _ => None,
            };
            app.directory.failed(Trouble { code: error.code(), detail: error.to_string(), not_before });
            let problem = unavailable(&error);
            let wait = not_before.map(|until| (until.micros() - app.now().micros()).max(0) / 1_000_000 + 1);
            Err(match wait.and_then(|seconds| u64::try_from(seconds).ok()) {
                Some(seconds) => problem.retry_after(seconds),
                None => problem,
            })
        }
    }
}

/// Fetches the list at the beginning, when another backend or other credentials hold, and once an hour.
pub(crate) async fn keep_fresh(app: App, mut stopping: watch::Receiver<bool>) {
    let mut positions = app.parts.live.positions();
    loop {
        let wait = match active(&app) {
            Ok(Some((stored, provider))) => match fetch(&app, &stored, &provider).await {
                Ok(_) => EVERY,
                Err(_) => again(&app, &stored),
            },
            Ok(None) | Err(_) => EVERY,
        };
        let before = revision(&app);
        let changed = async {
            while revision(&app) == before {
                if positions.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            // A dropped sender stops it too.
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = changed => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// When a failed fetch is tried again: not before the provider takes questions.
fn again(app: &App, stored: &backend::Provider) -> Duration {
    let (_, trouble) = app.directory.age(&stored.realm());
    let until = trouble.and_then(|trouble| trouble.not_before).map_or(0, |until| until.micros() - app.now().micros());
    AGAIN.max(Duration::from_micros(u64::try_from(until).unwrap_or_default()))
}

fn revision(app: &App) -> domain::Position {
    app.present(|state| state.cluster().sign_in().revision)
}
