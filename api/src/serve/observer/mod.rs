//! Jobs that nobody started here: recorded when they are seen to run, and when they are seen to be gone.
//!
//! What is seen is compared with the jobs that are active, so that a restart finds what changed meanwhile. Nothing is ended
//! because it can't be seen.
mod pods;
mod processes;
#[cfg(test)]
mod testing;

pub(super) use pods::Pods;
pub(super) use processes::Processes;

use bus::{
    clock::{Clock, SystemClock},
    engine::{Engine, Request},
};
use domain::{
    Cluster, Command, Login, Principal, Timestamp, UserId,
    job::{self, Source},
};
use projections::Live;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::watch, time::MissedTickBehavior};

/// The most commands of one look: the rest is found by the next.
const COMMANDS_MAX: usize = 256;

/// Something that sees jobs.
pub(super) trait Watch: Send + 'static {
    /// How often it looks.
    const EVERY: Duration;

    /// What is to be recorded by now.
    fn due(&mut self, cluster: &Cluster, now: Timestamp) -> Vec<job::Command>;
}

/// Looks and records until `stop` says so.
pub(super) async fn observe<W: Watch>(mut watch: W, engine: Engine, live: Live, mut stop: watch::Receiver<bool>) {
    let mut looks = tokio::time::interval(W::EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            _ = looks.tick() => {}
        }
        let due = watch.due(live.read().state().cluster(), SystemClock.now());
        for command in due.into_iter().take(COMMANDS_MAX) {
            let request = Request::new(Principal::SYSTEM, Command::Job(command));
            if let Err(error) = engine.submit(request).await {
                // It is due again at the next look.
                tracing::debug!(%error, "what was observed could not be recorded");
                break;
            }
        }
    }
}

/// The sources that begin so of the jobs that were seen and not seen to end.
fn active(cluster: &Cluster, beginning: &str) -> BTreeSet<Arc<str>> {
    let sources = cluster.jobs().values().filter_map(|job| match &job.source {
        Source::Observed { source, .. } => Some(source),
        Source::Started { .. } => None,
    });
    sources.filter(|source| source.starts_with(beginning)).cloned().collect()
}

/// The end of each job whose source is not among those that are seen.
fn ended<'a>(
    active: impl IntoIterator<Item = &'a Arc<str>>,
    seen: impl Fn(&Arc<str>) -> bool,
) -> impl Iterator<Item = job::Command> {
    let gone = active.into_iter().filter(move |source| !seen(source));
    gone.map(|source| job::Command::ObserveEnd { source: Arc::clone(source) })
}

/// The user of this login, where there is one.
fn user_of(cluster: &Cluster, login: Option<&str>) -> Option<UserId> {
    let login = login?.parse::<Login>().ok()?;
    cluster.user_by_login(&login).map(|user| user.id)
}
