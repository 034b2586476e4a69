//! The past: whatever a list showed, it shows again when it is asked for as of that position, or that time, also after a
//! restart. The seed is printed; `DKUBE_TEST_SEED` gives another one.
use anyhow::Context;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tests::harness::{Client, Place, Server, recorded_only};

const LISTS: [&str; 6] = ["/v1/pools", "/v1/groups", "/v1/users", "/v1/devices", "/v1/nodes", "/v1/jobs"];
/// How many commands are accepted in a history, and how many are given at most until so many are.
const ACCEPTED: usize = 50;
const GIVEN_MAX: usize = 5000;

/// Gives random commands, of which many are refused.
struct Dice {
    random: StdRng,
    client: Client,
}

impl Dice {
    fn name(&mut self, sort: &str) -> String {
        format!("{sort}{}", self.random.random_range(0..5))
    }

    async fn some(&mut self, path: &str, field: &str) -> anyhow::Result<Value> {
        let items = self.client.all(path, None).await?;
        Ok(items.choose(&mut self.random).map_or(Value::Null, |item| item[field].clone()))
    }

    /// Gives one command. Whether it recorded anything is for the rules to say.
    async fn throw(&mut self) -> anyhow::Result<bool> {
        let (pool, group, user) = (self.name("pool"), self.name("group"), self.name("user"));
        let client = self.client.clone();
        let reply = match self.random.random_range(0..13) {
            0 => client.post("/v1/pools", json!({"name": pool, "devices": []})).await?,
            1 => {
                let model = self.some("/v1/devices", "model").await?;
                let count = self.random.random_range(1..3);
                client.post("/v1/pools", json!({"name": pool, "model": model, "count": count})).await?
            }
            2 => {
                let device = self.some("/v1/devices?pool=default", "id").await?;
                client.patch(&format!("/v1/pools/{pool}/devices"), json!({"add": [device]})).await?
            }
            3 => client.delete(&format!("/v1/pools/{pool}")).await?,
            4 => client.post("/v1/users", json!({"logins": [user], "group": null})).await?,
            5 => client.patch(&format!("/v1/users/{user}"), json!({"group": group})).await?,
            6 => client.post("/v1/groups", json!({"name": group, "users": [user], "pool": pool})).await?,
            7 => client.patch(&format!("/v1/groups/{group}"), json!({"pool": pool})).await?,
            8 => client.delete(&format!("/v1/users/{user}")).await?,
            9 | 10 => client.post("/v1/jobs", json!({"name": "work", "user": user, "devices": 1})).await?,
            11 => {
                let job = self.some("/v1/jobs", "id").await?;
                let path = format!("/v1/jobs/{}?force=true", job.as_str().unwrap_or_default());
                let finish = client.request(reqwest::Method::DELETE, &path).header("dkube-reason", "its time is over");
                Client::send(finish).await?
            }
            _ => {
                let device = self.some("/v1/devices", "id").await?;
                let cordoned = self.random.random_bool(0.5);
                let path = format!("/v1/devices/{}", device.as_str().unwrap_or_default());
                client.patch(&path, json!({"cordoned": cordoned})).await?
            }
        };
        assert!(matches!(reply.status, 200 | 201 | 400 | 404 | 409), "{}: {}", reply.status, reply.body);
        let recorded = reply.body["events"].as_array().is_some_and(|events| !events.is_empty());
        if recorded {
            // The lists that follow show it.
            client.shows(reply.position()?).await?.done()?;
        }
        Ok(recorded)
    }
}

/// What every list shows at each position at which it was looked at.
type Seen = BTreeMap<(u64, &'static str), Value>;

async fn look(client: &Client, seen: &mut Seen) -> anyhow::Result<()> {
    for path in LISTS {
        let reply = client.get(&format!("{path}?limit=1000")).await?.done()?;
        seen.insert((reply.position()?, path), timeless(reply.body));
    }
    Ok(())
}

/// The list without what is measured.
fn timeless(mut list: Value) -> Value {
    if let Some(items) = list["items"].as_array_mut() {
        *items = recorded_only(std::mem::take(items));
    }
    list
}

/// Compares every list of the past with what was seen.
async fn compare(client: &Client, seen: &Seen) -> anyhow::Result<()> {
    for ((position, path), body) in seen {
        let then = client.get(&format!("{path}?limit=1000&as_of={position}")).await?.done()?;
        assert_eq!(then.position()?, *position);
        assert_eq!(&timeless(then.body), body, "{path} as of {position}");
    }
    Ok(())
}

#[tokio::test]
async fn every_list_shows_again_what_it_showed_then() -> anyhow::Result<()> {
    let seed = std::env::var("DKUBE_TEST_SEED").ok().map_or(Ok(41), |seed| seed.parse())?;
    println!("seed {seed}");
    let place = Place::new()?;
    let server = Server::start(&place, &["--simulate", "2x4"]).await?;
    let client = Client::operator(&server).await?.with_token("test", "full").await?;
    client.until("/v1/devices", |list| list["items"].as_array().is_some_and(|devices| devices.len() == 8)).await?;
    let mut thrower = Dice { random: StdRng::seed_from_u64(seed), client: client.clone() };
    let mut shown = Seen::new();
    look(&client, &mut shown).await?;
    // A job that began and ended, whatever the dice give.
    let started = client.post("/v1/jobs", json!({"name": "first", "user": "operator", "devices": 2})).await?.done()?;
    client.shows(started.position()?).await?.done()?;
    look(&client, &mut shown).await?;
    let job = started.headers.get("location").context("a job has a place")?.to_str()?.to_owned();
    let finished = client.delete(&job).await?.done()?;
    assert_eq!(finished.body["events"][0]["type"], "JobFinished");
    client.shows(finished.position()?).await?.done()?;
    look(&client, &mut shown).await?;
    let (mut given, mut accepted) = (0, 0);
    while accepted < ACCEPTED {
        given += 1;
        assert!(given < GIVEN_MAX, "of {given} commands, {accepted} were accepted");
        if thrower.throw().await? {
            accepted += 1;
            look(&client, &mut shown).await?;
        }
    }
    let last = shown.keys().map(|(position, _)| position).max().context("nothing was seen")?;
    compare(&client, &shown).await?;

    // By time: the moment of an event, and the moment before the next one.
    let history = client.history(*last).await?;
    for event in history.iter().rev().take(12) {
        let (time, position) = (event["time"].as_str().context("a time")?, event["position"].as_u64());
        let at = client.get(&format!("/v1/pools?limit=1000&as_of={time}")).await?.done()?;
        let same_moment = history.iter().filter(|other| other["time"] == event["time"]);
        let latest = same_moment.filter_map(|other| other["position"].as_u64()).max();
        assert_eq!(Some(at.position()?), latest, "as of {time}, which is position {position:?}");
    }
    // Every position has a past, also those within a command.
    for position in 0..=*last {
        let then = client.get(&format!("/v1/overview?as_of={position}")).await?.done()?;
        assert_eq!(then.position()?, position);
    }

    // Stopped and started anew: from a snapshot and the log behind it; and killed: from the log alone.
    assert!(server.stop().await?.success());
    let server = Server::start(&place, &["--simulate", "2x4"]).await?;
    compare(&client.at(&server), &shown).await?;
    server.kill().await?;
    for (file, _) in place.files()? {
        if file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("snapshot.")) {
            std::fs::remove_file(file)?;
        }
    }
    let server = Server::start(&place, &["--simulate", "2x4"]).await?;
    compare(&client.at(&server), &shown).await?;
    assert!(server.stop().await?.success());
    Ok(())
}
