//! Messages between the parts of a cluster: in one process, or through NATS. The same subjects and the same bytes.
//!
//! Delivery is that of core NATS: at most once, to those who listen at that moment. A subscriber that falls behind by
//! more than [`QUEUE`] messages loses those that follow, which [`Bus::lost`] counts. Who must see every event reads the
//! log or the JetStream stream.
mod identity;
mod in_process;
mod nats;
mod pattern;
pub mod pem;
mod settings;

pub use in_process::InProcess;
#[cfg(feature = "server")]
pub(crate) use nats::header_map;
pub use nats::{Nats, Obstacle};
pub use pattern::{Pattern, PatternError};
pub use settings::{Credentials, NatsSettings, SettingsError, Tls, choose_cryptography};

use bytes::Bytes;
use std::{borrow::Cow, time::Duration};
use tokio::sync::{oneshot, watch};

/// The most messages that wait for one subscriber.
pub const QUEUE: usize = 4096;

/// The most bytes of one message: the default limit of a NATS server.
pub const PAYLOAD_MAX: usize = 1024 * 1024;

/// A handle on the messages of a cluster. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Bus {
    /// Within this process.
    InProcess(InProcess),
    /// Through a NATS server.
    Nats(Nats),
}

impl Bus {
    /// A bus within this process.
    pub fn in_process() -> Self {
        Self::InProcess(InProcess::default())
    }

    /// Sends a message to all who listen now. That it was sent does not say that anybody got it.
    ///
    /// # Errors
    /// The subject is malformed, the message too large, or there is no connection: then it is not kept for later. (One
    /// that was under way when the connection broke may still be sent by the next.)
    pub async fn publish(&self, subject: &str, headers: Headers, payload: Bytes) -> Result<(), BusError> {
        match self {
            Self::InProcess(bus) => bus.publish(subject, &headers, &payload),
            Self::Nats(bus) => bus.publish(subject, headers, payload).await,
        }
    }

    /// Sends a message and waits for the first answer to it.
    ///
    /// # Errors
    /// See [`BusError`]. After [`BusError::Unanswered`] it is open whether the message was taken.
    pub async fn request(&self, subject: &str, payload: Bytes, limit: Duration) -> Result<Bytes, BusError> {
        match self {
            Self::InProcess(bus) => bus.request(subject, payload, limit).await,
            Self::Nats(bus) => bus.request(subject, payload, limit).await,
        }
    }

    /// Listens to all subjects that fit the pattern (`*` stands for one token, a last `>` for one or more), until the
    /// subscription is dropped. Over NATS it outlives lost connections; what is sent meanwhile is not received.
    ///
    /// # Errors
    /// The pattern is malformed, or the client is closed.
    pub async fn subscribe(&self, pattern: &str) -> Result<Subscription, BusError> {
        let source = match self {
            Self::InProcess(bus) => Source::InProcess(bus.subscribe(pattern)?),
            Self::Nats(bus) => Source::Nats(bus.subscribe(pattern).await?),
        };
        Ok(Subscription(source))
    }

    /// Whether messages get through, as it changes.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        match self {
            Self::InProcess(bus) => bus.connection(),
            Self::Nats(bus) => bus.connection(),
        }
    }

    /// How many messages were lost here because a subscriber was too slow.
    pub fn lost(&self) -> u64 {
        match self {
            Self::InProcess(bus) => bus.lost(),
            Self::Nats(bus) => bus.lost(),
        }
    }
}

/// Whether messages get through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// They do.
    Up,
    /// They do not; a connection is sought for as long as it takes. Why, where it is known.
    Down(Option<String>),
}

impl Connection {
    /// Whether messages get through.
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }
}

/// What keeps a message from being sent or answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The subject or pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// It is larger than the server takes.
    #[error("send a message: it has {size} bytes, and one may have {limit}")]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A header's name or value.
    #[error("send a message: a header has a name or a value with characters that none may have")]
    Header,
    /// There is no connection at present.
    #[error("send a message: there is no connection to the NATS server")]
    Disconnected,
    /// Nobody listens to that subject.
    #[error("send a request: nobody listens")]
    NoResponder,
    /// No answer came in time, or who got the request dropped it.
    #[error("send a request: no answer came")]
    Unanswered,
    /// The client failed otherwise.
    #[error("{operation}: {cause}")]
    Client {
        /// What was tried.
        operation: &'static str,
        /// What the client says.
        cause: String,
    },
}

/// A message's headers, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Headers(Vec<(Cow<'static, str>, String)>);

impl Headers {
    /// No headers.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a header.
    pub fn push(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    /// The first header of that name, as it is spelt.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Every header.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses what would break the protocol: names are visible ASCII without a colon, values have no control characters.
    fn check(&self) -> Result<(), BusError> {
        let name = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
        let value = |value: &str| !value.contains(|c: char| c.is_control());
        if self.iter().all(|header| name(header.0) && value(header.1)) { Ok(()) } else { Err(BusError::Header) }
    }
}

/// A message that was received.
#[derive(Debug)]
pub struct Message {
    /// What it was sent to.
    pub subject: String,
    /// Its headers.
    pub headers: Headers,
    /// What it says.
    pub payload: Bytes,
    /// Where its sender waits for an answer, if one does.
    pub reply: Option<Reply>,
}

/// The way back to who sent a request. Dropped, the request stays unanswered.
#[derive(Debug)]
pub struct Reply(Way);

#[derive(Debug)]
enum Way {
    InProcess(oneshot::Sender<Bytes>),
    Nats(Nats, String),
}

impl Reply {
    /// Answers. Whether the answer arrives is not known; who asked may have given up.
    ///
    /// # Errors
    /// There is no connection, or the answer is too large.
    pub async fn send(self, payload: Bytes) -> Result<(), BusError> {
        match self.0 {
            Way::InProcess(sender) => {
                check_size(payload.len(), PAYLOAD_MAX)?;
                // Who asked has given up: as if the answer had been lost on the way.
                drop(sender.send(payload));
                Ok(())
            }
            Way::Nats(bus, subject) => bus.publish(&subject, Headers::new(), payload).await,
        }
    }
}

/// Messages as they come in; see [`Bus::subscribe`].
#[derive(Debug)]
pub struct Subscription(Source);

#[derive(Debug)]
enum Source {
    InProcess(in_process::Listener),
    Nats(nats::Listener),
}

impl Subscription {
    /// The next message; none once the bus is closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Message> {
        match &mut self.0 {
            Source::InProcess(listener) => listener.next().await,
            Source::Nats(listener) => listener.next().await,
        }
    }
}

const fn check_size(size: usize, limit: usize) -> Result<(), BusError> {
    if size > limit { Err(BusError::TooLarge { size, limit }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
