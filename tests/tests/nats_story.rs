//! The main job, end to end: an operator's commands become durable events, which a subscriber in another language gets
//! from JetStream once and in order, whatever is stopped and killed in between.
use agents::{
    Simulation,
    agent::{Pace, Surroundings},
    health::Policy,
    source::simulated::{Faults, Fleet, Size},
};
use anyhow::Context;
use bus::{
    bus::{Bus, Nats, NatsSettings},
    clock::{Clock, SystemClock, SystemEntropy},
    cloudevent,
};
use domain::ClusterId;
use futures::StreamExt;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tests::harness::{Client, LIMIT, NatsServer, Place, Script, Server};
use tokio::time::timeout;

/// Agents of two nodes with four GPUs each, of which nothing ever fails, reporting over NATS.
async fn fleet(url: &str) -> anyhow::Result<Simulation> {
    let clock = Arc::new(SystemClock);
    let size = Size { nodes: 2, gpus_per_node: 4 };
    let fleet = Fleet { size, seed: 7, began: clock.now(), faults: Faults::Never };
    let bus = Bus::Nats(Nats::connect(&NatsSettings::new(url, "agents of the test")).await?);
    let pace = Pace { look_every: Duration::from_millis(100), ..Pace::default() };
    Ok(Simulation::start(
        &fleet,
        &Policy::built_in(),
        &Surroundings { bus, clock, entropy: Arc::new(SystemEntropy) },
        pace,
    ))
}

/// A server that has begun to publish, and its source as its events have it.
async fn publishing(place: &Place, nats: &NatsServer) -> anyhow::Result<(Server, Client, String)> {
    let mut events = async_nats::connect(nats.url()).await?.subscribe("dkube.events.>").await?;
    let server = Server::start(place, &["--nats", &nats.url()]).await?;
    timeout(LIMIT, events.next()).await.context("nothing is published")?.context("the subscription ended")?;
    let client = Client::operator(&server).await?.with_token("test", "full").await?;
    let overview = client.get("/v1/overview").await?.done()?;
    let cluster = overview.body["cluster"]["id"].as_str().context("the overview names no cluster")?;
    let source = cloudevent::source(ClusterId(cluster.parse().context("the cluster's id")?));
    Ok((server, client, source))
}

/// Reads what the consumer prints up to the last of these events: each is there once, in order, of its type.
async fn gets(consumer: &mut Script, history: &[Value], read: &mut usize) -> anyhow::Result<()> {
    for event in &history[*read..] {
        let expected = format!("{} io.dkube.{}", event["position"], event["type"].as_str().unwrap_or_default());
        assert_eq!(consumer.line().await?, expected);
        *read += 1;
    }
    Ok(())
}

#[tokio::test]
async fn a_subscriber_gets_each_event_once_and_in_order() -> anyhow::Result<()> {
    let mut nats = NatsServer::start()?;
    let url = nats.url();
    let place = Place::new()?;
    let (server, client, source) = publishing(&place, &nats).await?;
    let mut consumer = Script::start("consume_events.py", &[&url, &source, "1000000"])?;
    assert_eq!(consumer.line().await?, "ready");
    let fleet = fleet(&url).await?;
    let devices = client.until("/v1/devices?free=true", |list| list["items"].as_array().is_some_and(|d| d.len() == 8));
    let model = devices.await?["items"][0]["model"].clone();

    let pool = client.post("/v1/pools", json!({"name": "vision", "model": model, "count": 4})).await?.done()?;
    assert_eq!(pool.status, 201);
    assert_eq!(pool.headers["location"], "/v1/pools/vision");
    let types: Vec<_> = pool.body["events"].as_array().context("events")?.iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["PoolCreated", "DeviceAssigned", "DeviceAssigned", "DeviceAssigned", "DeviceAssigned"]);
    client.post("/v1/users", json!({"logins": ["ada", "bob"], "group": null})).await?.done()?;
    let group = json!({"name": "seeing", "users": ["ada", "bob"], "pool": "vision"});
    client.post("/v1/groups", group).await?.done()?;
    let job = client.post("/v1/jobs", json!({"name": "train", "user": "ada", "devices": 2})).await?.done()?;
    let job = job.headers["location"].to_str()?.to_owned();
    let refused = client.delete("/v1/pools/vision").await?;
    refused.refused(409, "pool.busy");
    assert_eq!(refused.body["refs"], json!([job.replace("/v1/jobs/", "job/")]));
    let mut read = 0;
    gets(&mut consumer, &client.history(pool.position()?).await?, &mut read).await?;

    // NATS is away: commands go on, and so they do when the server is killed meanwhile, with all of it unpublished.
    nats.stop()?;
    client.delete(&format!("{job}?force=true")).await?.refused(400, "job.reason_needed");
    let finish = client.request(reqwest::Method::DELETE, &format!("{job}?force=true"));
    let finished = Client::send(finish.header("dkube-reason", "the story goes on")).await?.done()?;
    server.kill().await?;
    let server = Server::start(&place, &["--nats", &url]).await?;
    let client = client.at(&server);
    client.shows(finished.position()?).await?.done()?;
    let deleted = client.delete("/v1/pools/vision").await?.done()?;
    assert!(deleted.body["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty()), "{}", deleted.body);
    nats.start_again()?;
    gets(&mut consumer, &client.history(deleted.position()?).await?, &mut read).await?;

    // NATS is stopped with events on their way to it.
    for round in 0..3 {
        let mut last = 0;
        for nth in 0..40 {
            let group = json!({"name": format!("g{round}-{nth}"), "users": []});
            last = client.post("/v1/groups", group).await?.done()?.position()?;
        }
        nats.stop()?;
        nats.start_again()?;
        gets(&mut consumer, &client.history(last).await?, &mut read).await?;
    }
    fleet.stop().await;
    burst_and_kill(&place, server, &client, &url, &mut consumer, &mut read).await
}

/// Gives commands in a row and kills the server right behind the last answer, again and again.
async fn burst_and_kill(
    place: &Place,
    mut server: Server,
    client: &Client,
    url: &str,
    consumer: &mut Script,
    read: &mut usize,
) -> anyhow::Result<()> {
    for round in 0..3 {
        let here = client.at(&server);
        let mut last = 0;
        for nth in 0..25 {
            let group = json!({"name": format!("k{round}-{nth}"), "users": []});
            last = here.post("/v1/groups", group).await?.done()?.position()?;
        }
        server.kill().await?;
        server = Server::start(place, &["--nats", url]).await?;
        gets(consumer, &client.at(&server).history(last).await?, read).await?;
    }
    // That the history was read is an event as well.
    let here = client.at(&server);
    gets(consumer, &here.history(here.durable().await?).await?, read).await?;
    // Nothing more is in the stream than in the log.
    let context = async_nats::jetstream::new(async_nats::connect(url).await?);
    let last = context.get_stream("DKUBE_EVENTS").await?.get_info().await?.state.last_sequence;
    assert_eq!(last, u64::try_from(*read)?);
    assert!(server.stop().await?.success());
    let verified = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
    assert_eq!(verified["events"], json!(read));
    Ok(())
}

#[tokio::test]
async fn another_clusters_stream_is_left_alone_and_the_rest_goes_on() -> anyhow::Result<()> {
    let nats = NatsServer::start()?;
    let (theirs, ours) = (Place::new()?, Place::new()?);
    let (first, client, _) = publishing(&theirs, &nats).await?;
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await?);
    let published =
        async || anyhow::Ok(context.get_stream("DKUBE_EVENTS").await?.get_info().await?.state.last_sequence);
    let caught_up = async {
        loop {
            let position = client.durable().await?;
            if published().await? == position {
                return anyhow::Ok(position);
            }
            tokio::task::yield_now().await;
        }
    };
    let position = timeout(LIMIT, caught_up).await.context("not all is published")??;
    assert!(first.stop().await?.success());

    let server = Server::start(&ours, &["--nats", &nats.url()]).await?;
    let client = Client::operator(&server).await?;
    let readiness = async {
        loop {
            let reply = Client::nobody(&server)?.get("/readyz").await?;
            if reply.status == 503 {
                return anyhow::Ok(reply.body);
            }
            tokio::task::yield_now().await;
        }
    };
    let readiness = timeout(LIMIT, readiness).await.context("the server says that it is ready")??;
    let parts = readiness["parts"].as_array().context("parts")?;
    let troubled: Vec<_> = parts.iter().filter(|part| part["ok"] == false).map(|part| &part["part"]).collect();
    assert_eq!(troubled, ["relay"]);
    client.post("/v1/pools", json!({"name": "vision", "devices": []})).await?.done()?;
    assert_eq!(published().await?, position);
    assert!(server.stop().await?.success());
    assert!(ours.log().contains("the stream belongs to /dkube/"));
    Ok(())
}
