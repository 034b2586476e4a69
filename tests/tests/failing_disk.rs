//! The real binary on a disk that fails: a sync that fails, a disk that is full, and too little room on it.
use anyhow::Context;
use futures::future::join_all;
use serde_json::{Value, json};
use tests::harness::{Client, Place, Reply, Server};

async fn pool(client: &Client, name: &str) -> anyhow::Result<Reply> {
    let request = client.request(reqwest::Method::POST, "/v1/pools").header("idempotency-key", name);
    Client::send(request.json(&json!({"name": name, "devices": []}))).await
}

/// The names of all pools but the default one.
async fn pools(client: &Client) -> anyhow::Result<Vec<String>> {
    let pools = client.all("/v1/pools", None).await?;
    let names = pools.iter().filter_map(|pool| pool["name"].as_str().map(str::to_owned));
    Ok(names.filter(|name| name != "default").collect())
}

/// Names that the parts of the server have which say that they do not work.
fn troubled(readiness: &Value) -> Vec<&str> {
    let parts = readiness["parts"].as_array().map_or(&[][..], Vec::as_slice);
    parts.iter().filter(|part| part["ok"] == false).filter_map(|part| part["part"].as_str()).collect()
}

#[tokio::test]
async fn after_a_failed_sync_it_stops_and_a_restart_shows_what_the_disk_has() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start_on_failing_disk(&place, &[]).await?;
    let client = Client::operator(&server).await?.with_token("test", "full").await?;
    pool(&client, "before").await?.done()?;
    place.fail_disk("sync")?;
    let names: Vec<String> = (0..8).map(|nth| format!("doubtful-{nth}")).collect();
    let replies = join_all(names.iter().map(|name| pool(&client, name))).await;
    let mut unknown = 0;
    for reply in replies {
        // A connection may also be closed, or refused, by a server that is on its way out.
        let Ok(reply) = reply else { continue };
        assert_eq!(reply.status, 503, "{}", reply.body);
        match reply.code() {
            "outcome.unknown" => unknown += 1,
            code => assert!(["server.read_only", "server.stopping"].contains(&code), "{}", reply.body),
        }
        assert!(reply.headers.contains_key("retry-after"));
    }
    assert!(unknown > 0, "nobody was told that the outcome is unknown");
    let status = server.ended().await?;
    assert_eq!(status.code(), Some(1));
    assert!(place.log().contains("sync"), "the log does not say what failed");

    place.mend_disk()?;
    let server = Server::start(&place, &[]).await?;
    let client = client.at(&server);
    let found = pools(&client).await?;
    assert!(found.contains(&"before".to_owned()), "{found:?}");
    for name in &names {
        let kept = found.contains(name);
        let settled = pool(&client, name).await?.done()?;
        assert_eq!(settled.status, 201, "{}", settled.body);
        let history = client.history(settled.position()?).await?;
        let subject = format!("pool/{name}");
        let made = history.iter().filter(|event| event["subject"] == *subject).count();
        assert_eq!(made, 1, "{name}, which was kept: {kept}");
    }
    assert!(server.stop().await?.success());
    assert_eq!(place.dkube(&["log", "verify", "-o", "json"]).await?.json()?["sound"], true);
    Ok(())
}

#[tokio::test]
async fn on_a_full_disk_it_takes_nothing_and_reads_go_on() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start_on_failing_disk(&place, &[]).await?;
    let client = Client::operator(&server).await?.with_token("test", "full").await?;
    pool(&client, "before").await?.done()?;
    place.fail_disk("full")?;
    pool(&client, "doubtful").await?.refused(503, "outcome.unknown");
    let refused = pool(&client, "after").await?;
    refused.refused(503, "server.read_only");
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(pools(&client).await?, ["before"]);
    assert_eq!(client.get("/livez").await?.status, 200);
    let readiness = client.get("/readyz").await?;
    assert_eq!(readiness.status, 503);
    assert!(troubled(&readiness.body).contains(&"log"), "{}", readiness.body);
    let past = client.all("/v1/pools", Some(1)).await?;
    assert_eq!(past.len(), 0, "{past:?}");
    let history = client.all("/v1/audit?order=asc", None).await?;
    assert!(history.last().is_some_and(|event| event["subject"] == "pool/before"), "{history:?}");
    assert!(place.log().contains("full"), "the log does not say that the disk is full");
    place.mend_disk()?;
    // What was refused may fit now: a restart finds out.
    assert_eq!(server.stop().await?.code(), Some(1));
    let server = Server::start(&place, &[]).await?;
    let client = client.at(&server);
    pool(&client, "doubtful").await?.done()?;
    let last = pool(&client, "after").await?.done()?.position()?;
    client.shows(last).await?.done()?;
    let mut found = pools(&client).await?;
    found.sort();
    assert_eq!(found, ["after", "before", "doubtful"]);
    assert!(server.stop().await?.success());
    assert_eq!(place.dkube(&["log", "verify", "-o", "json"]).await?.json()?["sound"], true);
    Ok(())
}

#[tokio::test]
async fn below_the_floor_of_free_space_it_takes_nothing_and_reads_go_on() -> anyhow::Result<()> {
    let place = Place::new()?;
    let server = Server::start(&place, &[]).await?;
    let client = Client::operator(&server).await?.with_token("test", "full").await?;
    pool(&client, "before").await?.done()?;
    assert!(server.stop().await?.success());
    let server = Server::start(&place, &["--free-space-floor", "1000000TiB"]).await?;
    let client = client.at(&server);
    let refused = pool(&client, "after").await?;
    refused.refused(503, "server.read_only");
    assert!(refused.headers.contains_key("retry-after"));
    let planned = client.post("/v1/pools?dry_run=true", json!({"name": "after", "devices": []})).await?.done()?;
    assert_eq!(planned.body["dry_run"], true);
    // Signing in records nothing, so people can still look.
    assert_eq!(pools(&Client::operator(&server).await?).await?, ["before"]);
    assert!(place.log().contains("bytes are free on the disk"), "the log does not say why");
    // It is not broken: it stops as it should, and takes commands where there is room.
    assert!(server.stop().await?.success());
    let server = Server::start(&place, &[]).await?;
    pool(&client.at(&server), "after").await?.done()?;
    assert!(server.stop().await?.success());

    // Where there is no room from the start, no cluster is founded by halves.
    let empty = Place::new()?;
    let refused = empty.dkube(&["serve", "--listen", "127.0.0.1:0", "--free-space-floor", "1000000TiB"]).await?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("bytes are free on the disk"), "{}", refused.err);
    let server = Server::start(&empty, &[]).await.context("the founding goes on where there is room")?;
    assert!(server.stop().await?.success());
    Ok(())
}
