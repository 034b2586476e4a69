//! The arrows between the folders, as `cargo metadata` has them.
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};
use std::collections::{BTreeMap, BTreeSet};

/// Which of our crates each of our crates may use, and which crates of others it must not know.
const ARROWS: [(&str, &[&str], &[&str]); 7] = [
    (
        "domain",
        &[],
        &["tokio", "sled", "async-nats", "axum", "kube", "nvml-wrapper", "getrandom", "tracing", "reqwest"],
    ),
    ("bus", &["domain"], &["axum", "kube", "nvml-wrapper", "reqwest", "clap"]),
    ("projections", &["domain"], &["sled", "async-nats", "axum", "kube", "nvml-wrapper", "reqwest"]),
    ("agents", &["domain", "bus"], &["axum", "sled", "utoipa"]),
    ("api", &["domain", "bus", "projections", "agents"], &["sled", "async-nats", "kube", "nvml-wrapper"]),
    ("tests", &["domain", "bus", "projections", "agents", "api"], &[]),
    // Soon built, also where nothing else is.
    ("fake_nvml", &[], &["tokio", "nvml-wrapper", "anyhow", "cargo_metadata"]),
];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo metadata answers")
}

/// Each crate of ours with what it names, tests and build scripts aside.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let names = |package: &cargo_metadata::Package| {
        let normal = package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        normal.map(|dependency| dependency.name.clone()).collect()
    };
    metadata().packages.iter().map(|package| (package.name.to_string(), names(package))).collect()
}

#[test]
fn the_arrows_point_one_way() {
    let found = dependencies();
    let ours: BTreeSet<&str> = ARROWS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(found.keys().map(String::as_str).collect::<BTreeSet<_>>(), ours, "a crate without a row");
    for (name, may, must_not) in ARROWS {
        for used in &found[name] {
            assert!(!ours.contains(used.as_str()) || may.contains(&used.as_str()), "{name} must not use {used}");
            assert!(!must_not.contains(&used.as_str()), "{name} must not know {used}");
        }
    }
}

#[test]
fn every_crate_keeps_the_workspace_lints() {
    for package in metadata().packages {
        let manifest = std::fs::read_to_string(&package.manifest_path).expect("a manifest can be read");
        assert!(manifest.contains("[lints]\nworkspace = true"), "{} has lints of its own", package.name);
    }
}

/// The node agent runs on every host: it carries nothing that it does not use.
#[test]
fn the_node_agent_is_slim() {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let tree = ["tree", "--package", "agents", "--features", "program", "--edges", "normal", "--prefix", "none"];
    let output = std::process::Command::new(cargo).args(tree).output().expect("cargo answers");
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(tree.contains("nvml-wrapper v"), "{}", String::from_utf8_lossy(&output.stderr));
    for heavy in ["axum v", "kube v", "sled v", "hyper v", "reqwest v", "projections v", "api v"] {
        assert!(!tree.lines().any(|line| line.starts_with(heavy)), "dkube-agent carries {heavy}");
    }
}

/// A file that no crate includes is compiled by nobody, and rots.
#[test]
fn every_source_file_is_part_of_a_build() {
    let root = metadata().workspace_root;
    let mut sources = vec![];
    for folder in ["domain", "bus", "projections", "agents", "api", "tests"] {
        collect(root.join(folder).as_std_path(), &mut sources);
    }
    let mut built = BTreeSet::new();
    for deps in ["target/debug/deps", "target/debug/build", "target/debug/examples"] {
        read_dep_info(root.join(deps).as_std_path(), root.as_std_path(), &mut built);
    }
    // Built with the feature of its name alone, which `scripts/test` lints and plain tests leave out.
    let optional = root.join("tests/src/bin/bench/tephra_store.rs");
    let lost: Vec<_> = sources.iter().filter(|file| !built.contains(*file) && **file != optional).collect();
    assert!(lost.is_empty(), "in no build: {lost:?}");
}

fn collect(folder: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// What rustc says it has read, in the `.d` files that it leaves beside what it builds.
fn read_dep_info(folder: &std::path::Path, root: &std::path::Path, into: &mut BTreeSet<std::path::PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            read_dep_info(&path, root, into);
        } else if path.extension().is_some_and(|extension| extension == "d") {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let words = text.split_whitespace().map(|word| word.trim_end_matches(':'));
            let files = words.map(|word| root.join(word));
            into.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "rs")));
        }
    }
}

/// Cargo hands what a build script sets to the program that it runs, which refuses `DKUBE_…` that is no setting.
#[test]
fn no_build_script_sets_what_would_be_taken_for_a_setting() -> anyhow::Result<()> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut scripts = 0;
    for folder in std::fs::read_dir(root)? {
        let script = folder?.path().join("build.rs");
        if script.is_file() {
            let text = std::fs::read_to_string(&script)?;
            assert!(!text.contains("rustc-env=DKUBE_"), "{}", script.display());
            scripts += 1;
        }
    }
    assert!(scripts > 0, "there are build scripts");
    Ok(())
}
