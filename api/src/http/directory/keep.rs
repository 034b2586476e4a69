//! Keeps the list of whom a GitHub organization has as members.
use super::known::{Place, Trouble};
use crate::{
    http::{
        app::App,
        backend::{active, lost, unavailable},
        problem::{Problem, find},
    },
    provider::{Provider, ProviderError},
};
use std::time::Duration;
use tokio::sync::watch;

/// How old a list may become.
const EVERY: Duration = Duration::from_hours(1);

/// How soon a failed fetch is tried again.
const AGAIN: Duration = Duration::from_mins(5);

/// How long all pages of a list may take.
const WITHIN: Duration = Duration::from_mins(10);

/// Fetches whom the active provider lists. None if it lists nobody.
///
/// # Errors
/// It can't be asked.
pub(super) async fn fetch(app: &App) -> Result<Option<usize>, Problem> {
    // One at a time: whoever asks meanwhile waits, for as long as a request may take.
    let _alone = app.refreshing.lock().await;
    let Some((stored, provider)) = active(app).inspect_err(|problem| failed(app, problem))? else { return Ok(None) };
    let Provider::GitHub(github) = provider else { return Ok(None) };
    let place = Place::of(&stored);
    // Without it only public members would be listed.
    if stored.directory_token().is_some_and(|token| token.reveal().is_none()) {
        let problem = lost("the directory token");
        failed(app, &problem);
        return Err(problem);
    }
    let fetched = tokio::time::timeout(WITHIN, github.members(&app.parts.outside)).await;
    // The list of a backend that holds no more is nobody's.
    if place_now(app).as_ref() != Some(&place) {
        return Ok(None);
    }
    let error = match fetched {
        Ok(Ok(people)) => return Ok(Some(app.directory.listed(&place, people, app.now()))),
        Ok(Err(error)) => error,
        Err(_) => ProviderError::Malformed("the list has no end"),
    };
    let not_before = match &error {
        ProviderError::RateLimited { until } => Some(*until),
        _ => None,
    };
    app.directory.failed(&place, Trouble { code: error.code(), detail: error.to_string(), not_before });
    let problem = unavailable(&error);
    let wait = not_before.map(|until| (until.micros() - app.now().micros()).max(0) / 1_000_000 + 1);
    Err(match wait.and_then(|seconds| u64::try_from(seconds).ok()) {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    })
}

/// Fetches the list at the beginning, when another backend or other credentials hold, and once an hour.
pub(crate) async fn keep_fresh(app: App, mut stopping: watch::Receiver<bool>) {
    let mut positions = app.parts.live.positions();
    loop {
        let before = revision(&app);
        let round = async {
            let wait = if fetch(&app).await.is_ok() { EVERY } else { again(&app) };
            let changed = async {
                while revision(&app) == before {
                    if positions.changed().await.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            };
            // Whichever comes first is a reason to ask anew.
            let _ = tokio::time::timeout(wait, changed).await;
        };
        tokio::select! {
            // A dropped sender stops it too.
            _ = stopping.wait_for(|stopping| *stopping) => return,
            () = round => {}
        }
    }
}

fn failed(app: &App, problem: &Problem) {
    let code = find(problem.code()).map_or("server.fault", |entry| entry.code);
    let trouble = Trouble { code, detail: problem.detail().to_owned(), not_before: None };
    if let Some(place) = place_now(app) {
        app.directory.failed(&place, trouble);
    }
}

/// When a failed fetch is tried again: not before the provider takes questions.
fn again(app: &App) -> Duration {
    let trouble = place_now(app).and_then(|place| app.directory.age(&place).1);
    let until = trouble.and_then(|trouble| trouble.not_before).map_or(0, |until| until.micros() - app.now().micros());
    AGAIN.max(Duration::from_micros(u64::try_from(until).unwrap_or_default()))
}

fn place_now(app: &App) -> Option<Place> {
    app.present(|state| state.cluster().sign_in().provider.as_ref().map(Place::of))
}

fn revision(app: &App) -> domain::Position {
    app.present(|state| state.cluster().sign_in().revision)
}
