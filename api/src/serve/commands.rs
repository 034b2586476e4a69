//! The engine, as the HTTP server wants it.
use crate::http::port::{self, Waiting};
use bus::engine::{Answer, Barrier, Engine, Failure, Request};
use domain::{Command, Position, user};
use projections::Past;
use tokio::sync::watch;

/// The engine, and what must forget a person with it.
pub(crate) struct Commands {
    pub(crate) engine: Engine,
    pub(crate) past: Past,
}

impl port::Commands for Commands {
    fn submit(&self, request: Request) -> Waiting<'_, Answer> {
        let erases = matches!(request.command, Command::User(user::Command::Erase { .. })) && !request.dry_run;
        if !erases {
            return Box::pin(self.engine.submit(request));
        }
        // On a task of its own: who asked may go away, and the person must be forgotten all the same.
        let (engine, past) = (self.engine.clone(), self.past.clone());
        let forgotten = tokio::spawn(async move {
            let answer = engine.submit(request).await;
            past.forget();
            answer
        });
        Box::pin(async move { forgotten.await.unwrap_or(Err(Failure::OutcomeUnknown)) })
    }

    fn barrier(&self) -> Waiting<'_, Barrier> {
        Box::pin(self.engine.barrier())
    }

    fn watermark(&self) -> watch::Receiver<Position> {
        self.engine.watermark()
    }
}
