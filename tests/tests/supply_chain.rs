//! Where dependencies come from, and under which licences: `deny.toml` says, and this holds it where `cargo deny` is not
//! installed.
use cargo_metadata::MetadataCommand;
use std::collections::BTreeSet;

/// The licences that `deny.toml` allows.
fn allowed() -> BTreeSet<String> {
    let root = MetadataCommand::new().no_deps().exec().expect("cargo metadata answers").workspace_root;
    let text = std::fs::read_to_string(root.join("deny.toml")).expect("deny.toml can be read");
    let (_, list) = text.split_once("allow = [").expect("deny.toml allows licences");
    let (list, _) = list.split_once(']').expect("the list ends");
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met: `OR` chooses, `AND` needs both, `/` is an old `OR`.
fn met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace(['(', ')'], "");
    expression
        .split(" OR ")
        .flat_map(|choice| choice.split('/'))
        .any(|choice| choice.split(" AND ").all(|licence| allowed.contains(licence.trim())))
}

#[test]
fn dependencies_come_from_the_registry_under_licences_that_are_allowed() {
    let metadata = MetadataCommand::new().exec().expect("cargo metadata answers");
    let allowed = allowed();
    for package in &metadata.packages {
        let Some(source) = &package.source else { continue };
        assert!(source.is_crates_io(), "{} comes from {source}", package.name);
        let licence = package.license.as_deref().unwrap_or("none named");
        // A conjunction of choices, `(A OR B) AND C`, is met by the conjunction of its parts.
        let parts = licence.split(" AND ").all(|part| met(part, &allowed));
        assert!(met(licence, &allowed) || parts, "{} {} is under {licence}", package.name, package.version);
    }
}
