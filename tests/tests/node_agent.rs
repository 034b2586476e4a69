//! The node agent itself, on hosts with fake GPUs: what it finds is known, once, whatever dies meanwhile.
use anyhow::Context;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use tests::harness::{Client, Host, LIMIT, NatsServer, Place, Secrets, Server};
use tokio::time::Instant;

struct World {
    nats: NatsServer,
    place: Place,
    server: Server,
    client: Client,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let nats = NatsServer::start()?;
        let place = Place::new()?;
        let server = Server::start(&place, &["--nats", &nats.url()]).await?;
        let client = Client::operator(&server).await?.with_token("test", "full").await?;
        Ok(Self { nats, place, server, client })
    }

    /// The devices, once so many are there and can be read.
    async fn healthy(&self, count: usize) -> anyhow::Result<Vec<Value>> {
        let all = |list: &Value| items(list).iter().filter(|device| device["health"] == "healthy").count() == count;
        Ok(items(&self.client.until("/v1/devices", all).await?).to_vec())
    }

    /// Every event of that type, the oldest first.
    async fn recorded(&self, event: &str) -> anyhow::Result<Vec<Value>> {
        self.client.all(&format!("/v1/audit?order=asc&type={event}"), None).await
    }
}

fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

fn uuid(device: &Value) -> String {
    device["uuid"].as_str().unwrap_or_default().to_owned()
}

/// The kinds of condition that an event of health raises or clears.
fn changes<'a>(event: &'a Value, field: &str) -> Vec<&'a str> {
    let all = event["data"][field].as_array().into_iter().flatten();
    all.filter_map(|change| change["kind"].as_str().or(change.as_str())).collect()
}

/// Waits until the agent has put down what it is to have put down.
async fn kept(host: &Host, wanted: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
    let deadline = Instant::now() + LIMIT;
    while !std::fs::read(host.path("state/state")).is_ok_and(|bytes| wanted(&bytes)) {
        anyhow::ensure!(Instant::now() < deadline, "the agent keeps nothing of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn count(bytes: &[u8], word: &str) -> usize {
    bytes.windows(word.len()).filter(|window| *window == word.as_bytes()).count()
}

#[tokio::test]
async fn a_lost_gpu_is_taken_out_and_a_restart_of_the_host_brings_it_back() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 2)?;
    let world = World::new().await?;
    let agent = host.agent(&world.nats.url(), &[])?;
    let devices = world.healthy(2).await?;
    assert_eq!((&devices[0]["model"], &devices[0]["node"]), (&json!("NVIDIA H100 80GB HBM3"), &json!("gpu-01")));
    let node = world.client.get("/v1/nodes/gpu-01").await?.done()?.body;
    assert_eq!(node["driver"], "580.95.05");
    let policy = format!(", health policy {}", agents::health::Policy::built_in().name());
    assert!(node["agent"].as_str().is_some_and(|agent| agent.ends_with(&policy)), "{node}");

    host.log_xid(1, 0, 79)?;
    host.nvml.change(|state| state.gpus[0].lost = true)?;
    let path = format!("/v1/devices/{}", uuid(&devices[0]));
    let lost = world.client.until(&path, |device| device["quarantined"] == true).await?;
    let condition = &lost["conditions"][0];
    assert_eq!(
        (&condition["kind"], &condition["severity"], &condition["remedy"], &condition["xid"]),
        (&json!("gpu.lost"), &json!("fatal"), &json!("reboot_node"), &json!(79))
    );
    let (server, password) = (world.server.url(), world.place.text("password"));
    let sign_in = ["login", "--login", "operator", "--password-file", &password, "--server", server];
    world.place.dkube(&sign_in).await?.done()?;
    let shown = world.place.dkube(&["device", "show", &uuid(&devices[0]), "--server", server]).await?.done()?;
    for word in ["gpu.lost", "XID 79: the GPU has fallen off the bus", "reboot_node"] {
        assert!(shown.contains(word), "{word} is missing in\n{shown}");
    }

    host.restart()?;
    world.client.until(&path, |device| device["quarantined"] == false && device["health"] == "healthy").await?;
    let other = world.client.get(&format!("/v1/devices/{}", uuid(&devices[1]))).await?.done()?.body;
    assert_eq!(other["quarantined"], false);
    let events = world.recorded("DeviceHealthChanged").await?;
    let raised = events.iter().filter(|event| changes(event, "raised") == ["gpu.lost"]).count();
    let cleared = events.iter().filter(|event| changes(event, "cleared") == ["gpu.lost"]).count();
    assert_eq!((raised, cleared), (1, 1));
    assert!(agent.stop().await?.success());
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn what_was_cleared_by_hand_stands_again_once_the_driver_logs_it_again() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 1)?;
    let world = World::new().await?;
    let agent = host.agent(&world.nats.url(), &[])?;
    let path = format!("/v1/devices/{}", uuid(&world.healthy(1).await?[0]));
    host.log_xid(1, 0, 119)?;
    world.client.until(&path, |device| device["quarantined"] == true).await?;
    let cleared = world.client.patch(&path, json!({"clear": "xid.fatal"})).await?.done()?;
    world.client.shows(cleared.position()?).await?.done()?;
    let names = |body: &Value| body["events"].as_array().map(|all| all.iter().map(|e| e["type"].clone()).collect());
    assert_eq!(names(&cleared.body), Some(vec![json!("DeviceConditionCleared"), json!("DeviceQuarantineLifted")]));
    host.log_xid(2, 0, 119)?;
    let again = world.client.until(&path, |device| device["quarantined"] == true).await?;
    assert!(has(&again, "xid.fatal"), "{again}");
    let raised = world.recorded("DeviceHealthChanged").await?;
    let times = raised.iter().filter(|event| changes(event, "raised") == ["xid.fatal"]).count();
    assert_eq!(times, 2, "{raised:#?}");
    assert!(agent.stop().await?.success());
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn what_is_found_while_the_bus_is_away_is_recorded_once_even_if_the_agent_dies() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 4)?;
    let mut world = World::new().await?;
    let agent = host.agent(&world.nats.url(), &[])?;
    world.healthy(4).await?;
    world.nats.stop()?;
    for gpu in 0..3 {
        host.log_xid(10 + gpu as u64, gpu, 119)?;
    }
    kept(&host, |bytes| count(bytes, "XID 119") >= 6).await?;
    agent.kill().await?;
    // What is over before anybody heard of it is told as well: it began, and it ended.
    host.reset(2)?;
    let agent = host.agent(&world.nats.url(), &[])?;
    kept(&host, |bytes| count(bytes, "XID 119") == 5).await?;
    world.nats.start_again()?;
    let quarantined = |list: &Value| items(list).iter().filter(|device| device["quarantined"] == true).count() == 2;
    world.client.until("/v1/devices", quarantined).await?;
    let mut raised: BTreeMap<String, usize> = BTreeMap::new();
    for event in world.recorded("DeviceHealthChanged").await? {
        if changes(&event, "raised").contains(&"xid.fatal") {
            *raised.entry(event["data"]["device"].to_string()).or_default() += 1;
        }
    }
    assert_eq!(raised.values().collect::<Vec<_>>(), [&1; 3], "{raised:?}");
    assert_eq!(world.recorded("DeviceQuarantined").await?.len(), 2, "what was over had no effect");
    assert!(agent.stop().await?.success());
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_killed_in_a_storm_loses_nothing_and_repeats_nothing() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 8)?;
    let mut world = World::new().await?;
    let agent = host.agent(&world.nats.url(), &[])?;
    world.healthy(8).await?;
    let flags = ["--nats", &world.nats.url()];
    for round in 0..6 {
        host.nvml.change(|state| {
            for (gpu, nth) in state.gpus.iter_mut().zip(0..) {
                gpu.fields.insert(230, u64::from((round + nth) % 2 == 0));
            }
        })?;
        let known = world.client.position().await?;
        world.client.shows(known + 4).await?;
        if round % 2 == 1 {
            world.server.kill().await?;
            world.server = Server::start(&world.place, &flags).await?;
            world.client = world.client.at(&world.server);
        }
    }
    host.nvml.change(|state| {
        for gpu in &mut state.gpus[..4] {
            gpu.fields.insert(230, 1);
        }
        for gpu in &mut state.gpus[4..] {
            gpu.fields.insert(230, 0);
        }
    })?;
    let wanted = |list: &Value| {
        let bad: Vec<bool> = items(list).iter().map(|device| has(device, "gpu.reset_required")).collect();
        bad == [true, true, true, true, false, false, false, false]
    };
    world.client.until("/v1/devices", wanted).await?;
    // Each report of the agent's one life became at most one command, in order.
    let mut reports: Vec<(String, u64, String)> = vec![];
    for event in world.client.all("/v1/audit?order=asc", None).await? {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if let Some(sequence) = event["origin"]["sequence"].as_u64() {
            reports.push((text(&event["origin"]["incarnation"]), sequence, text(&event["command"])));
        }
    }
    reports.dedup();
    assert!(reports.len() > 6, "a storm: {reports:?}");
    assert!(reports.iter().all(|(life, ..)| *life == reports[0].0), "the agent lived once: {reports:?}");
    assert!(reports.is_sorted_by(|one, next| one.1 < next.1), "{reports:?}");
    assert!(agent.stop().await?.success());
    assert!(world.server.stop().await?.success());
    Ok(())
}

fn has(device: &Value, kind: &str) -> bool {
    device["conditions"].as_array().is_some_and(|all| all.iter().any(|condition| condition["kind"] == kind))
}

#[tokio::test]
async fn a_host_without_a_driver_is_known_and_says_why() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 1)?;
    let world = World::new().await?;
    host.nvml.change(|state| state.driver.init = 9)?;
    let built_in = host.command()?.arg("policy").output().await?;
    let policy =
        String::from_utf8(built_in.stdout)?.replace("version = 1", "version = 2").replace("hung_s = 15", "hung_s = 1");
    std::fs::write(host.path("policy.toml"), &policy)?;
    let name = agents::health::Policy::parse(&policy)?.name();
    let policy = host.path("policy.toml");
    let agent = host.agent(&world.nats.url(), &["--policy", &policy.to_string_lossy()])?;
    let node = world.client.until("/v1/nodes", |list| items(list).len() == 1).await?;
    let facts = &items(&node)[0];
    assert_eq!(facts["driver"], "(the driver is not loaded)");
    assert!(
        facts["agent"].as_str().is_some_and(|agent| agent.ends_with(&format!(", health policy {name}"))),
        "{facts}"
    );
    assert!(name.starts_with("2 ("), "{name}");
    assert_eq!(items(&world.client.get("/v1/devices").await?.done()?.body).len(), 0);
    assert!(agent.stop().await?.success());

    std::fs::write(host.path("policy.toml"), "version = 3\n")?;
    let refused = host.command()?.args(["--nats", "nats://127.0.0.1:1", "--policy"]).arg(&policy).output().await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8(refused.stderr)?.contains("missing field `hung_s`"));
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_copied_host_takes_nothing_from_the_first() -> anyhow::Result<()> {
    let (first, copy) = (Host::new("gpu-01", 2)?, Host::new("gpu-01", 1)?);
    let mut world = World::new().await?;
    let often = ["--look-every", "1"];
    let agent = first.agent(&world.nats.url(), &often)?;
    let devices: Vec<String> = world.healthy(2).await?.iter().map(uuid).collect();

    let second = copy.agent(&world.nats.url(), &often)?;
    let two = |alerts: &Value| items(alerts).iter().any(|alert| alert["code"] == "node.two_agents");
    world.client.until("/v1/alerts", two).await?;
    let recorded = |page: &Value| page["events"][0]["data"]["code"] == "node.second_agent";
    world.client.until("/v1/audit?type=NodeReportRefused", recorded).await?;
    // It says so once it has heard it, which may be a while after everybody else has.
    let told = async {
        while !copy.log().contains("another agent speaks for this node") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LIMIT, told).await.context(copy.log())?;
    assert_eq!(world.recorded("NodeReportRefused").await?.len(), 1);

    // Neither a start of the first one's agent nor one of the server is the copy's chance.
    assert!(agent.stop().await?.success());
    let agent = first.agent(&world.nats.url(), &often)?;
    world.healthy(2).await?;
    assert!(world.server.stop().await?.success());
    world.server = Server::start(&world.place, &["--nats", &world.nats.url()]).await?;
    world.client = world.client.at(&world.server);
    world.client.until("/v1/alerts", two).await?;
    assert_eq!(world.healthy(2).await?.iter().map(uuid).collect::<Vec<_>>(), devices);
    for event in ["DeviceReplaced", "DeviceMissing"] {
        assert_eq!(world.recorded(event).await?, Vec::<Value>::new());
    }

    // Once the first is silent, the node is the other's.
    assert!(agent.stop().await?.success());
    world.client.until("/v1/nodes/gpu-01", |node| node["devices"]["seen"] == 1).await?;
    assert!(second.stop().await?.success());
    assert!(world.server.stop().await?.success());
    Ok(())
}

/// The lines of a check, and whether all is well.
async fn check(host: &Host, flags: &[&str]) -> anyhow::Result<(Vec<String>, bool)> {
    let run = host.command()?.args(["--check", "--node", "gpu-01"]).args(flags).output();
    let done = tokio::time::timeout(LIMIT, run).await.context("a check ends")??;
    let lines = String::from_utf8(done.stdout)?.lines().map(str::to_owned).collect();
    Ok((lines, done.status.success()))
}

#[tokio::test]
async fn a_check_says_what_keeps_an_agent_from_its_work_and_disturbs_none() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 2)?;
    let nats = NatsServer::start()?;
    let url = nats.url();
    let (lines, sound) = check(&host, &["--nats", &url]).await?;
    assert!(sound && lines.len() == 9 && lines[..8].iter().all(|line| line.starts_with("ok    ")), "{lines:#?}");
    assert!(lines[8].starts_with("note  server: no DKube server listens"), "{lines:#?}");
    assert!(lines[4].starts_with("ok    driver: 580.95.05, 2 GPUs, by "), "{lines:#?}");
    assert!(lines[6].ends_with("can be made, at the first start"), "{lines:#?}");
    assert!(!host.path("state").exists(), "it changes nothing");

    let agent = host.agent(&url, &[])?;
    kept(&host, |bytes| !bytes.is_empty()).await?;
    let (lines, sound) = check(&host, &["--nats", &url]).await?;
    assert!(sound && lines[6].starts_with("note  state: ") && lines[6].contains("an agent has it"), "{lines:#?}");
    assert!(agent.stop().await?.success(), "that one goes on");
    let (lines, sound) = check(&host, &["--nats", &url]).await?;
    assert!(sound && lines[6].starts_with("ok    state: ") && lines[6].ends_with("can be written"), "{lines:#?}");

    // Nobody listens at that port.
    std::fs::write(host.path("policy.toml"), "version = 3\n")?;
    host.nvml.change(|state| state.driver.init = 9)?;
    let policy = host.path("policy.toml");
    let (policy, file) = (policy.to_string_lossy(), host.path("kmsg"));
    let state = file.join("state");
    let state = state.to_string_lossy();
    let files = ["--policy", &policy, "--kernel-log", "/nowhere/kmsg", "--host-root", "/nowhere", "--state"];
    let flags = [&files[..], &[&state, "--nats", "nats://127.0.0.1:1"]].concat();
    let (lines, sound) = check(&host, &flags).await?;
    assert!(!sound);
    let wrong: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("wrong ")).collect();
    let begun = [
        "health policy: use the health policy",
        "host: /nowhere/proc/sys/kernel/random/boot_id can't be read: say with --host-root",
        "driver: the driver is not loaded: load",
        "kernel log: /nowhere/kmsg",
        "state: ",
        "nats: nats://127.0.0.1:1 can't be connected to (IO error: Connection refused",
    ];
    assert_eq!(wrong.len(), begun.len(), "{lines:#?}");
    assert!(wrong.iter().zip(begun).all(|(line, begun)| line.starts_with(begun)), "{lines:#?}");

    let (lines, sound) = check(&host, &["--nats", &url, "--log-level", "loud"]).await?;
    assert!(
        !sound && lines[0].starts_with("wrong settings: the setting log_level: \"loud\": a level is error, warn,"),
        "{lines:#?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_check_says_why_a_server_is_not_trusted_and_what_of_the_host_is_missing() -> anyhow::Result<()> {
    let (host, secrets, others) = (Host::new("gpu-01", 1)?, Secrets::make()?, Secrets::make()?);
    let (certificate, key) = (secrets.path("server.pem"), secrets.path("server.key"));
    let tls = format!("tls {{ cert_file: '{}', key_file: '{}' }}", certificate.display(), key.display());
    let nats = NatsServer::start_with(&tls)?;
    let url = nats.url().replace("nats://", "tls://");
    let (trusted, foreign) = (secrets.path("ca.pem"), others.path("ca.pem"));
    let (lines, sound) = check(&host, &["--nats", &url, "--nats-ca", &trusted.to_string_lossy()]).await?;
    assert!(sound, "{lines:#?}");
    let (lines, sound) = check(&host, &["--nats", &url, "--nats-ca", &foreign.to_string_lossy()]).await?;
    let nats = lines.last().context("it says something")?;
    assert!(!sound && nats.starts_with("wrong nats: ") && nats.contains("invalid peer certificate: "), "{nats}");

    std::fs::remove_file(host.path("root/etc/passwd"))?;
    let (lines, sound) = check(&host, &["--nats", &url, "--nats-ca", &trusted.to_string_lossy()]).await?;
    assert!(sound && lines[3].starts_with("note  host: ") && lines[3].contains("no etc/passwd"), "{lines:#?}");
    Ok(())
}
