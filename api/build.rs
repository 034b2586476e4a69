//! Says which commit a release is built from, where git can tell. The name is none of `DKUBE_…`: cargo hands it to what it
//! runs, where it would be an unknown setting.
use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=BUILT_FROM_COMMIT");
    // While one develops, a commit would build this crate anew.
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if env::var_os("BUILT_FROM_COMMIT").is_some() || !release {
        return;
    }
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    for path in ["HEAD", "logs/HEAD"].into_iter().filter_map(|name| git(&["rev-parse", "--git-path", name])) {
        println!("cargo::rerun-if-changed={path}");
    }
    if let Some(commit) = git(&["rev-parse", "HEAD"]) {
        let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|files| !files.is_empty());
        println!("cargo::rustc-env=BUILT_FROM_COMMIT={commit}{}", if changed { "-dirty" } else { "" });
    }
}
