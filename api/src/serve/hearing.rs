//! Whether agents can be heard.
use super::messages::Messages;
use bus::{
    bus::Connection,
    engine::Engine,
    relay::{Fault, State, Status},
};
use tokio::sync::watch;

/// What it takes to hear an agent: all of it has to work.
#[derive(Clone)]
pub(super) struct Hearing {
    engine: Engine,
    connection: watch::Receiver<Connection>,
    relay: watch::Receiver<Status>,
    listening: watch::Receiver<bool>,
}

impl Hearing {
    /// By these.
    pub(super) fn of(engine: &Engine, messages: &Messages) -> Self {
        Self {
            engine: engine.clone(),
            connection: messages.bus().connection(),
            relay: messages.relay_status(),
            listening: messages.listening(),
        }
    }

    /// Whether nothing stands between agents and the server: silence then says something.
    pub(super) fn works(&self) -> bool {
        let relaying = match &self.relay.borrow().state {
            State::Relaying => true,
            // Another cluster's agents are not listened to; any other fault is the stream's alone.
            State::Faulted(fault) => !matches!(fault, Fault::Foreign(_)),
            State::Connecting | State::Stopped => false,
        };
        relaying && self.hears()
    }

    /// Whether agents are listened to at all: what they say is taken, though it may be late.
    pub(super) fn hears(&self) -> bool {
        let heard = *self.listening.borrow() && self.connection.borrow().is_up();
        heard && self.engine.halted().borrow().is_none()
    }
}
