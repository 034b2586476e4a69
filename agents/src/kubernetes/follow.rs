//! Following one kind: list it page by page, watch what changes, and list anew when the watch can't go on.
//!
//! What the API server says is in its documentation under "Efficient detection of changes": a watch begins at the
//! resource version of the list, bookmarks move that version on, and 410 Gone says that it is too old.
use super::lines::Line;
use futures::{StreamExt, TryStreamExt, pin_mut};
use kube::{
    Api, Error, Resource,
    api::{ListParams, WatchEvent, WatchParams},
};
use serde::de::DeserializeOwned;
use std::{fmt::Debug, time::Duration};
use tokio::time::{sleep, timeout};

/// The objects of one page.
const PAGE: u32 = 500;
/// How long one page, or the beginning of a watch, may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// How long a watch lasts before the API server ends it, in seconds: a connection that died in silence is found after it.
const WATCH_SECONDS: u32 = 60;
/// A watch from which nothing, not even its end, came for so long is dead.
const SILENCE: Duration = Duration::from_secs(WATCH_SECONDS as u64 + 10);
/// The first wait after a failure; it doubles up to the last.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_LAST: Duration = Duration::from_secs(5);

/// Keeps what is seen of a kind.
pub(super) trait Keeps<K>: Send {
    /// Everything will be told now.
    fn begin(&mut self);
    /// It is there, and so.
    fn put(&mut self, object: K);
    /// It is gone.
    fn gone(&mut self, object: K);
    /// That was everything since the beginning: what was not among it is gone.
    fn whole(&mut self);
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{}", told(.0))]
    Kube(#[from] Error),
    #[error("the API server does not answer")]
    Silent,
    #[error("the list has no resource version")]
    NoVersion,
}

/// Why a watch ended.
enum Ended {
    /// Its version is too old: everything is to be listed anew.
    TooOld,
    /// It can go on at this version.
    At(String, Option<Failed>),
}

/// Follows for ever.
pub(super) async fn follow<K>(api: Api<K>, mut keeps: impl Keeps<K>, line: Line)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut wait = WAIT_FIRST;
    loop {
        let mut version = match list(&api, &mut keeps).await {
            Ok(version) => version,
            Err(error) => {
                line.away(&error);
                sleep(wait).await;
                wait = (wait * 2).min(WAIT_LAST);
                continue;
            }
        };
        while let Ended::At(at, failed) = watch(&api, version, &mut keeps, &line, &mut wait).await {
            version = at;
            if let Some(error) = failed {
                line.away(&error);
                sleep(wait).await;
                wait = (wait * 2).min(WAIT_LAST);
            }
        }
        // A server that calls every version too old is not asked without a pause.
        sleep(WAIT_FIRST).await;
    }
}

async fn list<K>(api: &Api<K>, keeps: &mut impl Keeps<K>) -> Result<String, Failed>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    keeps.begin();
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = timeout(ANSWER_WITHIN, api.list(&params)).await.map_err(|_| Failed::Silent)??;
        for object in page.items {
            keeps.put(object);
        }
        let Some(token) = page.metadata.continue_.filter(|token| !token.is_empty()) else {
            keeps.whole();
            return page.metadata.resource_version.ok_or(Failed::NoVersion);
        };
        params = params.continue_token(&token);
    }
}

async fn watch<K>(api: &Api<K>, from: String, keeps: &mut impl Keeps<K>, line: &Line, wait: &mut Duration) -> Ended
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let params = WatchParams::default().timeout(WATCH_SECONDS);
    let events = match timeout(ANSWER_WITHIN, api.watch(&params, &from)).await {
        Ok(Ok(events)) => events.into_stream(),
        Ok(Err(error)) if is_too_old(&error) => return Ended::TooOld,
        Ok(Err(error)) => return Ended::At(from, Some(error.into())),
        Err(_) => return Ended::At(from, Some(Failed::Silent)),
    };
    line.watched();
    let mut version = from;
    pin_mut!(events);
    loop {
        let event = match timeout(SILENCE, events.next()).await {
            Ok(Some(event)) => event,
            // It ended, as each does after a while.
            Ok(None) => break,
            Err(_) => return Ended::At(version, Some(Failed::Silent)),
        };
        *wait = WAIT_FIRST;
        match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                move_on(&mut version, object.meta().resource_version.as_ref());
                keeps.put(object);
            }
            Ok(WatchEvent::Deleted(object)) => {
                move_on(&mut version, object.meta().resource_version.as_ref());
                keeps.gone(object);
            }
            Ok(WatchEvent::Bookmark(bookmark)) => version = bookmark.metadata.resource_version,
            Ok(WatchEvent::Error(status)) if status.code == 410 => return Ended::TooOld,
            Ok(WatchEvent::Error(status)) => return Ended::At(version, Some(Error::Api(status).into())),
            Err(error) if is_too_old(&error) => return Ended::TooOld,
            Err(error) => return Ended::At(version, Some(error.into())),
        }
    }
    // A server that ends every watch at once is not asked without a pause.
    sleep(WAIT_FIRST).await;
    Ended::At(version, None)
}

fn move_on(version: &mut String, to: Option<&String>) {
    if let Some(to) = to {
        version.clone_from(to);
    }
}

fn is_too_old(error: &Error) -> bool {
    matches!(error, Error::Api(status) if status.code == 410)
}

/// The innermost cause says what is the matter; what the API server says of itself is enough.
fn told(error: &Error) -> String {
    if let Error::Api(status) = error {
        return format!("the API server answers {}: {}", status.code, status.message);
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
