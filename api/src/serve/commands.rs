//! The engine, as the HTTP server wants it.
use crate::http::port::{self, Waiting};
use bus::engine::{Answer, Barrier, Engine, Request};
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
        Box::pin(async move {
            let answer = self.engine.submit(request).await;
            if erases {
                self.past.forget();
            }
            answer
        })
    }

    fn barrier(&self) -> Waiting<'_, Barrier> {
        Box::pin(self.engine.barrier())
    }

    fn watermark(&self) -> watch::Receiver<Position> {
        self.engine.watermark()
    }
}
