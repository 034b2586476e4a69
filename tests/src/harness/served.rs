//! An HTTP server in the test's own process, which ends as a crash would.
use super::LIMIT;
use anyhow::Context;
use axum::Router;
use std::net::Ipv4Addr;
use tokio::{net::TcpListener, runtime::Runtime};

/// A server on loopback. Its port stays the same from start to start; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Served {
    router: Router,
    port: u16,
    running: Option<Runtime>,
}

impl Served {
    /// Starts one that answers so.
    ///
    /// # Errors
    /// There is no port for it.
    pub(super) fn start(router: Router) -> anyhow::Result<Self> {
        let mut served = Self { router, port: 0, running: None };
        served.start_again()?;
        Ok(served)
    }

    /// Ends it: every connection breaks.
    ///
    /// # Panics
    /// Something in it panicked.
    pub(super) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            // Until its port is free. On a thread of its own: a runtime does not end within another.
            let ended = std::thread::spawn(move || running.shutdown_timeout(LIMIT)).join();
            ended.expect("a runtime ends");
        }
    }

    /// Starts it on the same port.
    ///
    /// # Errors
    /// The port is taken.
    pub(super) fn start_again(&mut self) -> anyhow::Result<()> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).context("listen")?;
        listener.set_nonblocking(true)?;
        self.port = listener.local_addr()?.port();
        // A runtime of its own: what is dropped with it takes every connection along.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let router = self.router.clone();
        runtime.spawn(async move { axum::serve(TcpListener::from_std(listener)?, router).await });
        self.running = Some(runtime);
        Ok(())
    }

    /// Where it is: `http://127.0.0.1:4711`.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}
