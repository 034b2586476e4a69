//! Where a server lives: its data folder, its log lines, and the home of who uses its commands.
use super::{PASSWORD, build};
use crate::harness::LIMIT;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    sync::mpsc,
    time::timeout,
};

/// The most lines of a program's standard error that are kept for whoever asks.
const NOTES_MAX: usize = 1000;

/// A temporary folder with a server's data in it. What the server said is shown where a test fails.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
}

/// A command that has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// A command that runs until this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    notes: mpsc::Receiver<String>,
}

impl Place {
    /// A new one, empty.
    ///
    /// # Errors
    /// It can't be made.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("dkube-test-").tempdir().context("make a folder")?;
        fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).context("write the password down")?;
        Ok(Self { folder })
    }

    /// Another one, with a copy of the data of this one. No server runs here.
    ///
    /// # Errors
    /// It can't be copied.
    pub fn copy(&self) -> anyhow::Result<Self> {
        let other = Self::new()?;
        copy(&self.data(), &other.data()).context("copy the data folder")?;
        Ok(other)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// A file or folder beside it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The same as text, for a command line.
    ///
    /// # Panics
    /// The temporary folder's name is no text.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("temporary folders have plain names").to_owned()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Every file of the data folder with its length, below the folder.
    ///
    /// # Errors
    /// The folder can't be read.
    pub fn files(&self) -> anyhow::Result<BTreeMap<PathBuf, u64>> {
        let mut found = BTreeMap::new();
        list(&self.data(), &mut found)?;
        Ok(found)
    }

    /// Makes the disk fail, of a server that was [started so](super::Server::start_on_failing_disk): `sync` or `full`.
    ///
    /// # Errors
    /// The server can't be told.
    pub fn fail_disk(&self, how: &str) -> anyhow::Result<()> {
        // Whole or not there: the server looks at any moment.
        fs::write(self.path("fail.new"), how)?;
        Ok(fs::rename(self.path("fail.new"), self.path("fail"))?)
    }

    /// Lets the disk work again.
    ///
    /// # Errors
    /// The server can't be told.
    pub fn mend_disk(&self) -> anyhow::Result<()> {
        Ok(fs::remove_file(self.path("fail"))?)
    }

    /// A command of the binary, with the settings of this place and no others.
    pub(super) fn command(&self, words: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(build::dkube()?);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DKUBE_")) {
            command.env_remove(name);
        }
        command
            .args(words)
            .current_dir(self.folder.path())
            .env("DKUBE_DATA", self.data())
            .env("DKUBE_OPERATOR_PASSWORD", PASSWORD)
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }

    /// Runs a command of the binary to its end.
    ///
    /// # Errors
    /// It does not run, or not to its end within [`LIMIT`].
    pub async fn dkube(&self, words: &[&str]) -> anyhow::Result<Ran> {
        let mut command = self.command(words)?;
        let output = timeout(LIMIT, command.output()).await.with_context(|| format!("{words:?} does not end"))?;
        let output = output.context("run dkube")?;
        Ok(Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Starts a command of the binary that is not expected to end.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, words: &[&str]) -> anyhow::Result<Running> {
        let mut command = self.command(words)?;
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("start dkube")?;
        let output = child.stdout.take().context("dkube has no output")?;
        let errors = child.stderr.take().context("dkube has no standard error")?;
        let (lines, mut errors) = (BufReader::new(output).lines(), BufReader::new(errors).lines());
        // It is read whether anybody asks or not: a program stops whose output nobody takes.
        let (tell, notes) = mpsc::channel(NOTES_MAX);
        tokio::spawn(async move {
            while let Ok(Some(line)) = errors.next_line().await {
                let _ = tell.try_send(line);
            }
        });
        Ok(Running { child, lines, notes })
    }
}

impl Running {
    /// The next line that it prints.
    ///
    /// # Errors
    /// It ends first, or prints nothing for [`LIMIT`].
    pub async fn line(&mut self) -> anyhow::Result<String> {
        let line = timeout(LIMIT, self.lines.next_line()).await.context("dkube prints nothing")??;
        line.context("dkube has ended")
    }

    /// The next line that it prints on standard error, where it says what is not its answer.
    ///
    /// # Errors
    /// As for [`line`](Self::line).
    pub async fn note(&mut self) -> anyhow::Result<String> {
        let line = timeout(LIMIT, self.notes.recv()).await.context("dkube notes nothing")?;
        line.context("dkube has ended")
    }

    /// Its exit code, once it ends; none where a signal ended it.
    ///
    /// # Errors
    /// It does not end within [`LIMIT`].
    pub async fn end(mut self) -> anyhow::Result<Option<i32>> {
        Ok(timeout(LIMIT, self.child.wait()).await.context("dkube does not end")??.code())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The test runner shows this where the test fails, and throws it away otherwise.
        eprintln!("{}", self.log());
    }
}

impl Ran {
    /// Standard output, of a command that did what it should.
    ///
    /// # Errors
    /// It did not.
    pub fn done(self) -> anyhow::Result<String> {
        ensure!(self.code == Some(0), "exit code {:?}: {}{}", self.code, self.out, self.err);
        Ok(self.out)
    }

    /// Standard output as JSON.
    ///
    /// # Errors
    /// It failed, or it is not JSON.
    pub fn json(self) -> anyhow::Result<Value> {
        let text = self.done()?;
        serde_json::from_str(&text).with_context(|| format!("it is not JSON: {text}"))
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            // With its permissions: there is a key among them.
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn list(folder: &Path, found: &mut BTreeMap<PathBuf, u64>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), found)?;
        } else {
            found.insert(entry.path(), entry.metadata()?.len());
        }
    }
    Ok(())
}
