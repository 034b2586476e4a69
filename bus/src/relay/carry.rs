//! The loop that both relays share: from a position on, every committed event to the sink, in order.
use super::{CommittedLog, ReadError, Status, Trouble};
use domain::{Position, Recorded};
use futures::FutureExt;
use std::sync::Arc;
use tokio::sync::watch;

/// The most events that are sent and not confirmed.
pub(super) const WINDOW: u64 = 256;

/// The most events that are read at once.
const BATCH: usize = 256;

/// Up to so many events behind, what was committed while the loop runs is read at once: the log keeps it in memory (64
/// events of 16 KiB are a small part of what it keeps), and handing the work to another thread takes longer.
const AT_ONCE: u64 = 64;

/// Where events go.
pub(super) trait Sink: Send {
    /// Sends the event that follows the last one. May return before it is confirmed.
    fn send(&mut self, recorded: &Recorded) -> impl Future<Output = Result<(), Trouble>> + Send;

    /// Waits until an event is confirmed, and answers its position: they come in order, each once. Waits for ever while
    /// none is on its way, unless the sink breaks. Cancel-safe.
    fn confirmed(&mut self) -> impl Future<Output = Result<Position, Trouble>> + Send;
}

/// Carries every event after `from` that is committed now or later, until something stands in the way.
pub(super) async fn carry(
    sink: &mut impl Sink,
    log: &Arc<dyn CommittedLog>,
    from: Position,
    status: &watch::Sender<Status>,
) -> Trouble {
    match carry_on(sink, log, from, status).await {
        Err(trouble) => trouble,
        Ok(never) => match never {},
    }
}

async fn carry_on(
    sink: &mut impl Sink,
    log: &Arc<dyn CommittedLog>,
    from: Position,
    status: &watch::Sender<Status>,
) -> Result<std::convert::Infallible, Trouble> {
    let mut watermark = log.watermark();
    let begun = *watermark.borrow();
    let (mut sent, mut confirmed) = (from, from);
    let mut waiting = Vec::new().into_iter();
    loop {
        let durable = *watermark.borrow_and_update();
        while sent < durable && sent.0 - confirmed.0 < WINDOW {
            if waiting.as_slice().is_empty() {
                let new = sent >= begun && durable.0 - sent.0 <= AT_ONCE;
                let found = if new { given(log.read(sent, durable, BATCH)) } else { read(log, sent, durable).await };
                waiting = found?.into_iter();
            }
            let next =
                waiting.next().filter(|next: &Recorded| next.position == sent.next() && next.position <= durable);
            let next = next.ok_or_else(|| Trouble::Doubt(format!("the log does not give the event after {sent}")))?;
            sink.send(&next).await?;
            sent = next.position;
        }
        tokio::select! {
            position = sink.confirmed() => {
                confirmed = position?;
                while let Some(position) = sink.confirmed().now_or_never() {
                    confirmed = position?;
                }
                status.send_modify(|status| status.cursor = Some(confirmed));
            }
            // With the window full it is the confirmations that matter.
            changed = watermark.changed(), if sent == durable => changed.map_err(|_| Trouble::Closed)?,
        }
    }
}

/// Reads where waiting for a disk holds nobody up.
pub(super) async fn read(
    log: &Arc<dyn CommittedLog>,
    after: Position,
    up_to: Position,
) -> Result<Vec<Recorded>, Trouble> {
    let reader = Arc::clone(log);
    let read = tokio::task::spawn_blocking(move || reader.read(after, up_to, BATCH)).await;
    given(read.map_err(|error| Trouble::doubt("read the log")(&error))?)
}

fn given(read: Result<Vec<Recorded>, ReadError>) -> Result<Vec<Recorded>, Trouble> {
    read.map_err(|error| Trouble::doubt("relay an event")(&error))
}
