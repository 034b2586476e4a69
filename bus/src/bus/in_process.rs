//! The bus within one process.
use super::{BusError, Connection, Headers, Message, PAYLOAD_MAX, Pattern, QUEUE, Reply, Way, check_size, pattern};
use bytes::Bytes;
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{
    mpsc::{self, error::TrySendError},
    oneshot, watch,
};

/// Messages within this process: the same rules as over NATS, without a server. Clones share their subscribers.
#[derive(Debug, Clone)]
pub struct InProcess(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    listeners: RwLock<Vec<Entry>>,
    next: AtomicU64,
    lost: AtomicU64,
    connection: watch::Sender<Connection>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    pattern: Pattern,
    queue: mpsc::Sender<Message>,
}

impl Default for InProcess {
    fn default() -> Self {
        Self(Arc::new(Shared {
            listeners: RwLock::default(),
            next: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            connection: watch::Sender::new(Connection::Up),
        }))
    }
}

impl InProcess {
    /// Sends a message to all who listen now; see [`Bus::publish`](super::Bus::publish). Never waits.
    ///
    /// # Errors
    /// The subject is malformed, or the message too large.
    pub fn publish(&self, subject: &str, headers: &Headers, payload: &Bytes) -> Result<(), BusError> {
        Self::check(subject, payload)?;
        headers.check()?;
        let listeners = self.0.listeners.read().unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.iter().filter(|listener| listener.pattern.matches(subject)) {
            let message = Message {
                subject: subject.to_owned(),
                headers: headers.clone(),
                payload: payload.clone(),
                reply: None,
            };
            self.deliver(listener, message);
        }
        Ok(())
    }

    /// Whether anybody listens to this subject.
    pub fn listens(&self, subject: &str) -> bool {
        let listeners = self.0.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().any(|listener| listener.pattern.matches(subject))
    }

    /// How many messages were lost because a subscriber was too slow.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }

    /// Always up.
    pub(super) fn connection(&self) -> watch::Receiver<Connection> {
        self.0.connection.subscribe()
    }

    /// A request goes to one of those who listen, the first with room in its queue: one can answer.
    pub(super) async fn request(&self, subject: &str, payload: Bytes, limit: Duration) -> Result<Bytes, BusError> {
        Self::check(subject, &payload)?;
        let answer = self.ask(subject, &payload)?;
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(BusError::Unanswered),
        }
    }

    pub(super) fn subscribe(&self, pattern: &str) -> Result<Listener, BusError> {
        let pattern: Pattern = pattern.parse()?;
        let (queue, messages) = mpsc::channel(QUEUE);
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut listeners = self.0.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Entry { id, pattern, queue });
        Ok(Listener { bus: self.clone(), id, messages })
    }

    fn ask(&self, subject: &str, payload: &Bytes) -> Result<oneshot::Receiver<Bytes>, BusError> {
        let listeners = self.0.listeners.read().unwrap_or_else(PoisonError::into_inner);
        let mut fitting = listeners.iter().filter(|listener| listener.pattern.matches(subject)).peekable();
        if fitting.peek().is_none() {
            return Err(BusError::NoResponder);
        }
        let (sender, answer) = oneshot::channel();
        let reply = Some(Reply(Way::InProcess(sender)));
        let mut message =
            Message { subject: subject.to_owned(), headers: Headers::new(), payload: payload.clone(), reply };
        for listener in fitting {
            match listener.queue.try_send(message) {
                Ok(()) => return Ok(answer),
                Err(TrySendError::Full(back) | TrySendError::Closed(back)) => message = back,
            }
        }
        self.0.lost.fetch_add(1, Ordering::Relaxed);
        Err(BusError::Unanswered)
    }

    fn deliver(&self, listener: &Entry, message: Message) {
        match listener.queue.try_send(message) {
            // A listener that is just being dropped has lost nothing that it would have read.
            Ok(()) | Err(TrySendError::Closed(_)) => {}
            Err(TrySendError::Full(_)) => {
                self.0.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn check(subject: &str, payload: &Bytes) -> Result<(), BusError> {
        pattern::check_subject(subject)?;
        check_size(payload.len(), PAYLOAD_MAX)
    }
}

/// A subscriber; gone from the bus when it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    bus: InProcess,
    id: u64,
    messages: mpsc::Receiver<Message>,
}

impl Listener {
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.messages.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.bus.0.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|listener| listener.id != self.id);
    }
}
