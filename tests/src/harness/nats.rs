//! A real NATS server with JetStream, on a free port and a temporary store.
use super::{LIMIT, tools::tool};
use anyhow::{Context, bail};
use std::{
    fs::{self, File},
    io::Read,
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A NATS server. Its port and store stay the same from start to start; it is killed when this is dropped.
#[derive(Debug)]
pub struct NatsServer {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts a server, and waits until it is ready.
    ///
    /// # Errors
    /// It is not installed (then the error says how), or does not start.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with("")
    }

    /// Starts a server with more lines in its configuration.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_with(configuration: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the NATS server")?;
        let mut failure = None;
        // The port that is free now may be another's in a moment.
        for _ in 0..3 {
            let port = free_port()?;
            let store = folder.path().join("store");
            let listen = format!("listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: '{}' }}\n", store.display());
            fs::write(folder.path().join("nats.conf"), listen + configuration).context("configure the NATS server")?;
            match run(&folder, port) {
                Ok(child) => return Ok(Self { folder, port, child: Some(child) }),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.unwrap_or_else(|| anyhow::anyhow!("the NATS server was not started")))
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its process; none while it is stopped.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it as an operator would, and waits until it has ended.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let told = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
        if told.context("stop the NATS server")?.success() && ended(&mut child)? {
            return Ok(());
        }
        end(&mut child);
        bail!("the NATS server did not stop")
    }

    /// Ends it as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            end(&mut child);
        }
    }

    /// Starts it again, after [`stop`](Self::stop) or [`kill`](Self::kill), on the same port and store.
    ///
    /// # Errors
    /// As for [`start`](Self::start).
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        while self.child.is_none() {
            match run(&self.folder, self.port) {
                Ok(child) => self.child = Some(child),
                // Somebody else may have the port for a moment.
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
        Ok(())
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn run(folder: &TempDir, port: u16) -> anyhow::Result<Child> {
    let log = folder.path().join("log");
    let output = File::options().create(true).append(true).open(&log).context("open the NATS server's log")?;
    let mut child = Command::new(tool("nats-server")?)
        .arg("--config")
        .arg(folder.path().join("nats.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .spawn()
        .context("start the NATS server")?;
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline && child.try_wait()?.is_none() {
        if greets(port) {
            return Ok(child);
        }
        thread::sleep(Duration::from_millis(5));
    }
    end(&mut child);
    let said = fs::read_to_string(log).unwrap_or_default();
    bail!("the NATS server was not ready within {LIMIT:?}, or ended:\n{said}")
}

/// Whether it answers a connection: it does so once JetStream has recovered its streams.
fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return false };
    let mut start = [0; 4];
    let limited = stream.set_read_timeout(Some(Duration::from_secs(1))).is_ok();
    limited && stream.read_exact(&mut start).is_ok() && &start == b"INFO"
}

fn ended(child: &mut Child) -> anyhow::Result<bool> {
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if child.try_wait().context("wait for the NATS server")?.is_some() {
            return Ok(true);
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(false)
}

fn end(child: &mut Child) {
    // Either it has ended by itself, or it ends now.
    drop(child.kill());
    drop(child.wait());
}

pub(super) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}
