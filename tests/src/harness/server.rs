//! The binary `dkube` itself: a server that can be killed and started again on the same data, and its commands.
pub(super) mod build;
mod client;
mod place;

pub use client::{Client, Reply};
pub use place::{Place, Ran, Running};

use super::LIMIT;
use anyhow::{Context, bail};
use std::{
    fs::File,
    process::{ExitStatus, Stdio},
};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// The first operator's login.
pub const OPERATOR: &str = "operator";

/// The first operator's password.
pub const PASSWORD: &str = "correct horse battery staple";

/// A running server. Killed when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    url: String,
    /// Held open: a server whose standard output is gone could not tell anything more.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server on the data of this place, and waits until it says where it is.
    ///
    /// # Errors
    /// It ends first (then the error has what it said), or is not there within [`LIMIT`].
    pub async fn start(place: &Place, flags: &[&str]) -> anyhow::Result<Self> {
        Self::start_command(place, place.command(&["serve"])?, flags).await
    }

    /// Starts a server whose disk fails when it is told to: see [`Place::fail_disk`].
    ///
    /// # Errors
    /// As for [`start`](Self::start); or the library that makes the disk fail can't be built.
    pub async fn start_on_failing_disk(place: &Place, flags: &[&str]) -> anyhow::Result<Self> {
        let mut command = place.command(&["serve"])?;
        command.env("LD_PRELOAD", build::failing_disk()?).env("FAILING_DISK", place.path("fail"));
        Self::start_command(place, command, flags).await
    }

    async fn start_command(place: &Place, mut command: Command, flags: &[&str]) -> anyhow::Result<Self> {
        let log = File::options().create(true).append(true).open(place.path("log")).context("open the server's log")?;
        let mut child = command
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("start dkube")?;
        let mut output = BufReader::new(child.stdout.take().context("dkube has no output")?).lines();
        let announced = async {
            while let Some(line) = output.next_line().await? {
                let address =
                    line.split(' ').find(|word| ["http://", "https://"].iter().any(|scheme| word.starts_with(scheme)));
                if let Some(address) = address {
                    return anyhow::Ok(Some(address.to_owned()));
                }
            }
            Ok(None)
        };
        match timeout(LIMIT, announced).await.context("dkube does not say where it is")?? {
            Some(url) => Ok(Self { child, url, _output: output }),
            None => bail!("dkube ended ({}):\n{}", child.wait().await?, place.log()),
        }
    }

    /// Its address: `http://127.0.0.1:4711`, or `https://…` if it speaks TLS.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_start_matches("https://")
    }

    /// Its process.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it as a crash would (SIGKILL), and waits until it is gone.
    ///
    /// # Errors
    /// It was gone already, of itself.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        let gone = self.child.try_wait().context("look after dkube")?;
        self.child.kill().await.context("kill dkube")?;
        gone.map_or(Ok(()), |status| bail!("dkube had ended before it was killed: {status}"))
    }

    /// Asks it to stop (SIGTERM), and waits until it has ended.
    ///
    /// # Errors
    /// It does not end within [`LIMIT`].
    pub async fn stop(self) -> anyhow::Result<ExitStatus> {
        let pid = self.pid().context("dkube has ended already")?.to_string();
        let told = Command::new("kill").args(["-TERM", &pid]).status().await.context("stop dkube")?;
        if !told.success() {
            bail!("dkube could not be told to stop: {told}");
        }
        self.ended().await
    }

    /// Waits until it has ended of itself.
    ///
    /// # Errors
    /// It does not end within [`LIMIT`].
    pub async fn ended(mut self) -> anyhow::Result<ExitStatus> {
        timeout(LIMIT, self.child.wait()).await.context("dkube does not end")?.context("wait for dkube")
    }
}
