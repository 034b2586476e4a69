//! A person who is deleted and erased is found nowhere any more, and everything that was recorded of them still stands.
use anyhow::{Context, ensure};
use async_nats::jetstream::{
    self,
    consumer::{AckPolicy, DeliverPolicy, pull},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bus::relay::STREAM;
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path};
use tests::harness::{Client, LIMIT, NatsServer, Place, Reply, Server};
use tokio::time::timeout;

const LOGIN: &str = "ada.lovelace@planted.example";
const ADDRESS: &str = "203.0.113.177";
const CHOSEN: &str = "a password of her own";

/// Which words of hers stand here, in whatever case.
fn words(bytes: &[u8]) -> Vec<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    let holds = |text: &str| lower.windows(text.len()).any(|window| window == text.as_bytes());
    ["lovelace", "planted", ADDRESS].into_iter().filter(|word| holds(word)).collect()
}

/// A request of somebody at her address.
fn from_her(client: &Client, method: Method, path: &str) -> reqwest::RequestBuilder {
    client.request(method, path).header("x-forwarded-for", ADDRESS)
}

/// A command with a reason that names her.
async fn because(client: &Client, method: Method, path: &str, body: &Value) -> anyhow::Result<Reply> {
    let reason = format!("asked by {LOGIN}, who works on planted things");
    Client::send(client.request(method, path).header("dkube-reason", reason).json(body)).await
}

/// A command that is given again later.
async fn keyed(operator: &Client) -> anyhow::Result<Reply> {
    let body = json!({"name": "team", "users": [LOGIN], "pool": null});
    Client::send(operator.request(Method::POST, "/v1/groups").header("idempotency-key", "once").json(&body)).await
}

/// She comes, does what she may and what she may not, and goes: her id.
async fn life(server: &Server, operator: &Client) -> anyhow::Result<String> {
    let nobody = Client::nobody(server)?;
    let onboard = json!({"logins": [LOGIN], "group": null});
    let made = because(operator, Method::POST, "/v1/users", &onboard).await?.done()?;
    let id = made.body["events"][0]["data"]["user"].as_str().context("an id")?.to_owned();
    let code = made.body["invitations"][0]["code"].as_str().context("a code")?;
    let chosen = json!({"password": CHOSEN});
    Client::send(from_her(&nobody, Method::POST, &format!("/v1/invitations/{code}")).json(&chosen)).await?.done()?;
    let wrong = json!({"login": LOGIN, "password": "not her password"});
    ensure!(Client::send(from_her(&nobody, Method::POST, "/v1/session").json(&wrong)).await?.status == 401);
    keyed(operator).await?.done()?;

    let right = json!({"login": LOGIN, "password": CHOSEN});
    let session = Client::send(from_her(&nobody, Method::POST, "/v1/session").json(&right)).await?.done()?;
    let cookie = session.headers["set-cookie"].to_str()?.split(';').next().unwrap_or_default();
    let csrf = session.body["csrf_token"].as_str().context("a CSRF token")?;
    let hers =
        |method, path: &str| from_her(&nobody, method, path).header("cookie", cookie).header("x-csrf-token", csrf);
    let token = json!({"name": "one", "scope": "full", "expires_in_days": 1});
    Client::send(hers(Method::POST, "/v1/tokens").json(&token)).await?.done()?;
    let reason = format!("{LOGIN} needs it");
    let job = json!({"name": "train", "user": LOGIN, "devices": 9});
    let refused = Client::send(hers(Method::POST, "/v1/jobs").header("dkube-reason", reason).json(&job)).await?;
    ensure!(refused.status == 409, "{}", refused.body);
    ensure!(Client::send(hers(Method::GET, "/v1/audit")).await?.status == 403);

    let pool = json!({"name": "vision", "devices": []});
    because(operator, Method::POST, "/v1/pools", &pool).await?.done()?;
    ensure!(because(operator, Method::POST, "/v1/pools", &pool).await?.status == 409);
    let user = format!("/v1/users/{LOGIN}");
    because(operator, Method::PATCH, &user, &json!({"role": "auditor"})).await?.done()?;
    because(operator, Method::PATCH, &user, &json!({"suspended": true})).await?.done()?;
    because(operator, Method::DELETE, &user, &json!(null)).await?.done()?;
    Ok(id)
}

/// All that the audit trail and the event stream tell, up to this position.
async fn told(operator: &Client, last: u64) -> anyhow::Result<Vec<u8>> {
    let mut told = serde_json::to_vec(&operator.history(last).await?)?;
    for form in ["text/csv", "application/x-ndjson"] {
        let lines = operator.request(Method::GET, "/v1/audit").header("accept", form).send().await?;
        told.extend(lines.error_for_status()?.bytes().await?);
    }
    for position in 1..=last {
        let one = operator.get(&format!("/v1/audit/{position}")).await?.done()?;
        told.extend(one.body.to_string().as_bytes());
    }
    let mut events = operator.request(Method::GET, "/v1/events?after=0").send().await?.error_for_status()?;
    let (mut stream, end) = (vec![], format!("id: {last}\n"));
    while !String::from_utf8_lossy(&stream).contains(&end) {
        stream.extend(timeout(LIMIT, events.chunk()).await??.context("the stream ended")?);
    }
    told.extend(stream);
    Ok(told)
}

/// Every read model as it was after each event, and as it is.
async fn views(operator: &Client, last: u64) -> anyhow::Result<Vec<u8>> {
    let paths = ["users", "groups", "pools", "jobs", "devices", "overview", "alerts", "tokens", "auth/backend"];
    let mut seen = vec![];
    for path in paths {
        for position in 1..=last {
            let view = operator.get(&format!("/v1/{path}?as_of={position}")).await?.done()?;
            seen.extend(view.body.to_string().as_bytes());
        }
        seen.extend(operator.get(&format!("/v1/{path}")).await?.done()?.body.to_string().as_bytes());
    }
    for path in ["/v1/sessions", "/v1/directory", "/metrics"] {
        seen.extend(operator.request(Method::GET, path).send().await?.error_for_status()?.bytes().await?);
    }
    Ok(seen)
}

/// The whole of the copy in JetStream: subjects, headers and bodies.
async fn copied(url: &str, last: u64) -> anyhow::Result<Vec<u8>> {
    let context = jetstream::new(async_nats::connect(url).await?);
    let stream = context.get_stream(STREAM).await?;
    let all =
        pull::Config { ack_policy: AckPolicy::None, deliver_policy: DeliverPolicy::All, ..pull::Config::default() };
    let mut messages = stream.create_consumer(all).await?.messages().await?;
    let mut copied = vec![];
    loop {
        let message = timeout(LIMIT, messages.next()).await?.context("the consumer ended")??;
        copied.extend(message.subject.as_bytes());
        copied.extend(format!("{:?}", message.headers).as_bytes());
        copied.extend(&message.payload);
        let at = message.info().map_err(|error| anyhow::anyhow!(error))?.stream_sequence;
        if at >= last {
            return Ok(copied);
        }
    }
}

/// Nothing of hers is in the files, nor in what they hold compressed, where nothing that is sealed is opened: the events as they are
/// stored, by position.
async fn files(place: &Place) -> anyhow::Result<BTreeMap<u64, Vec<u8>>> {
    for file in place.files()?.keys() {
        let bytes = fs::read(place.data().join(file))?;
        assert_eq!(words(&bytes), Vec::<&str>::new(), "in {}", file.display());
    }
    let export = place.dkube(&["log", "export"]).await?.done()?;
    let mut stored = BTreeMap::new();
    for line in export.lines() {
        let line: Value = serde_json::from_str(line)?;
        let Some(bytes) = line["bytes"].as_str() else { continue };
        let bytes = BASE64_STANDARD.decode(bytes)?;
        assert_eq!(words(&bytes), Vec::<&str>::new(), "in {line}");
        assert!(!bytes.windows(4).any(|window| window == [203, 0, 113, 177]), "her address in {line}");
        if let Some(position) = line["event"].as_u64() {
            stored.insert(position, bytes);
        }
    }
    Ok(stored)
}

fn is_snapshot(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snapshot."))
}

#[tokio::test]
async fn who_is_erased_is_found_nowhere_and_the_log_is_as_it_was() -> anyhow::Result<()> {
    let nats = NatsServer::start()?;
    let place = Place::new()?;
    let url = nats.url();
    let flags = ["--nats", &*url, "--trusted-proxies", "127.0.0.1"];
    let server = Server::start(&place, &flags).await?;
    let operator = Client::operator(&server).await?.with_token("scan", "full").await?;
    let id = life(&server, &operator).await?;
    let last = operator.durable().await?;
    // What is looked for is there to be found, until she is erased.
    assert_eq!(words(&told(&operator, last).await?), ["lovelace", "planted", ADDRESS]);
    assert_eq!(words(&views(&operator, last).await?), ["lovelace", "planted"]);
    assert!(server.stop().await?.success());
    let before = files(&place).await?;
    assert!(before.len() >= usize::try_from(last)?);

    let server = Server::start(&place, &flags).await?;
    let operator = operator.at(&server);
    views(&operator, last).await?;
    let password = place.text("password");
    let login = ["login", "--login", "operator", "--password-file", &*password, "--server", server.url()];
    place.dkube(&login).await?.done()?;
    let erase = ["user", "erase", &*id, "--reason", "as she wished", "--server", server.url()];
    place.dkube(&erase).await?.done()?;
    let gone = async |operator: &Client| {
        let last = operator.durable().await?;
        let told = told(operator, last).await?;
        for stays in [&b"erased-"[..], b"as she wished"] {
            assert!(
                told.windows(stays.len()).any(|window| window == stays),
                "what stays of her, and why she was erased"
            );
        }
        assert_eq!(words(&told), Vec::<&str>::new(), "in the audit trail or the events");
        assert_eq!(words(&views(operator, last).await?), Vec::<&str>::new(), "in a view");
        let again = keyed(operator).await?.done()?;
        assert_eq!(words(again.body.to_string().as_bytes()), Vec::<&str>::new(), "in an answer that is kept");
        anyhow::Ok(last)
    };
    gone(&operator).await?;
    assert!(server.stop().await?.success());
    let after = files(&place).await?;
    assert!(before.iter().all(|(position, bytes)| after.get(position) == Some(bytes)), "an event has changed");
    let verified = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
    assert_eq!(verified["events"], after.len(), "{verified}");

    // From snapshots, and without them.
    let server = Server::start(&place, &flags).await?;
    gone(&operator.at(&server)).await?;
    assert!(server.stop().await?.success());
    let snapshots: Vec<_> = place.files()?.into_keys().filter(|file| is_snapshot(file)).collect();
    assert!(!snapshots.is_empty());
    snapshots.into_iter().try_for_each(fs::remove_file)?;
    let server = Server::start(&place, &flags).await?;
    let last = gone(&operator.at(&server)).await?;
    assert_eq!(words(&copied(&nats.url(), last).await?), Vec::<&str>::new(), "in the copy in JetStream");
    Ok(())
}
