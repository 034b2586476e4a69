//! Silent nodes: lost when they are silent, never because the server or its bus was away; and what else time brings.
use agents::{
    Simulation,
    agent::{Pace, Surroundings},
    health::Policy,
    source::simulated::{Faults, Fleet, Size},
};
use bus::{
    bus::{Bus, Nats, NatsSettings},
    clock::{Clock, SystemClock, SystemEntropy},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::harness::{Client, NatsServer, Place, Server};

/// How long a node may be silent in these tests: longer than a client may need to find a NATS server that is back (5 seconds).
const LEASE: Duration = Duration::from_secs(12);

const FLAGS: [&str; 2] = ["--node-lease", "12s"];

/// Agents of three healthy nodes, which are heard several times within a lease.
async fn fleet(url: &str) -> anyhow::Result<Simulation> {
    let clock = Arc::new(SystemClock);
    let size = Size { nodes: 3, gpus_per_node: 2 };
    let fleet = Fleet { size, seed: 7, began: clock.now(), faults: Faults::Never };
    let bus = Bus::Nats(Nats::connect(&NatsSettings::new(url, "agents of the test")).await?);
    let pace = Pace { look_every: Duration::from_millis(200), frame_every: LEASE / 6, ..Pace::default() };
    Ok(Simulation::start(
        &fleet,
        &Policy::built_in(),
        &Surroundings { bus, clock, entropy: Arc::new(SystemEntropy) },
        pace,
    ))
}

fn contacts(list: &Value) -> Vec<&str> {
    let nodes = list["items"].as_array().into_iter().flatten();
    nodes.filter_map(|node| node["contact"].as_str()).collect()
}

async fn reporting(client: &Client) -> anyhow::Result<Value> {
    client.until("/v1/nodes", |list| contacts(list) == ["reporting"; 3]).await
}

#[tokio::test]
async fn a_node_that_falls_silent_is_lost_until_it_speaks_again() -> anyhow::Result<()> {
    let nats = NatsServer::start()?;
    let place = Place::new()?;
    let server = Server::start(&place, &[&FLAGS[..], &["--nats", &nats.url()]].concat()).await?;
    let client = Client::operator(&server).await?;
    let agents = fleet(&nats.url()).await?;
    reporting(&client).await?;
    agents.stop().await;
    client.until("/v1/nodes", |list| contacts(list) == ["lost"; 3]).await?;
    let devices = client.get("/v1/devices").await?.done()?;
    let health = |device: &Value| device["health"] == "unknown";
    assert!(devices.body["items"].as_array().is_some_and(|devices| devices.iter().all(health)), "{}", devices.body);
    let alerts = client.get("/v1/alerts").await?.done()?;
    assert_eq!(alerts.body["items"][0]["code"], "node.lost");
    let agents = fleet(&nats.url()).await?;
    reporting(&client).await?;
    agents.stop().await;
    assert!(server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn an_outage_of_the_bus_or_of_the_server_is_none_of_the_fleet() -> anyhow::Result<()> {
    let mut nats = NatsServer::start()?;
    let place = Place::new()?;
    let url = nats.url();
    let flags = [&FLAGS[..], &["--nats", &url]].concat();
    let server = Server::start(&place, &flags).await?;
    let client = Client::operator(&server).await?.with_token("test", "full").await?;
    let agents = fleet(&nats.url()).await?;
    reporting(&client).await?;
    nats.stop()?;
    // The outage itself: longer than any lease.
    client.until("/v1/overview", |overview| overview["lag"]["unheard_since"].is_string()).await?;
    let alerts = client.get("/v1/alerts").await?.done()?;
    assert_eq!(alerts.body["items"][0]["code"], "server.bus");
    tokio::time::sleep(LEASE).await;
    server.kill().await?;
    let server = Server::start(&place, &flags).await?;
    let client = client.at(&server);
    tokio::time::sleep(2 * LEASE).await;
    nats.start_again()?;
    // And long enough afterwards for a node to be found silent.
    tokio::time::sleep(2 * LEASE).await;
    reporting(&client).await?;
    client.until("/v1/overview", |overview| overview["lag"]["unheard_since"].is_null()).await?;
    let lost = client.get("/v1/audit?type=NodeLost").await?.done()?;
    assert_eq!(lost.body["events"], json!([]));
    agents.stop().await;
    client.until("/v1/nodes", |list| contacts(list) == ["lost"; 3]).await?;
    assert!(server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn an_override_ends_by_itself() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start(&place, &[&FLAGS[..], &["--simulate", "1x1"]].concat()).await?;
    let client = Client::operator(&server).await?;
    let there = client.until("/v1/devices", |list| list["items"].as_array().is_some_and(|devices| devices.len() == 1));
    let path = format!("/v1/devices/{}", there.await?["items"][0]["uuid"].as_str().unwrap_or_default());
    let until = SystemClock.now().plus_seconds(10);
    let wish = json!({"override": {"condition": "gpu.lost", "until": until}});
    client.patch(&path, wish).await?.done()?;
    let ended = |list: &Value| list["events"].as_array().is_some_and(|events| events.len() == 1);
    let ended = client.until("/v1/audit?type=DeviceOverrideEnded", ended).await?;
    assert_eq!(ended["events"][0]["actor"], "system");
    assert!(server.stop().await?.success());
    Ok(())
}
