//! One connection to the stream: from looking at where it ends to the first doubt.
use super::{
    CommittedLog, Fault, Trouble,
    carry::{Sink, WINDOW},
    stream::{self, STREAM, StreamSettings},
};
use crate::{
    bus::{NatsSettings, header_map},
    cloudevent::{self, CloudEvent},
};
use async_nats::{
    Client, Event, HeaderMap, HeaderName,
    header::{NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE, NATS_MESSAGE_ID},
    jetstream::{
        Context,
        context::{ContextBuilder, PublishError},
        message::PublishMessage,
        publish::PublishAck,
    },
};
use domain::{ClusterId, EventId, Position, Recorded};
use futures::future::BoxFuture;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};

/// How long the server may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

type Ack = BoxFuture<'static, Result<PublishAck, PublishError>>;

/// A connection of the relay's own. It is never mended: what would be sent again by the client, unasked, on a new
/// connection would be sent to a stream that was not looked at.
pub(super) struct Session {
    context: Context,
    cluster: ClusterId,
    broken: watch::Receiver<Option<String>>,
    on_the_way: VecDeque<(Position, Ack)>,
    previous: Option<EventId>,
}

impl Session {
    /// Connects.
    pub(super) async fn open(settings: &NatsSettings, log: &Arc<dyn CommittedLog>) -> Result<Self, Trouble> {
        let (servers, options) = settings.options().await.map_err(|error| Trouble::doubt("connect to NATS")(&error))?;
        let (breaks, broken) = watch::channel(None);
        let connecting = options
            .name(format!("{} relay", settings.name))
            .max_reconnects(servers.len())
            .event_callback(move |event| {
                note(&breaks, &event);
                std::future::ready(())
            })
            .connect(servers);
        let client: Client = match timeout(ANSWER_LIMIT * 2, connecting).await {
            Ok(connected) => connected.map_err(|error| Trouble::doubt("connect to NATS")(&error))?,
            Err(_) => return Err(Trouble::Doubt("connect to NATS: no answer".to_owned())),
        };
        let window = usize::try_from(WINDOW).unwrap_or(usize::MAX);
        let context = ContextBuilder::new()
            .timeout(ANSWER_LIMIT)
            .ack_timeout(ANSWER_LIMIT)
            .max_ack_inflight(window)
            .build(client);
        Ok(Self { context, cluster: log.cluster(), broken, on_the_way: VecDeque::new(), previous: None })
    }

    /// Where the stream ends, once it is known to continue the log.
    pub(super) async fn settle(
        &mut self,
        settings: StreamSettings,
        log: &Arc<dyn CommittedLog>,
    ) -> Result<Position, Trouble> {
        stream::settle(&self.context, settings, log).await
    }

    /// Makes the stream anew.
    pub(super) async fn rebuild(
        &mut self,
        settings: StreamSettings,
        log: &Arc<dyn CommittedLog>,
    ) -> Result<(), Trouble> {
        stream::rebuild(&self.context, settings, log).await
    }

    fn message(&self, recorded: &Recorded) -> Result<PublishMessage, Trouble> {
        let event = CloudEvent::new(self.cluster, recorded);
        let data = event.data().map_err(|error| Trouble::doubt("render an event")(&error))?;
        Ok(PublishMessage::build().headers(headers(&event, recorded, self.previous)).payload(data))
    }
}

/// All headers of an event's message: its own, and what tells the server where it belongs.
pub(crate) fn headers(event: &CloudEvent<'_>, recorded: &Recorded, previous: Option<EventId>) -> HeaderMap {
    let mut headers = header_map(event.headers());
    headers.insert(NATS_MESSAGE_ID, recorded.id.to_string());
    headers.insert(NATS_EXPECTED_LAST_SEQUENCE, recorded.position.0.saturating_sub(1).to_string());
    // The sequence alone would let an event in behind a stranger's, when another writer was faster with the one before
    // it. The first of a session follows a message that was looked at.
    if let Some(previous) = previous {
        headers.insert(NATS_EXPECTED_LAST_MESSAGE_ID, previous.to_string());
    }
    headers
}

/// The headers that are for the server alone, which it keeps with the message: each, and what it says.
pub(crate) fn guards() -> [(HeaderName, &'static str); 3] {
    [
        (NATS_MESSAGE_ID, "The event's id again, by which the NATS server knows a repeat."),
        (NATS_EXPECTED_LAST_SEQUENCE, "The position before the event's: the NATS server takes it in no other place."),
        (NATS_EXPECTED_LAST_MESSAGE_ID, "The id of the event before; not there with the first of a connection."),
    ]
}

impl Sink for Session {
    async fn send(&mut self, recorded: &Recorded) -> Result<(), Trouble> {
        let message = self.message(recorded)?;
        let sent = self.context.send_publish(cloudevent::subject(recorded), message).await;
        let ack = sent.map_err(|error| Trouble::doubt("publish an event")(&error))?;
        self.previous = Some(recorded.id);
        self.on_the_way.push_back((recorded.position, ack.into_future()));
        Ok(())
    }

    async fn confirmed(&mut self) -> Result<Position, Trouble> {
        let first = async {
            match self.on_the_way.front_mut() {
                Some((position, ack)) => (*position, ack.await),
                None => std::future::pending().await,
            }
        };
        let (position, ack) = tokio::select! {
            biased;
            acknowledged = first => acknowledged,
            broken = self.broken.wait_for(Option::is_some) => return Err(cause(broken)),
        };
        self.on_the_way.pop_front();
        check(position, ack)
    }
}

fn check(position: Position, ack: Result<PublishAck, PublishError>) -> Result<Position, Trouble> {
    let ack = ack.map_err(|error| Trouble::doubt("publish an event")(&error))?;
    if ack.duplicate {
        return Err(Trouble::Fault(Fault::Duplicate(position)));
    }
    if ack.stream != STREAM || ack.sequence != position.0 {
        return Err(Trouble::Fault(Fault::OutOfPlace { position, stream: ack.stream, sequence: ack.sequence }));
    }
    Ok(position)
}

fn note(breaks: &watch::Sender<Option<String>>, event: &Event) {
    let cause = match event {
        Event::Disconnected | Event::Closed => "lost the connection to NATS".to_owned(),
        Event::ServerError(error) => format!("the NATS server refused something: {error}"),
        Event::ClientError(error) => error.to_string(),
        Event::Connected | Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => return,
    };
    breaks.send_modify(|first| {
        first.get_or_insert(cause);
    });
}

fn cause(broken: Result<watch::Ref<'_, Option<String>>, watch::error::RecvError>) -> Trouble {
    let told = broken.ok().and_then(|cause| cause.clone());
    Trouble::Doubt(told.unwrap_or_else(|| "the connection to NATS is closed".to_owned()))
}
