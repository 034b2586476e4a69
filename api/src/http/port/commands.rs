use bus::engine::{Answer, Barrier, Engine, Failure, Request};
use domain::Position;
use futures::future::BoxFuture;
use tokio::sync::watch;

/// An answer to come.
pub type Waiting<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// Where commands go.
pub trait Commands: Send + Sync + 'static {
    /// Decides a command, and answers when what it was decided on and what it recorded is durable.
    fn submit(&self, request: Request) -> Waiting<'_, Answer>;

    /// Waits until nothing at or before this moment is still being committed.
    fn barrier(&self) -> Waiting<'_, Barrier>;

    /// The last durable position, as it rises.
    fn watermark(&self) -> watch::Receiver<Position>;
}

impl Commands for Engine {
    fn submit(&self, request: Request) -> Waiting<'_, Answer> {
        Box::pin(Self::submit(self, request))
    }

    fn barrier(&self) -> Waiting<'_, Barrier> {
        Box::pin(Self::barrier(self))
    }

    fn watermark(&self) -> watch::Receiver<Position> {
        Self::watermark(self)
    }
}
