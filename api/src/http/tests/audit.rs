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
    assert_eq!(types(&fixture, &token, "actor=user/nobody").await, Vec::<String>::new());
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
    assert_eq!(one["command_events"][0]["type"], "UserAddedToGroup");
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
    assert!(erased.get("unreadable").is_none());
    fixture.engine.vault.lost.lock().unwrap().insert(operator);
    let lost = look().await;
    assert!(lost["unreadable"].as_str().unwrap().contains("key"), "{lost}");
    assert_eq!(lost["type"], "PoolCreated");
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
