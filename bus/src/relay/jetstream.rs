//! The relay to JetStream: sessions, one after the other, and what a person may ask.
use super::{
    CommittedLog, Fault, State, Status, StreamSettings, Trouble, backoff::Backoff, carry::carry, session::Session,
};
use crate::bus::NatsSettings;
use domain::Position;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// A handle on the relay. Cheap to clone; the relay ends when the last one is dropped.
#[derive(Debug, Clone)]
pub struct Relay {
    status: watch::Receiver<Status>,
    asks: mpsc::Sender<Ask>,
}

/// Why the stream was not made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// It is another cluster's.
    #[error(transparent)]
    Fault(Fault),
    /// NATS could not be asked, or refused.
    #[error("make the stream anew: {0}")]
    Failed(String),
    /// The relay has ended.
    #[error("make the stream anew: the relay has ended")]
    Stopped,
}

#[derive(Debug)]
enum Ask {
    Recheck,
    Rebuild(oneshot::Sender<Result<(), RebuildError>>),
}

/// The relay from a log to JetStream, and the future that does the work: until the log is closed or the last handle
/// dropped. The server may be away for any time.
pub fn relay_to_jetstream(
    nats: NatsSettings,
    stream: StreamSettings,
    log: Arc<dyn CommittedLog>,
) -> (Relay, impl Future<Output = ()> + Send) {
    let status = watch::Sender::new(Status::START);
    let (asks, asked) = mpsc::channel(4);
    let relay = Relay { status: status.subscribe(), asks };
    let runner = Runner { nats, stream, log, status, backoff: Backoff::new() };
    (relay, runner.run(asked))
}

impl Relay {
    /// How it stands, as it changes.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Looks at the stream again, at once: for when a fault was mended by hand.
    pub async fn recheck(&self) {
        // A relay that has ended says so in its status.
        drop(self.asks.send(Ask::Recheck).await);
    }

    /// Deletes the stream and makes it anew, to be filled from the first event on. Consumers of it have to be made anew
    /// too. Only on a person's wish.
    ///
    /// # Errors
    /// See [`RebuildError`]. A stream that is known to be another cluster's is never deleted.
    pub async fn rebuild(&self) -> Result<(), RebuildError> {
        let (reply, done) = oneshot::channel();
        self.asks.send(Ask::Rebuild(reply)).await.map_err(|_| RebuildError::Stopped)?;
        done.await.map_err(|_| RebuildError::Stopped)?
    }
}

struct Runner {
    nats: NatsSettings,
    stream: StreamSettings,
    log: Arc<dyn CommittedLog>,
    status: watch::Sender<Status>,
    backoff: Backoff,
}

impl Runner {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        loop {
            let ended = tokio::select! {
                trouble = self.session() => Ok(trouble),
                ask = asked.recv() => Err(ask),
            };
            let ask = match ended {
                Ok(Trouble::Closed) => break,
                Ok(Trouble::Doubt(cause)) => {
                    let wait = tokio::time::sleep(self.doubt(cause));
                    tokio::select! {
                        () = wait => continue,
                        ask = asked.recv() => ask,
                    }
                }
                Ok(Trouble::Fault(fault)) => {
                    self.fault(fault);
                    tokio::select! {
                        ask = asked.recv() => ask,
                        () = closed(&*self.log) => None,
                    }
                }
                Err(ask) => ask,
            };
            match ask {
                Some(Ask::Recheck) => {}
                // Who asked and did not wait for the answer finds it in the status.
                Some(Ask::Rebuild(reply)) => drop(reply.send(self.rebuild().await)),
                None => break,
            }
        }
        self.status.send_modify(|status| status.state = State::Stopped);
    }

    /// From a new connection to the first trouble.
    async fn session(&mut self) -> Trouble {
        let settled = async {
            let mut session = Session::open(&self.nats, &self.log).await?;
            let cursor = session.settle(self.stream, &self.log).await?;
            Ok((session, cursor))
        };
        let (mut session, cursor) = match settled.await {
            Ok(settled) => settled,
            Err(trouble) => return trouble,
        };
        self.show(cursor);
        let trouble = carry(&mut session, &self.log, cursor, &self.status).await;
        if self.status.borrow().cursor > Some(cursor) {
            self.backoff.reset();
        }
        trouble
    }

    fn show(&self, cursor: Position) {
        self.status.send_modify(|status| {
            if status.cursor.is_some_and(|before| before > cursor) {
                tracing::warn!(cursor = cursor.0, "the stream has lost events; publishing them again");
            }
            tracing::info!(cursor = cursor.0, "relaying events to JetStream");
            status.state = State::Relaying;
            status.cursor = Some(cursor);
        });
    }

    /// Shows the doubt, and says how long to wait. It is logged once, however often it comes again.
    fn doubt(&mut self, cause: String) -> std::time::Duration {
        self.status.send_modify(|status| {
            if status.last_error.as_deref() != Some(&cause) || status.state == State::Relaying {
                tracing::warn!(cause, "the relay to JetStream is interrupted; going on as soon as it can");
            }
            status.state = State::Connecting;
            status.last_error = Some(cause.into());
        });
        self.backoff.failed()
    }

    fn fault(&self, fault: Fault) {
        tracing::error!(cause = %fault, "the relay to JetStream stands still");
        self.status.send_modify(|status| {
            status.last_error = Some(fault.to_string().into());
            status.state = State::Faulted(fault);
        });
    }

    async fn rebuild(&mut self) -> Result<(), RebuildError> {
        let rebuilt = async {
            let mut session = Session::open(&self.nats, &self.log).await?;
            session.rebuild(self.stream, &self.log).await
        };
        match rebuilt.await {
            Ok(()) => {
                self.status.send_modify(|status| status.cursor = Some(Position::START));
                Ok(())
            }
            Err(Trouble::Fault(fault)) => Err(RebuildError::Fault(fault)),
            Err(Trouble::Doubt(cause)) => Err(RebuildError::Failed(cause)),
            Err(Trouble::Closed) => Err(RebuildError::Stopped),
        }
    }
}

/// Waits until no more events come.
async fn closed(log: &dyn CommittedLog) {
    let mut watermark = log.watermark();
    while watermark.changed().await.is_ok() {}
}
