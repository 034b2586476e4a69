//! A watch: one line of JSON for each event, until its time is over or it is broken off.
use super::Shared;
use axum::{
    body::{Body, Bytes},
    response::{IntoResponse, Response},
};
use futures::stream;
use std::{convert::Infallible, time::Duration};
use tokio::time::{Instant, timeout_at};

struct Watch {
    shared: Shared,
    changes: tokio::sync::watch::Receiver<u64>,
    kind: String,
    version: u64,
    disconnects: u64,
    until: Instant,
}

pub(super) fn answer(shared: Shared, kind: String, version: u64, seconds: u64) -> Response {
    let disconnects = shared.store().disconnects();
    let watch = Watch {
        changes: shared.changes.subscribe(),
        disconnects,
        until: Instant::now() + Duration::from_secs(seconds),
        shared,
        kind,
        version,
    };
    let lines = stream::unfold(watch, |mut watch| async {
        let lines = watch.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(lines)), watch))
    });
    Body::from_stream(lines).into_response()
}

impl Watch {
    async fn next(&mut self) -> Option<String> {
        loop {
            let (disconnects, found) = {
                let store = self.shared.store();
                (store.disconnects(), store.after(&self.kind, self.version))
            };
            if disconnects != self.disconnects {
                return None;
            }
            if let Some(last) = found.last() {
                self.version = last.version;
                let lines = found.iter().flat_map(|change| [change.event.to_string(), "\n".to_owned()]);
                return Some(lines.collect());
            }
            timeout_at(self.until, self.changes.changed()).await.ok()?.ok()?;
        }
    }
}
