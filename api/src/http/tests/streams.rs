//! Events as they happen.
use crate::http::{
    HttpSettings,
    testing::{CHEAP, Call, Fixture},
};
use axum::{body::BodyDataStream, response::Response};
use domain::{
    Command, Login, TokenId, pool,
    token::{self, Scope},
    user,
};
use futures::StreamExt as _;
use serde_json::{Value, json};
use std::{sync::atomic::Ordering, time::Duration};

const LIMIT: Duration = Duration::from_secs(20);

struct Reader {
    chunks: BodyDataStream,
    text: String,
}

/// An event as a browser would see it: its id, and its data if it has any.
type Seen = (u64, Option<Value>);

impl Reader {
    fn new(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { chunks: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event; none when the stream is over.
    async fn next(&mut self) -> Option<Seen> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name).map(|v| v.trim().to_owned()));
                let seen = (
                    field("id:").unwrap().parse().unwrap(),
                    field("data:").map(|json| serde_json::from_str(&json).unwrap()),
                );
                self.text = rest.to_owned();
                return Some(seen);
            }
            let chunk = tokio::time::timeout(LIMIT, self.chunks.next()).await.expect("an event or an end in time")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
        }
    }

    async fn ids(&mut self, count: usize) -> Vec<u64> {
        let mut ids = vec![];
        while ids.len() < count {
            ids.push(self.next().await.expect("the stream goes on").0);
        }
        ids
    }
}

/// The operator's token, with which the audit trail was read: that it is read again is not recorded.
async fn reader(fixture: &Fixture) -> String {
    let token = fixture.operator().await;
    fixture.done(&token, Call::get("/v1/audit")).await;
    token
}

#[tokio::test]
async fn events_come_in_order_without_gap_and_go_on_live() {
    let fixture = Fixture::new().await;
    let token = reader(&fixture).await;
    let known = fixture.live.position().0;
    let mut reader = Reader::new(Call::get("/v1/events?after=0").token(&token).begin(&fixture.router).await);
    assert_eq!(reader.ids(usize::try_from(known).unwrap()).await, (1..=known).collect::<Vec<_>>());
    fixture.done(&token, Call::post("/v1/pools", &json!({"name": "vision", "devices": []}))).await;
    let (id, data) = reader.next().await.unwrap();
    let event = data.unwrap();
    assert_eq!(id, known + 1);
    assert_eq!((&event["specversion"], &event["type"]), (&json!("1.0"), &json!("io.dkube.PoolCreated")));
    assert_eq!(event["dkubeposition"], id.to_string());
    assert_eq!(event["subject"], "pool/vision");
    assert_eq!(event["source"], format!("/dkube/{}", fixture.app.parts.cluster));
    assert_eq!(event["data"]["name"], "vision");
}

#[tokio::test]
async fn a_stream_is_resumed_by_the_last_id() {
    let fixture = Fixture::new().await;
    let token = reader(&fixture).await;
    let known = fixture.live.position().0;
    let call = Call::get("/v1/events?after=0").token(&token).with("last-event-id", (known - 2).to_string());
    let mut reader = Reader::new(call.begin(&fixture.router).await);
    assert_eq!(reader.ids(2).await, [known - 1, known]);
    let mut live = Reader::new(Call::get("/v1/events").token(&token).begin(&fixture.router).await);
    fixture.done(&token, Call::post("/v1/pools", &json!({"name": "vision", "devices": []}))).await;
    assert_eq!(live.ids(1).await, [known + 1], "without a place, what is still to come");
    let call = Call::get(format!("/v1/events?after={}", known + 99)).token(&token);
    call.send(&fixture.router).await.problem("as_of.future");
}

#[tokio::test]
async fn a_filter_leaves_out_and_the_heartbeat_moves_the_place_on() {
    let heartbeat = Duration::from_millis(20);
    let fixture = Fixture::with(HttpSettings { heartbeat, password_cost: CHEAP, ..HttpSettings::default() }).await;
    let token = reader(&fixture).await;
    let known = fixture.live.position().0;
    let path = "/v1/events?after=0&types=PoolCreated";
    let mut reader = Reader::new(Call::get(path).token(&token).begin(&fixture.router).await);
    let (id, data) = reader.next().await.unwrap();
    assert!(id < known && data.unwrap()["type"] == "io.dkube.PoolCreated");
    let (id, data) = reader.next().await.unwrap();
    assert_eq!((id, data), (known, None), "a sign of life without data, at the place that was read to");
}

#[tokio::test]
async fn a_stream_ends_with_the_sign_in() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let auditor = fixture.token("aud", Scope::Read, 9).await;
    let (cookie, csrf) = fixture.sign_in("aud").await;
    let follow = async |call: Call| {
        let after = fixture.live.position().0;
        Reader::new(call.with("last-event-id", after.to_string()).begin(&fixture.router).await)
    };
    let mut by_token = follow(Call::get("/v1/events").token(&auditor)).await;
    let list = Call::get("/v1/users/aud/tokens").token(&operator).send(&fixture.router).await.ok();
    let id: TokenId = list["items"][0]["id"].as_str().unwrap().parse().unwrap();
    fixture.system(Command::Token(token::Command::Revoke { token: id }));
    while by_token.next().await.is_some() {}

    let mut by_session = follow(Call::get("/v1/events").with("cookie", &*cookie)).await;
    let mut as_operator = follow(Call::get("/v1/events").token(&operator)).await;
    let out = Call::new("DELETE", "/v1/session").with("cookie", &*cookie).with("x-csrf-token", &*csrf);
    assert_eq!(out.send(&fixture.router).await.status, 204);
    fixture.done(&operator, Call::post("/v1/pools", &json!({"name": "vision", "devices": []}))).await;
    while by_session.next().await.is_some() {}
    assert!(as_operator.next().await.is_some(), "others go on");
    fixture.stop.send_replace(true);
    while as_operator.next().await.is_some() {}
}

fn shut_out(login: &str) -> [Command; 2] {
    let suspended = Some(true);
    let login: Login = login.parse().unwrap();
    let suspend = user::Command::Change { login: login.clone(), role: None, group: None, suspended };
    [Command::User(suspend), Command::User(user::Command::Delete { logins: vec![login] })]
}

/// However much is recorded before the read models know of it.
#[tokio::test]
async fn nothing_that_was_recorded_after_a_suspension_or_deletion_is_sent() {
    for ending in shut_out("aud") {
        let fixture = Fixture::new().await;
        let token = fixture.token("aud", Scope::Read, 9).await;
        fixture.done(&token, Call::get("/v1/audit")).await;
        let known = fixture.live.position().0;
        let path = format!("/v1/events?after={}", known - 1);
        let mut reader = Reader::new(Call::get(path).token(&token).begin(&fixture.router).await);
        assert_eq!(reader.ids(1).await, [known]);
        fixture.engine.stalled.store(true, Ordering::Relaxed);
        fixture.system(ending);
        let pool = pool::Wanted::Listed(vec![]);
        fixture.system(Command::Pool(pool::Command::Create { name: "vision".parse().unwrap(), devices: pool }));
        fixture.engine.stalled.store(false, Ordering::Relaxed);
        while let Some((id, data)) = reader.next().await {
            assert_eq!((id, data), (known, None), "only signs of life");
        }
    }
}

#[tokio::test]
async fn a_stream_does_not_go_on_for_ever_beside_read_models_that_stand_still() {
    let settings =
        HttpSettings { behind_max: Duration::from_millis(50), password_cost: CHEAP, ..HttpSettings::default() };
    let fixture = Fixture::with(settings).await;
    let operator = fixture.operator().await;
    let revoked = fixture.token("operator", Scope::Read, 9).await;
    let tokens = Call::get("/v1/tokens").token(&operator).send(&fixture.router).await.ok();
    let read = tokens["items"].as_array().unwrap().iter().find(|token| token["scope"] == "read").unwrap();
    let id: TokenId = read["id"].as_str().unwrap().parse().unwrap();
    let token = fixture.token("aud", Scope::Read, 9).await;
    fixture.done(&token, Call::get("/v1/audit")).await;
    let mut reader = Reader::new(Call::get("/v1/events").token(&token).begin(&fixture.router).await);
    fixture.engine.stalled.store(true, Ordering::Relaxed);
    let [suspend, _] = shut_out("aud");
    fixture.system(suspend);
    while let Some((_, data)) = reader.next().await {
        assert_eq!(data, None);
    }
    // Nor is anything else shown to them: the engine knows, and is asked. Others go on, who have to see what is wrong.
    for path in ["/v1/events", "/v1/audit", "/v1/pools", "/v1/session"] {
        Call::get(path).token(&token).send(&fixture.router).await.problem("auth.invalid");
    }
    fixture.system(Command::Token(token::Command::Revoke { token: id }));
    Call::get("/v1/alerts").token(&revoked).send(&fixture.router).await.problem("auth.invalid");
    Call::get("/v1/alerts").token(&operator).send(&fixture.router).await.ok();
    Call::new("DELETE", "/v1/users/bob").token(&operator).send(&fixture.router).await.ok();
    fixture.engine.stalled.store(false, Ordering::Relaxed);
    fixture.settled().await;
    Call::get("/v1/pools").token(&operator).send(&fixture.router).await.ok();
    Call::get("/v1/pools").token(&token).send(&fixture.router).await.problem("auth.invalid");
}

#[tokio::test]
async fn one_user_leaves_streams_to_others() {
    let settings = HttpSettings { streams_per_user_max: 1, password_cost: CHEAP, ..HttpSettings::default() };
    let fixture = Fixture::with(settings).await;
    let (operator, other) = (fixture.operator().await, fixture.token("aud", Scope::Read, 7).await);
    let _first = Call::get("/v1/events").token(&operator).begin(&fixture.router).await;
    Call::get("/v1/events").token(&operator).send(&fixture.router).await.problem("events.too_many_streams");
    let others = Call::get("/v1/events").token(&other).begin(&fixture.router).await;
    assert_eq!(others.status(), 200);
}

#[tokio::test]
async fn there_are_only_so_many_streams() {
    let fixture = Fixture::with(HttpSettings { streams_max: 1, password_cost: CHEAP, ..HttpSettings::default() }).await;
    let token = fixture.operator().await;
    let first = Call::get("/v1/events").token(&token).begin(&fixture.router).await;
    let refused = Call::get("/v1/events").token(&token).send(&fixture.router).await;
    refused.problem("events.too_many_streams");
    assert_eq!(refused.header("retry-after"), "5");
    let call = Call::get("/v1/audit").token(&token).with("accept", "text/csv");
    call.send(&fixture.router).await.problem("events.too_many_streams");
    drop(first);
    let again = Call::get("/v1/events").token(&token).begin(&fixture.router).await;
    assert_eq!(again.status(), 200);
}
