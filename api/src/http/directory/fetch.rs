//! Asks a provider whom it lists: once at a time, whoever waits for it, and not before it takes questions again.
use super::known::{Listing, Place, Trouble};
use crate::{
    http::{
        app::App,
        backend::{active, lost, worded},
        problem::{Problem, find},
    },
    provider::{GitHub, Provider, ProviderError},
};
use domain::{Timestamp, backend};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// How long all pages of a list may take.
const WITHIN: Duration = Duration::from_mins(10);

/// The last fetch, which all share who ask while it is under way.
#[derive(Default)]
pub(crate) struct Fetches(Mutex<Option<Last>>);

struct Last {
    /// Whom it asks, and with which credentials: what it came to says nothing of others.
    of: backend::Provider,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// What a fetch came to.
#[derive(Clone)]
enum Outcome {
    /// So many people are listed.
    Listed(usize),
    /// The provider gave no list.
    Failed(ProviderError),
    /// Meanwhile another backend, or other credentials, hold.
    Outdated,
}

impl Last {
    /// Whether there is nothing to be asked anew: it is not over, or the provider takes no questions yet.
    fn holds(&self, now: Timestamp) -> bool {
        match &*self.outcome.borrow() {
            None => self.outcome.has_changed().is_ok(),
            Some(Outcome::Failed(error)) => error.until().is_some_and(|until| now < until),
            Some(Outcome::Listed(_) | Outcome::Outdated) => false,
        }
    }
}

/// Fetches whom the active provider lists. None if it lists nobody. The fetch goes on when whoever asked for it is gone.
///
/// # Errors
/// It can't be asked, or takes no questions for a while.
pub(super) async fn fetch(app: &App) -> Result<Option<usize>, Problem> {
    loop {
        let active = active(app).inspect_err(|problem| failed(app, problem))?;
        let Some((stored, Provider::GitHub(github))) = active else { return Ok(None) };
        // Without it only public members would be listed.
        if stored.directory_token().is_some_and(|token| token.reveal().is_none()) {
            let problem = lost("the directory token");
            failed(app, &problem);
            return Err(problem);
        }
        let mut outcome = under_way(app, &stored, github);
        let told = outcome.wait_for(Option::is_some).await.ok().and_then(|told| told.clone());
        match told {
            Some(Outcome::Listed(people)) => return Ok(Some(people)),
            Some(Outcome::Failed(error)) => return Err(worded(app, &error)),
            // Whoever holds now is asked.
            Some(Outcome::Outdated) => {}
            None => return Err(Problem::new("server.stopping", "the server stops").retry_after(5)),
        }
    }
}

/// The fetch that there is, or a new one.
fn under_way(app: &App, stored: &backend::Provider, github: GitHub) -> watch::Receiver<Option<Outcome>> {
    let mut last = app.fetches.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(last) = last.as_ref().filter(|last| last.of == *stored && last.holds(app.now())) {
        return last.outcome.clone();
    }
    let (tell, outcome) = watch::channel(None);
    *last = Some(Last { of: stored.clone(), outcome: outcome.clone() });
    let (app, stored) = (app.clone(), stored.clone());
    tokio::spawn(async move {
        let mut stopping = app.parts.stopping.clone();
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => {}
            outcome = ask(&app, &stored, &github) => drop(tell.send_replace(Some(outcome))),
        }
    });
    outcome
}

async fn ask(app: &App, stored: &backend::Provider, github: &GitHub) -> Outcome {
    let (place, asked_at) = (Place::of(stored), app.now());
    let fetched = tokio::time::timeout(WITHIN, github.members(&app.parts.outside)).await;
    // What is told of a backend that holds no more is nobody's, and credentials that were replaced may have seen less.
    if app.present(|state| state.cluster().sign_in().provider.as_ref() != Some(stored)) {
        return Outcome::Outdated;
    }
    let error = match fetched {
        Ok(Ok(people)) => {
            let listing = Listing::of(&place, people, stored.directory_token().is_some(), asked_at, app.now());
            return Outcome::Listed(app.directory.listed(&place, listing));
        }
        Ok(Err(error)) => error,
        Err(_) => ProviderError::Malformed("the list has no end"),
    };
    app.directory.failed(&place, Trouble { code: error.code(), detail: error.to_string(), not_before: error.until() });
    tracing::warn!(code = error.code(), "the directory of a sign-in provider: {error}");
    Outcome::Failed(error)
}

fn failed(app: &App, problem: &Problem) {
    let code = find(problem.code()).map_or("server.fault", |entry| entry.code);
    let trouble = Trouble { code, detail: problem.detail().to_owned(), not_before: None };
    if let Some(place) = place_now(app) {
        app.directory.failed(&place, trouble);
    }
}

/// Where people sign in now, if they do so at a provider.
pub(super) fn place_now(app: &App) -> Option<Place> {
    app.present(|state| state.cluster().sign_in().provider.as_ref().map(Place::of))
}
