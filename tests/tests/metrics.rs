//! Metrics as Prometheus reads them, by its own parser; and the rules that are shipped for it.
use anyhow::Context;
use std::{collections::BTreeSet, fs, path::Path};
use tests::harness::{Client, Place, Script, Server};

/// The names of all series of a page, which must be one that dashboards find what they need in.
async fn checked(place: &Place, name: &str, page: &str) -> anyhow::Result<BTreeSet<String>> {
    fs::write(place.path(name), page)?;
    let mut script = Script::start("check_metrics.py", &[&place.text(name)])?;
    let mut names = BTreeSet::new();
    while let Some(line) = script.next_line().await? {
        names.insert(line);
    }
    script.end().await?;
    Ok(names)
}

#[tokio::test]
async fn prometheus_reads_every_page_and_the_rules_name_what_is_there() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start(&place, &["--simulate", "2x4", "--node-lease", "8s"]).await?;
    let client = Client::operator(&server).await?;
    let all = |list: &serde_json::Value| list["items"].as_array().is_some_and(|devices| devices.len() == 8);
    client.until("/v1/devices", all).await?;
    let measured = |sums: &serde_json::Value| sums["measured"] == 4;
    client.until("/v1/nodes/sim-1/telemetry", measured).await?;
    client.until("/v1/nodes/sim-2/telemetry", measured).await?;

    let all = client.text("/metrics").await?;
    assert_eq!(all.matches("\nDCGM_FI_DEV_GPU_UTIL{").count(), 8);
    let names = checked(&place, "all", &all).await?;
    let one = client.text("/metrics/nodes/sim-1").await?;
    assert_eq!(one.matches("\nDCGM_FI_DEV_GPU_UTIL{").count(), 4);
    checked(&place, "one", &one).await?;

    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/prometheus/alerts.yaml");
    let rules = fs::read_to_string(&rules).with_context(|| rules.display().to_string())?;
    let used: BTreeSet<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: "))
        .flat_map(|expression| expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|word| word.starts_with("dkube_"))
        .collect();
    assert!(used.len() > 5, "{used:?}");
    // A refusal has a series once there was one, and a condition once a GPU has it.
    let later = ["dkube_intake_refusals_total", "dkube_device_conditions"];
    let unknown: Vec<_> = used.iter().filter(|name| !names.contains(**name) && !later.contains(*name)).collect();
    assert!(unknown.is_empty(), "the rules name what is not there: {unknown:?}");
    assert!(server.stop().await?.success());
    Ok(())
}
