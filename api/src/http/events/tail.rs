use crate::http::{
    answer::EventView,
    app::{App, StreamPlace},
    auth::{Asker, Rule, still_valid},
    port::Entry,
    problem::Problem,
};
use axum::response::sse::Event;
use bus::cloudevent::source;
use domain::{Action, ClusterId, Position};
use serde_json::json;
use std::{collections::VecDeque, sync::Arc};
use tokio::{
    sync::watch,
    time::{Instant, Interval, MissedTickBehavior},
};

/// How many events are read at a time: all that a slow client costs in memory.
const BATCH: usize = 256;

/// One client's place in the log. It reads on when the client has taken what was read: nobody is waited for, nothing
/// is skipped.
///
/// It goes no further than the read models: who asks is judged by them, and the people in the events are named by them. So nothing
/// is sent that was recorded after whatever ended the sign-in.
pub(super) struct Tail {
    app: App,
    asker: Asker,
    cursor: Position,
    types: Option<Vec<String>>,
    ready: VecDeque<Event>,
    durable: watch::Receiver<Position>,
    shown: watch::Receiver<Position>,
    stopping: watch::Receiver<bool>,
    heartbeat: Interval,
    /// The position that the read models lack, and when they have lacked it for too long.
    behind: Option<(Position, Instant)>,
    _place: StreamPlace,
}

impl Tail {
    pub(super) fn new(
        app: App,
        asker: Asker,
        cursor: Position,
        types: Option<Vec<String>>,
        place: StreamPlace,
    ) -> Self {
        let every = app.settings().heartbeat;
        let mut heartbeat = tokio::time::interval_at(Instant::now() + every, every);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            durable: app.parts.commands.watermark(),
            shown: app.parts.live.positions(),
            stopping: app.parts.stopping.clone(),
            app,
            asker,
            cursor,
            types,
            ready: VecDeque::new(),
            heartbeat,
            behind: None,
            _place: place,
        }
    }

    /// The next event or heartbeat; none when the stream is over: the server stops, the sign-in ended, the read models are too far
    /// behind to say whether it has, or the log can't be read.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if *self.stopping.borrow() {
                return None;
            }
            // Seen before the checks: what changes after them wakes us.
            let durable = *self.durable.borrow_and_update();
            self.shown.mark_unchanged();
            let judged = still_valid(&self.app, &self.asker, Rule::May(Action::Follow)).ok()?;
            let too_late = self.too_late(judged, durable);
            if too_late.is_some_and(|at| at <= Instant::now()) {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.cursor < judged {
                self.read(judged).await?;
                continue;
            }
            tokio::select! {
                changed = self.durable.changed() => changed.ok()?,
                // What ends a sign-in shows in the read models.
                changed = self.shown.changed() => changed.ok()?,
                changed = self.stopping.changed() => changed.ok()?,
                () = sleep_until(too_late) => {}
                _ = self.heartbeat.tick() => return Some(self.sign_of_life()),
            }
        }
    }

    /// When the read models, which have come to `judged`, will be too far behind what is durable; none if they lack nothing.
    fn too_late(&mut self, judged: Position, durable: Position) -> Option<Instant> {
        if self.behind.is_none_or(|(lacked, _)| lacked <= judged) {
            self.behind = (judged < durable).then(|| (durable, Instant::now() + self.app.settings().behind_max));
        }
        self.behind.map(|(_, at)| at)
    }

    async fn read(&mut self, up_to: Position) -> Option<()> {
        let (log, cursor) = (Arc::clone(&self.app.parts.log), self.cursor);
        let read = tokio::task::spawn_blocking(move || log.read(cursor, up_to, BATCH)).await;
        let read = read.map_err(|error| drop(Problem::fault("an event stream broke off", &error)));
        let read =
            read.and_then(|read| read.map_err(|error| drop(Problem::fault("an event stream broke off", &error))));
        let entries = read.ok()?;
        for entry in &entries {
            // A gap would be an event that this client never sees.
            if entry.position() != self.cursor.next() {
                tracing::error!(position = %entry.position(), after = %self.cursor, "an event stream met a gap in the log");
                return None;
            }
            self.cursor = entry.position();
            self.ready.extend(self.render(entry));
        }
        (!entries.is_empty()).then_some(())
    }

    fn render(&self, entry: &Entry) -> Option<Event> {
        let wanted = |name: &str| self.types.as_ref().is_none_or(|types| types.iter().any(|wanted| wanted == name));
        let cluster = self.app.parts.cluster;
        let json = match entry {
            Entry::Known(recorded) if wanted(recorded.event.name()) => EventView::cloud(&self.app, recorded).ok()?,
            Entry::Unknown { position, event_type, version, .. } if self.types.is_none() => {
                unknown(cluster, *position, *event_type, *version)
            }
            Entry::Known(_) | Entry::Unknown { .. } => return None,
        };
        Some(Event::default().id(entry.position().to_string()).data(json))
    }

    /// Keeps the connection open, and moves the client's place past what its filter left out: an event without data
    /// sets the last id and is not dispatched.
    fn sign_of_life(&self) -> Event {
        Event::default().id(self.cursor.to_string()).comment("alive")
    }
}

/// Waits until then; without a moment, for ever.
async fn sleep_until(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// An event that a newer release wrote: its place is told, so that nobody takes it for a gap.
fn unknown(cluster: ClusterId, position: Position, event_type: u16, version: u8) -> String {
    json!({
        "specversion": "1.0",
        "id": format!("{cluster}-{position}"),
        "source": source(cluster),
        "type": "io.dkube.Unknown",
        "dkubeposition": position.to_string(),
        "datacontenttype": "application/json",
        "data": {"event_type": event_type, "version": version},
    })
    .to_string()
}
