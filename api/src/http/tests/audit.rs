//! The audit trail.
use crate::http::testing::{Call, Fixture};
use domain::token::Scope;
use serde_json::{Value, json};

async fn scene() -> (Fixture, String) {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let make = Call::post("/v1/pools", &json!({"name": "vision", "devices": []}));
    fixture.done(&token, make.with("dkube-reason", "for%20the%20vision%20team%2C%20%3D1")).await;
    fixture.done(&token, Call::post("/v1/users", &json!({"logins": ["eve"]}))).await;
    fixture.done(&token, Call::new("DELETE", "/v1/users/eve")).await;
    fixture.done(&token, Call::post("/v1/users", &json!({"logins": ["eve"]}))).await;
    // Whoever reads it is recorded: once, and before the tests look.
    fixture.done(&token, Call::get("/v1/audit")).await;
    (fixture, token)
}

async fn types(fixture: &Fixture, token: &str, query: &str) -> Vec<String> {
    let page = Call::get(format!("/v1/audit?{query}")).token(token).send(&fixture.router).await.ok();
    let name = |event: &Value| event["type"].as_str().unwrap().to_owned();
    page["events"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn events_are_found_by_what_is_said_of_them() {
    let (fixture, token) = scene().await;
    assert_eq!(types(&fixture, &token, "subject=pool/vision").await, ["PoolCreated"]);
    assert_eq!(types(&fixture, &token, "type=PoolCreated&order=asc").await, ["PoolCreated", "PoolCreated"]);
    assert_eq!(
        types(&fixture, &token, "type=PoolCreated,UserDeleted&actor=user/operator").await,
        ["UserDeleted", "PoolCreated"]
    );
    let both = types(&fixture, &token, "subject=user/eve&type=UserOnboarded").await;
    assert_eq!(both.len(), 2, "also who had the login before");
    let operator = fixture.user("operator").await;
    let by_id = types(&fixture, &token, &format!("actor=user/{operator}&limit=1000")).await;
    assert_eq!(by_id, types(&fixture, &token, "actor=user/operator&limit=1000").await);
    assert!(types(&fixture, &token, "actor=system&limit=1000").await.contains(&"ClusterFounded".to_owned()));
    let now = fixture.engine.now().next();
    assert_eq!(types(&fixture, &token, &format!("from={now}")).await, Vec::<String>::new());
}

#[tokio::test]
async fn pages_meet_and_newest_come_first() {
    let (fixture, token) = scene().await;
    let all = fixture.live.position().0;
    for order in ["asc", "desc"] {
        let (mut seen, mut after) = (vec![], String::new());
        loop {
            let path = format!("/v1/audit?order={order}&limit=7{after}");
            let page = Call::get(path).token(&token).send(&fixture.router).await.ok();
            assert_eq!(page["position"], all);
            seen.extend(page["events"].as_array().unwrap().iter().map(|event| event["position"].as_u64().unwrap()));
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        if order == "desc" {
            seen.reverse();
        }
        assert_eq!(seen, (1..=all).collect::<Vec<_>>(), "{order}");
    }
}

#[tokio::test]
async fn an_event_tells_who_why_and_what_else() {
    let (fixture, token) = scene().await;
    let page = Call::get("/v1/audit?subject=pool/vision").token(&token).send(&fixture.router).await.ok();
    let event = &page["events"][0];
    assert_eq!(event["reason"], "for the vision team, =1");
    assert_eq!((&event["actor"], &event["count"]), (&json!("user/operator"), &json!(1)));
    assert!(event["token"].is_string() && event["command"].is_string());
    let onboarded = Call::get("/v1/audit?subject=user/eve&type=UserOnboarded&order=asc");
    let onboarded = onboarded.token(&token).send(&fixture.router).await.ok()["events"][0].clone();
    let path = format!("/v1/audit/{}", onboarded["position"]);
    let one = Call::get(path).token(&token).send(&fixture.router).await.ok();
    assert_eq!((&one["type"], &one["subject"]), (&json!("UserOnboarded"), &json!("user/eve")));
    assert_eq!(one["data"]["login"], "eve");
    let others = one["command_events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap());
    assert_eq!(others.collect::<Vec<_>>(), ["UserInvited", "UserAddedToGroup"]);
    assert_eq!(one["subjects"], json!(["user/eve"]));
}

#[tokio::test]
async fn what_can_not_be_opened_is_said_and_the_rest_is_shown() {
    let (fixture, token) = scene().await;
    let operator = fixture.user("operator").await;
    let look = async || {
        let page = Call::get("/v1/audit?subject=pool/vision").token(&token).send(&fixture.router).await.ok();
        page["events"][0].clone()
    };
    fixture.engine.vault.erased.lock().unwrap().insert(operator);
    let erased = look().await;
    assert_eq!(erased["reason"], json!(null));
    assert!(erased["unreadable"].as_str().unwrap().contains("was erased"), "{erased}");
    fixture.engine.vault.given_up.lock().unwrap().insert(operator);
    let given_up = look().await;
    assert!(given_up["unreadable"].as_str().unwrap().contains("given up"), "{given_up}");
    assert_eq!((&given_up["reason"], &given_up["address"]), (&json!(null), &json!(null)));
    fixture.engine.vault.lost.lock().unwrap().insert(operator);
    let lost = look().await;
    assert!(lost["unreadable"].as_str().unwrap().contains("key"), "{lost}");
    assert_eq!(lost["type"], "PoolCreated");
}

#[tokio::test]
async fn a_reason_goes_with_whoever_it_names() {
    let (fixture, token) = scene().await;
    let create = Call::post("/v1/pools", &json!({"name": "speech", "devices": []}));
    fixture.done(&token, create.with("dkube-reason", "Ada's%20own")).await;
    let (ada, path) = (fixture.user("ada").await, "/v1/audit?subject=pool/speech");
    let reason = async || Call::get(path).token(&token).send(&fixture.router).await.ok()["events"][0]["reason"].clone();
    assert_eq!(reason().await, "Ada's own");
    fixture.engine.vault.erased.lock().unwrap().insert(ada);
    assert_eq!(reason().await, json!(null));
}

#[tokio::test]
async fn all_that_match_are_streamed_as_lines() {
    let (fixture, token) = scene().await;
    let all = usize::try_from(fixture.live.position().0).unwrap();
    let get = |kind: &str| Call::get("/v1/audit?order=asc").token(&token).with("accept", kind);
    let ndjson = get("application/x-ndjson").send(&fixture.router).await;
    assert_eq!(ndjson.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = ndjson.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), all);
    assert!(lines.iter().zip(1..).all(|(line, nth)| line["position"] == nth));
    let csv = get("text/csv").send(&fixture.router).await;
    assert!(csv.text.starts_with("position,time,type,"));
    assert_eq!(csv.text.trim_end().split("\r\n").count(), all + 1);
    assert!(csv.text.contains("\"for the vision team, =1\""));
    get("image/png").send(&fixture.router).await.problem("request.not_acceptable");
    assert_eq!(fixture.app.streams.available_permits(), 256, "exports gave their place back");
}

#[tokio::test]
async fn only_those_who_may_read_it_do() {
    let (fixture, _) = scene().await;
    let auditor = fixture.token("aud", Scope::Read, 9).await;
    assert_eq!(types(&fixture, &auditor, "subject=pool/vision").await, ["PoolCreated"]);
    let ada = fixture.token("ada", Scope::Full, 9).await;
    Call::get("/v1/audit").token(&ada).send(&fixture.router).await.problem("auth.forbidden");
}

#[tokio::test]
async fn a_filter_that_names_what_never_was_is_refused_by_name() {
    let (fixture, token) = scene().await;
    fixture.done(&token, Call::new("DELETE", "/v1/pools/vision")).await;
    let ask = async |path: &str| Call::get(path).token(&token).send(&fixture.router).await;
    for (path, said) in [
        ("/v1/audit?actor=user/nobody", "actor: there is no user/nobody"),
        ("/v1/audit?actor=agent/node-99", "actor: there is no agent/node-99"),
        ("/v1/audit?subject=pool/vison", "subject: there is no pool/vison"),
        ("/v1/audit?subject=user/nobody", "subject: there is no user/nobody"),
        ("/v1/audit?type=PoolCreatd", "there is no event type PoolCreatd: perhaps PoolCreated"),
        ("/v1/events?types=Nonsense", "there is no event type Nonsense"),
        ("/v1/audit?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "from: 2026-03-02"),
        ("/v1/devices?pool=vison", "pool: there is no pool/vison"),
        ("/v1/devices?node=node-99", "node: there is no node/node-99"),
        ("/v1/devices?model=H100", "model: no device of model H100 is known"),
        ("/v1/nodes?pool=vison", "pool: there is no pool/vison"),
        ("/v1/jobs?pool=vison", "pool: there is no pool/vison"),
        ("/v1/jobs?owner=nobody", "owner: there is no user/nobody"),
        ("/v1/groups?pool=vison", "pool: there is no pool/vison"),
        ("/v1/pools?group=defualt", "group: there is no group/defualt"),
        ("/v1/users?group=defualt", "group: there is no group/defualt"),
    ] {
        let problem = ask(path).await.problem("request.query");
        assert!(problem["detail"].as_str().unwrap().starts_with(said), "{path}: {problem}");
    }
    // What was deleted did exist, and who exists need not have done anything.
    for path in ["/v1/devices?pool=vision", "/v1/jobs?pool=vision"] {
        assert_eq!(ask(path).await.ok()["items"], json!([]), "{path}");
    }
    assert_eq!(types(&fixture, &token, "subject=pool/vision").await, ["PoolDeleted", "PoolCreated"]);
    assert_eq!(types(&fixture, &token, "actor=user/bob").await, Vec::<String>::new());
    // Who sees only their own is not told what there is.
    let ada = fixture.token("ada", Scope::Full, 9).await;
    let blind = Call::get("/v1/devices?pool=vison").token(&ada).send(&fixture.router).await;
    assert_eq!(blind.ok()["items"], json!([]));
}

#[tokio::test]
async fn people_are_called_the_same_wherever_an_event_is_read() {
    let (fixture, token) = scene().await;
    let after = fixture.live.position().0;
    let eve = fixture.user("eve").await;
    let body = json!({"name": "seeing", "users": [], "pool": "vision"});
    fixture.done(&token, Call::post("/v1/groups", &body)).await;
    let moved = fixture.done(&token, Call::new("PATCH", "/v1/users/eve").json(&json!({"group": "seeing"}))).await;
    let added = moved["events"].as_array().unwrap().last().unwrap();
    assert_eq!(added["data"], json!({"group": "seeing", "user": eve, "login": "eve"}));
    let page = Call::get("/v1/audit?type=UserAddedToGroup&limit=1").token(&token).send(&fixture.router).await.ok();
    assert_eq!(page["events"][0]["data"], added["data"]);
    let by = Call::get(format!("/v1/events?after={after}&types=UserAddedToGroup")).token(&token);
    let mut chunks = by.begin(&fixture.router).await.into_body().into_data_stream();
    let chunk = futures::StreamExt::next(&mut chunks).await.unwrap().unwrap();
    let text = std::str::from_utf8(&chunk).unwrap();
    let event: Value = serde_json::from_str(text.split_once("data: ").unwrap().1.trim()).unwrap();
    assert_eq!((&event["data"], &event["dkubeactor"]), (&added["data"], &json!("user/operator")));
    let ada = fixture.token("ada", Scope::Full, 9).await;
    let own = fixture.done(&ada, Call::post("/v1/jobs", &json!({"name": "train", "devices": 1}))).await;
    assert_eq!(own["events"][0]["data"]["login"], "ada", "their own login is no secret to them");
}
