//! What cargo builds for the tests: the binary under test, and what is put under it.
use anyhow::{Context, ensure};
use cargo_metadata::{Artifact, Message};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    sync::OnceLock,
};

/// What the tests run, all at once, and chosen as `cargo test --workspace` chooses: an example has it take the tests' own
/// dependencies into account. So all of them share what they are built of; with fewer packages named, other features of
/// dependencies would count, and most of them be built again.
const PROGRAMS: &[&str] = &[
    "--workspace",
    "--features",
    "agents/program",
    "--bin",
    "dkube",
    "--bin",
    "dkube-agent",
    "--example",
    "failing_disk",
];

/// The binary `dkube`, up to date: built once in each test program. `DKUBE_TEST_BINARY` names another one instead.
pub(super) fn dkube() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || match std::env::var_os("DKUBE_TEST_BINARY") {
        Some(binary) => Ok(binary.into()),
        None => program("dkube"),
    };
    BUILT.get_or_init(build).clone().map_err(anyhow::Error::msg)
}

/// The program `dkube-agent`, built as `dkube` is. `DKUBE_TEST_AGENT` names another one instead.
pub(in crate::harness) fn agent() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || match std::env::var_os("DKUBE_TEST_AGENT") {
        Some(binary) => Ok(binary.into()),
        None => program("dkube-agent"),
    };
    BUILT.get_or_init(build).clone().map_err(anyhow::Error::msg)
}

/// The library of this package's examples that makes the disk fail, see `tests/preload/failing_disk.rs`.
pub(super) fn failing_disk() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || library("examples/libfailing_disk.so", PROGRAMS);
    BUILT.get_or_init(build).clone().map_err(anyhow::Error::msg)
}

/// The library that stands in for NVML, see `tests/fake_nvml`: of its crate alone, which needs few others.
pub(in crate::harness) fn fake_nvml() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let build = || library("libfake_nvml.so", &["--package", "fake_nvml", "--lib"]);
    BUILT.get_or_init(build).clone().map_err(anyhow::Error::msg)
}

fn library(file: &str, targets: &[&str]) -> Result<PathBuf, String> {
    let built = |artifact: &Artifact| artifact.filenames.iter().find(|path| path.as_str().ends_with(file)).cloned();
    build(file, targets, |artifact| built(artifact).map(Into::into)).map_err(|error| format!("{error:#}"))
}

fn program(name: &str) -> Result<PathBuf, String> {
    let built = |artifact: &Artifact| artifact.executable.clone().filter(|_| artifact.target.name == name);
    build(name, PROGRAMS, |artifact| built(artifact).map(Into::into)).map_err(|error| format!("{error:#}"))
}

/// Whether this file is where cargo puts what it builds in the profile of this program. One that is not may take minutes.
fn is_built(file: &str) -> bool {
    let this = std::env::current_exe().unwrap_or_default();
    // Programs of tests are a folder deeper.
    this.ancestors().skip(1).take(2).any(|folder| folder.join(file).exists())
}

/// Builds this file by these targets in the profile of the tests, and answers where it is, as is found among what was built.
fn build(file: &str, targets: &[&str], sought: impl Fn(&Artifact) -> Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if !is_built(file) {
        eprintln!("{file} is not there yet: building it, which may take minutes");
    }
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

#[cfg(test)]
mod tests {
    use super::is_built;

    #[test]
    fn what_is_there_is_known_from_what_is_not() {
        let this = std::env::current_exe().unwrap();
        let (folder, name) = (this.parent().unwrap().file_name().unwrap(), this.file_name().unwrap());
        assert!(is_built(name.to_str().unwrap()), "beside this program");
        assert!(is_built(&format!("{}/{}", folder.display(), name.display())), "in the folder above");
        assert!(!is_built("libnobody_builds.so"));
    }
}
