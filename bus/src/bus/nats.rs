//! The bus through a NATS server.
use super::{
    BusError, Connection, Headers, Message, NatsSettings, Pattern, QUEUE, Reply, SettingsError, Way, check_size,
    pattern,
};
use async_nats::{
    Client, ConnectError, Event, HeaderMap, Request, RequestErrorKind, ServerError, Subscriber,
    connection::State as ClientState,
};
use bytes::Bytes;
use futures::StreamExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::timeout};

/// How long handing a message to the connection may take.
const SEND_LIMIT: Duration = Duration::from_secs(2);

/// How long a new subscription may take to be known to the server before it is answered all the same.
const ECHO_LIMIT: Duration = Duration::from_secs(5);

/// Messages through a NATS server. A lost connection is sought again for ever. Clones share it.
#[derive(Debug, Clone)]
pub struct Nats {
    client: Client,
    seen: Arc<Seen>,
}

/// What keeps from connecting to NATS servers.
#[derive(Debug, thiserror::Error)]
pub enum Obstacle {
    /// The settings can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// No server takes the connection, or none that is trusted.
    #[error(transparent)]
    Connection(#[from] ConnectError),
}

/// What the connection told of itself.
#[derive(Debug)]
struct Seen {
    connection: watch::Sender<Connection>,
    refusal: watch::Sender<Option<Arc<str>>>,
    lost: AtomicU64,
}

impl Nats {
    /// A bus through these servers. Does not wait for the first connection: see [`Bus::connection`](super::Bus::connection).
    ///
    /// # Errors
    /// The settings can't be used.
    pub async fn connect(settings: &NatsSettings) -> Result<Self, SettingsError> {
        let (servers, options) = settings.options().await?;
        let seen = Arc::new(Seen {
            connection: watch::Sender::new(Connection::Down(None)),
            refusal: watch::Sender::new(None),
            lost: AtomicU64::new(0),
        });
        let heard = Arc::clone(&seen);
        let client = options
            .retry_on_initial_connect()
            .max_reconnects(None)
            .subscription_capacity(QUEUE)
            .event_callback(move |event| {
                heard.note(&event);
                std::future::ready(())
            })
            .connect(servers)
            .await
            .map_err(|_| SettingsError::Address)?;
        Ok(Self { client, seen })
    }

    /// Tries these servers once, which says in full what stands in the way: of a connection that is sought for ever, only what
    /// sort of failure it was is told.
    ///
    /// # Errors
    /// What stands in the way.
    pub async fn try_once(settings: &NatsSettings) -> Result<(), Obstacle> {
        let (servers, options) = settings.options().await?;
        options.connect(servers).await?;
        Ok(())
    }

    /// How many messages were lost because a subscriber was too slow: at least so many, in a flood.
    pub fn lost(&self) -> u64 {
        self.seen.lost.load(Ordering::Relaxed)
    }

    /// What the server last refused, in its words, as it changes: a subject that this client has no rights on, be it to
    /// send or to listen. The server says so a while after it was tried.
    pub fn refusal(&self) -> watch::Receiver<Option<Arc<str>>> {
        self.seen.refusal.subscribe()
    }

    pub(super) fn connection(&self) -> watch::Receiver<Connection> {
        self.seen.connection.subscribe()
    }

    pub(super) async fn publish(&self, subject: &str, headers: Headers, payload: Bytes) -> Result<(), BusError> {
        self.check(subject, &payload)?;
        headers.check()?;
        let subject = subject.to_owned();
        let sent = async {
            if headers.is_empty() {
                return self.client.publish(subject, payload).await;
            }
            self.client.publish_with_headers(subject, header_map(headers), payload).await
        };
        match timeout(SEND_LIMIT, sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(client_failed("send a message", &error)),
            Err(_) => Err(BusError::Disconnected),
        }
    }

    pub(super) async fn request(&self, subject: &str, payload: Bytes, limit: Duration) -> Result<Bytes, BusError> {
        self.check(subject, &payload)?;
        // An inbox of its own: the client never forgets a request to its shared one that is not answered.
        let request = Request::new().payload(payload).timeout(Some(limit)).inbox(self.client.new_inbox());
        match timeout(limit + SEND_LIMIT, self.client.send_request(subject.to_owned(), request)).await {
            Ok(Ok(answer)) => Ok(answer.payload),
            Ok(Err(error)) => Err(match error.kind() {
                RequestErrorKind::NoResponders => BusError::NoResponder,
                RequestErrorKind::TimedOut => BusError::Unanswered,
                _ => client_failed("send a request", &error),
            }),
            Err(_) => Err(BusError::Unanswered),
        }
    }

    pub(super) async fn subscribe(&self, pattern: &str) -> Result<Listener, BusError> {
        let _: Pattern = pattern.parse()?;
        let failed = |error| client_failed("subscribe", &error);
        let messages = match timeout(SEND_LIMIT, self.client.subscribe(pattern.to_owned())).await {
            Ok(subscribed) => subscribed.map_err(failed)?,
            Err(_) => return Err(BusError::Disconnected),
        };
        if self.is_connected() {
            // So that what anybody sends after this is received. If there is no echo, the connection is being lost (the
            // next one subscribes again) or we may not send to ourselves; the subscription holds all the same.
            drop(timeout(ECHO_LIMIT, self.echo()).await);
        }
        Ok(Listener { bus: self.clone(), messages })
    }

    /// Waits until the server has seen all that was sent before this: it handles what one connection sends in order.
    async fn echo(&self) -> Option<async_nats::Message> {
        let inbox = self.client.new_inbox();
        let mut echo = self.client.subscribe(inbox.clone()).await.ok()?;
        self.client.publish(inbox, Bytes::new()).await.ok()?;
        echo.next().await
    }

    fn is_connected(&self) -> bool {
        self.client.connection_state() == ClientState::Connected
    }

    fn check(&self, subject: &str, payload: &Bytes) -> Result<(), BusError> {
        pattern::check_subject(subject)?;
        check_size(payload.len(), self.client.max_payload())?;
        if self.is_connected() { Ok(()) } else { Err(BusError::Disconnected) }
    }
}

impl Seen {
    fn note(&self, event: &Event) {
        match event {
            Event::Connected => self.change(Connection::Up),
            Event::Disconnected | Event::Closed => self.change(Connection::Down(None)),
            Event::ClientError(error) => self.change(Connection::Down(Some(error.to_string()))),
            Event::ServerError(error) => self.refused(error),
            Event::SlowConsumer(_) => {
                self.lost.fetch_add(1, Ordering::Relaxed);
            }
            Event::LameDuckMode | Event::Draining => {}
        }
    }

    /// Says in the log once what changed, however often it is tried again. An error while connected changes nothing.
    fn change(&self, now: Connection) {
        self.connection.send_if_modified(|before| {
            let after_the_fact = before.is_up() && matches!(now, Connection::Down(Some(_)));
            if *before == now || after_the_fact {
                return false;
            }
            match &now {
                Connection::Up => tracing::info!("connected to NATS"),
                Connection::Down(None) => tracing::warn!("lost the connection to NATS; seeking it again"),
                Connection::Down(Some(cause)) => tracing::warn!(cause, "no connection to NATS; seeking one"),
            }
            *before = now;
            true
        });
    }

    fn refused(&self, error: &ServerError) {
        tracing::warn!(cause = %error, "the NATS server refused something");
        self.refusal.send_replace(Some(match error {
            ServerError::Other(text) => text.as_str().into(),
            ServerError::AuthorizationViolation | ServerError::SlowConsumer(_) => error.to_string().into(),
        }));
        if matches!(error, ServerError::AuthorizationViolation) {
            self.change(Connection::Down(Some(error.to_string())));
        }
    }
}

/// A subscriber over NATS.
#[derive(Debug)]
pub(super) struct Listener {
    bus: Nats,
    messages: Subscriber,
}

impl Listener {
    pub(super) async fn next(&mut self) -> Option<Message> {
        let message = self.messages.next().await?;
        let mut headers = Headers::new();
        for (name, values) in message.headers.iter().flat_map(HeaderMap::iter) {
            for value in values {
                headers.push(name.to_string(), value.as_str());
            }
        }
        // NATS holds a client to what it may publish to, and not to where it has the answer sent: an answer that goes anywhere but
        // to an inbox would be published with the server's rights, not its own.
        let reply = message.reply.filter(|reply| {
            let inbox = is_inbox(reply);
            if !inbox {
                tracing::debug!(subject = %message.subject, "an answer was asked for to what is no inbox");
            }
            inbox
        });
        let reply = reply.map(|reply| Reply(Way::Nats(self.bus.clone(), reply.to_string())));
        Some(Message { subject: message.subject.to_string(), headers, payload: message.payload, reply })
    }
}

/// Whether a subject is a client's inbox, as clients of NATS name them: `_INBOX.…`, or with a prefix of theirs, `_INBOX_….…`.
fn is_inbox(subject: &str) -> bool {
    subject.starts_with("_INBOX") && !subject.contains(['*', '>', ' '])
}

/// Panics on headers that were not checked.
pub(crate) fn header_map(headers: Headers) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers.0 {
        map.append(name.as_ref(), value);
    }
    map
}

fn client_failed(operation: &'static str, error: &dyn std::error::Error) -> BusError {
    BusError::Client { operation, cause: error.to_string() }
}
