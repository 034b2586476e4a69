//! Keeps the list of whom a GitHub organization has as members.
use super::fetch::{fetch, place_now};
use crate::http::app::App;
use std::time::Duration;
use tokio::sync::watch;

/// How old a list may become.
const EVERY: Duration = Duration::from_hours(1);

/// How soon a failed fetch is tried again.
const AGAIN: Duration = Duration::from_mins(5);

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

/// When a failed fetch is tried again: not before the provider takes questions.
fn again(app: &App) -> Duration {
    let trouble = place_now(app).and_then(|place| app.directory.age(&place).1);
    let until = trouble.and_then(|trouble| trouble.not_before).map_or(0, |until| until.micros() - app.now().micros());
    AGAIN.max(Duration::from_micros(u64::try_from(until).unwrap_or_default()))
}

fn revision(app: &App) -> domain::Position {
    app.present(|state| state.cluster().sign_in().revision)
}
