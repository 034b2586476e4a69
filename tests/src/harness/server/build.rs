//! What cargo builds for the tests: the binary under test, and what is put under it.
use anyhow::{Context, ensure};
use cargo_metadata::{Artifact, Message};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// The binary `dkube`, up to date: built once in each test program. `DKUBE_TEST_BINARY` names another one instead.
pub(super) fn dkube() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || match std::env::var_os("DKUBE_TEST_BINARY") {
        Some(binary) => Ok(binary.into()),
        None => build(&["--package", "api", "--bin", "dkube"], |artifact| artifact.executable.clone().map(Into::into))
            .map_err(|error| format!("{error:#}")),
    };
    BUILT.get_or_init(build).clone().map_err(anyhow::Error::msg)
}

/// The program `dkube-agent`, built as `dkube` is. `DKUBE_TEST_AGENT` names another one instead.
pub(in crate::harness) fn agent() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || match std::env::var_os("DKUBE_TEST_AGENT") {
        Some(binary) => Ok(binary.into()),
        // Beside the server's crate, so that both share what they are built of.
        None => build(
            &["--package", "agents", "--package", "api", "--features", "agents/program", "--bin", "dkube-agent"],
            |artifact| artifact.executable.clone().map(Into::into),
        )
        .map_err(|error| format!("{error:#}")),
    };
    BUILT.get_or_init(build).clone().map_err(anyhow::Error::msg)
}

/// The library of this package's examples that makes the disk fail, see `tests/preload/failing_disk.rs`.
pub(super) fn failing_disk() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| library("failing_disk")).clone().map_err(anyhow::Error::msg)
}

/// The library of this package's examples that stands in for NVML, see `tests/fake_nvml`.
pub(in crate::harness) fn fake_nvml() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(|| library("fake_nvml")).clone().map_err(anyhow::Error::msg)
}

/// A library of this package's examples.
fn library(name: &str) -> Result<PathBuf, String> {
    let library = |artifact: &Artifact| {
        let mut files = artifact.filenames.iter();
        let found = files.find(|file| artifact.target.name == name && file.extension() == Some("so"));
        found.cloned().map(Into::into)
    };
    build(&["--package", "tests", "--example", name], library).map_err(|error| format!("{error:#}"))
}

/// Builds these targets in the profile of the tests, and answers the file that is sought among what was built.
fn build(targets: &[&str], sought: impl Fn(&Artifact) -> Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let mut command = Command::new(cargo);
    // What cargo told this program of its own package is no setting of theirs: build scripts look at it, and would run
    // anew with every change from one cargo to the other.
    for (name, _) in std::env::vars_os() {
        let shown = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| shown.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    let output = command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--quiet", "--message-format=json-render-diagnostics"])
        .args(targets)
        .args(profile)
        .stdin(Stdio::null())
        .output()
        .context("run cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cargo can't build {targets:?}:\n{said}");
    let mut built = Message::parse_stream(&*output.stdout).filter_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) => sought(&artifact),
        _ => None,
    });
    built.next().with_context(|| format!("cargo says nothing of {targets:?}"))
}
