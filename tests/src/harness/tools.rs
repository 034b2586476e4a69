//! Where `scripts/test-tools` put what it installs.
use anyhow::bail;
use std::path::{Path, PathBuf};

/// The program of that name.
pub(super) fn tool(name: &str) -> anyhow::Result<PathBuf> {
    installed(Path::new("bin").join(name))
}

/// A file or folder in it.
pub(super) fn installed(path: impl AsRef<Path>) -> anyhow::Result<PathBuf> {
    let path = folder().join(path);
    if !path.exists() {
        bail!("{} is missing: run scripts/test-tools once, which installs it", path.display());
    }
    Ok(path)
}

fn folder() -> PathBuf {
    if let Some(tools) = std::env::var_os("DKUBE_TEST_TOOLS") {
        return tools.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("test-tools")
}
