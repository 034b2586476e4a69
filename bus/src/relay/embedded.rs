//! Events to those who listen within this process.
use super::{
    CommittedLog, State, Status, Trouble,
    backoff::Backoff,
    carry::{Sink, carry},
};
use crate::{
    bus::{BusError, InProcess},
    cloudevent::{self, CloudEvent},
};
use domain::{ClusterId, Position, Recorded};
use std::sync::Arc;
use tokio::sync::watch;

/// Publishes every event that is committed from now on to those who listen on the in-process bus. The future does the
/// work, until the log is closed.
pub fn relay_to_subscribers(
    bus: InProcess,
    log: Arc<dyn CommittedLog>,
) -> (watch::Receiver<Status>, impl Future<Output = ()> + Send) {
    let from = *log.watermark().borrow();
    let status = watch::Sender::new(Status { state: State::Relaying, cursor: Some(from), last_error: None });
    let shown = status.subscribe();
    (shown, run(bus, log, from, status))
}

async fn run(bus: InProcess, log: Arc<dyn CommittedLog>, from: Position, status: watch::Sender<Status>) {
    let mut sink = Subscribers { bus, cluster: log.cluster(), last: from, confirmed: from };
    let mut backoff = Backoff::new();
    loop {
        let before = sink.last;
        let trouble = carry(&mut sink, &log, before, &status).await;
        sink.confirmed = sink.last;
        let Trouble::Doubt(cause) = trouble else { break };
        if sink.last > before {
            backoff.reset();
        }
        tracing::warn!(cause, position = sink.last.0, "events can't be handed to subscribers; trying again");
        status.send_modify(|status| {
            status.cursor = Some(sink.last);
            status.last_error = Some(cause.into());
        });
        tokio::time::sleep(backoff.failed()).await;
    }
    status.send_modify(|status| status.state = State::Stopped);
}

struct Subscribers {
    bus: InProcess,
    cluster: ClusterId,
    last: Position,
    confirmed: Position,
}

impl Sink for Subscribers {
    async fn send(&mut self, recorded: &Recorded) -> Result<(), Trouble> {
        let subject = cloudevent::subject(recorded);
        if self.bus.listens(&subject) {
            let event = CloudEvent::new(self.cluster, recorded);
            let data = event.data().map_err(|error| Trouble::doubt("render an event")(&error))?;
            match self.bus.publish(&subject, &event.headers(), &data) {
                Ok(()) => {}
                // It would never fit. The log and the stream have it; who listens here is told of what they missed.
                Err(error @ BusError::TooLarge { .. }) => {
                    tracing::error!(position = recorded.position.0, cause = %error, "an event is too large to publish");
                }
                Err(error) => return Err(Trouble::doubt("publish an event")(&error)),
            }
        }
        self.last = recorded.position;
        Ok(())
    }

    async fn confirmed(&mut self) -> Result<Position, Trouble> {
        if self.confirmed == self.last {
            std::future::pending::<()>().await;
        }
        self.confirmed = self.last;
        Ok(self.last)
    }
}
