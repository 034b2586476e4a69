//! Scripts under `tests/scripts`, run by the Python of the test tools.
use super::{LIMIT, tools::tool};
use anyhow::{Context, bail};
use std::{path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// A script that runs, and what it prints. Killed when this is dropped.
#[derive(Debug)]
pub struct Script {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    /// Starts the script of that name. What it says on standard error goes to the test's own.
    ///
    /// # Errors
    /// Python is not installed (then the error says how), or does not start.
    pub fn start(name: &str, arguments: &[&str]) -> anyhow::Result<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name);
        let mut child = Command::new(tool("python")?)
            .arg(&script)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {}", script.display()))?;
        let output = child.stdout.take().context("the script has no output")?;
        Ok(Self { child, lines: BufReader::new(output).lines() })
    }

    /// The next line that it prints.
    ///
    /// # Errors
    /// It ends first, or prints nothing for [`LIMIT`].
    pub async fn line(&mut self) -> anyhow::Result<String> {
        let line = timeout(LIMIT, self.lines.next_line()).await.context("the script prints nothing")??;
        line.context("the script has ended")
    }

    /// The next line that it prints; none once it has ended.
    ///
    /// # Errors
    /// It prints nothing for [`LIMIT`].
    pub async fn next_line(&mut self) -> anyhow::Result<Option<String>> {
        timeout(LIMIT, self.lines.next_line()).await.context("the script prints nothing")?.map_err(Into::into)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// It fails, or runs longer than [`LIMIT`].
    pub async fn end(mut self) -> anyhow::Result<()> {
        while timeout(LIMIT, self.lines.next_line()).await.context("the script does not end")??.is_some() {}
        let status = timeout(LIMIT, self.child.wait()).await.context("the script does not end")??;
        if !status.success() {
            bail!("the script failed: {status}");
        }
        Ok(())
    }
}
