//! The real binary killed under load, again and again: whatever was answered is there, and a repeat gets the answer
//! that the first one got, or would have got.
use anyhow::{Context, ensure};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tests::harness::{Client, LIMIT, Place, Reply, Server};
use tokio::{sync::watch, task::JoinSet, time::timeout};

const ROUNDS: usize = 5;
const CALLERS: usize = 8;
/// How many answers there must be in a round before the server is killed.
const ANSWERS: usize = 60;

/// A command with its idempotency key, and what was answered, if anything was.
#[derive(Debug, Clone)]
struct Given {
    key: String,
    path: &'static str,
    body: Value,
    answer: Option<Value>,
}

impl Given {
    /// The command number `nth` of this caller: each makes something of a name of its own.
    fn new(round: usize, caller: usize, nth: usize) -> Self {
        let name = format!("r{round}-c{caller}-n{nth}");
        let (path, body) = match nth % 4 {
            0 => ("/v1/groups", json!({"name": name, "users": []})),
            1 => ("/v1/pools", json!({"name": name, "devices": []})),
            2 => ("/v1/users", json!({"logins": [name], "group": null})),
            // Refused, and kept as well.
            _ => ("/v1/groups", json!({"name": "default", "users": []})),
        };
        Self { key: name, path, body, answer: None }
    }

    async fn give(&self, client: &Client) -> anyhow::Result<Reply> {
        let request = client.request(reqwest::Method::POST, self.path).json(&self.body);
        Client::send(request.header("idempotency-key", &self.key)).await
    }

    fn is_refused(&self) -> bool {
        self.body["name"] == "default"
    }

    /// Checks an answer to it, which must be the first one's, if there was one.
    fn check(&self, reply: &Reply) -> anyhow::Result<()> {
        if self.is_refused() {
            reply.refused(409, "name.taken");
        } else {
            ensure!(reply.status == 201, "{self:?} is answered: {reply:?}");
            assert!(reply.body["events"].as_array().is_some_and(|events| !events.is_empty()));
        }
        if let Some(first) = &self.answer {
            assert_eq!(without_secrets(first), without_secrets(&reply.body), "{}", self.key);
            let mut codes = reply.body["invitations"].as_array().into_iter().flatten().map(|one| &one["code"]);
            ensure!(codes.all(Value::is_null), "a code is told twice: {}", reply.body);
        }
        Ok(())
    }
}

/// An answer without what only the first one holds: a secret, or that it is left out.
fn without_secrets(answer: &Value) -> Value {
    let mut answer = answer.clone();
    if let Some(fields) = answer.as_object_mut() {
        fields.remove("secret_withheld");
    }
    for invitation in answer["invitations"].as_array_mut().into_iter().flatten() {
        invitation["code"] = Value::Null;
    }
    answer
}

/// Gives one command after the other until the server is gone. The last one has no answer.
async fn load(client: Client, round: usize, caller: usize, answers: Arc<watch::Sender<usize>>) -> Vec<Given> {
    let mut all = vec![];
    for nth in 0.. {
        let mut given = Given::new(round, caller, nth);
        let Ok(reply) = given.give(&client).await else {
            all.push(given);
            break;
        };
        given.check(&reply).expect("a server that lives answers as it should");
        given.answer = Some(reply.body);
        all.push(given);
        answers.send_modify(|answers| *answers += 1);
    }
    all
}

#[tokio::test]
async fn killed_under_load_it_keeps_what_it_answered() -> anyhow::Result<()> {
    let place = Place::new()?;
    let mut server = Server::start(&place, &[]).await?;
    let client = Client::operator(&server).await?.with_token("test", "full").await?;
    let mut everything: Vec<Given> = vec![];
    for round in 0..ROUNDS {
        let answers = Arc::new(watch::Sender::new(0));
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            callers.spawn(load(client.at(&server), round, caller, Arc::clone(&answers)));
        }
        let mut answered = answers.subscribe();
        timeout(LIMIT, answered.wait_for(|answers| *answers >= ANSWERS)).await.context("no answers come")??;
        server.kill().await?;
        let mut given: Vec<Given> = callers.join_all().await.into_iter().flatten().collect();
        server = Server::start(&place, &[]).await?;
        settle(&client.at(&server), &mut given).await?;
        everything.append(&mut given);
        compare(&client.at(&server), &everything).await?;
    }
    assert!(server.stop().await?.success());
    let verified = place.dkube(&["log", "verify", "-o", "json"]).await?.json()?;
    assert_eq!(verified["sound"], true);
    Ok(())
}

/// Repeats every command of a round: what was answered gets the same answer, what was not is settled.
async fn settle(client: &Client, given: &mut [Given]) -> anyhow::Result<()> {
    for one in given {
        let reply = one.give(client).await?;
        one.check(&reply)?;
        one.answer = Some(reply.body);
    }
    Ok(())
}

/// Compares the audit trail with what was answered: every event of every answer is there, and nothing happened twice.
async fn compare(client: &Client, everything: &[Given]) -> anyhow::Result<()> {
    let answers = everything.iter().filter_map(|given| given.answer.as_ref());
    let last = answers.filter_map(|answer| answer["position"].as_u64()).max().context("nothing was answered")?;
    let history = client.history(last).await?;
    let positions: Vec<u64> = history.iter().filter_map(|event| event["position"].as_u64()).collect();
    assert_eq!(positions, (1..=u64::try_from(history.len())?).collect::<Vec<_>>());
    let times: Vec<_> = history.iter().map(|event| event["time"].as_str()).collect();
    assert!(times.is_sorted(), "time goes back");
    let by_position: BTreeMap<u64, &Value> = positions.into_iter().zip(&history).collect();
    for event in everything.iter().filter_map(|given| given.answer.as_ref()?["events"].as_array()).flatten() {
        let kept = by_position[&event["position"].as_u64().context("a position")?];
        for field in ["id", "type", "subject", "time", "actor", "data"] {
            assert_eq!(kept[field], event[field]);
        }
    }
    let made = history.iter().filter(|event| {
        matches!(event["type"].as_str(), Some("GroupCreated" | "PoolCreated" | "UserOnboarded"))
            && event["subject"].as_str().is_some_and(|subject| subject.contains("/r"))
    });
    let made: Vec<_> = made.filter_map(|event| event["subject"].as_str()).collect();
    let once: BTreeSet<_> = made.iter().collect();
    let wanted = everything.iter().filter(|given| !given.is_refused()).count();
    assert_eq!((made.len(), once.len()), (wanted, wanted), "something was made twice, or not at all");
    Ok(())
}
