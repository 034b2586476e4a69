//! Every sort of failure is answered by a problem document.
use crate::http::{
    HttpSettings,
    testing::{Act, CHEAP, Call, Fixture},
};
use bus::engine::Failure;
use domain::Denied;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn what_the_router_refuses() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    for path in ["/", "/v1", "/v1/nothing", "/v1/pools/a/b/c", "/v2/pools", "/docs/nothing.js"] {
        Call::get(path).token(&token).send(&fixture.router).await.problem("request.not_found");
    }
    let answer = Call::new("PUT", "/v1/pools").token(&token).send(&fixture.router).await;
    answer.problem("request.method");
    assert!(answer.header("allow").contains("GET") && answer.header("allow").contains("POST"));
    Call::new("BREW", "/v1/pools").send(&fixture.router).await.problem("request.method");
    let bad = ["/v1/pools/UPPER", "/v1/devices/GPU-1", "/v1/jobs/1", "/v1/audit/first", "/v1/pools/%ff"];
    for path in bad {
        Call::get(path).token(&token).send(&fixture.router).await.problem("request.path");
    }
}

#[tokio::test]
async fn what_a_body_may_not_be() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let post = || Call::new("POST", "/v1/pools").token(&token);
    let with = |body: &str| post().raw(body).with("content-type", "application/json; charset=utf-8");
    post().raw("{}").send(&fixture.router).await.problem("request.content_type");
    post()
        .raw("name=a")
        .with("content-type", "application/x-www-form-urlencoded")
        .send(&fixture.router)
        .await
        .problem("request.content_type");
    for (body, told) in [
        ("", "empty"),
        ("{", "not JSON"),
        (r#"{"name":"a","devices":[]} {}"#, "follows"),
        ("[]", "object"),
        (r#"["a", []]"#, "object"),
        ("1", "object"),
        ("null", "object"),
        ("{}", "name"),
        (r#"{"name":"a","devices":[],"colour":"red"}"#, "colour"),
        (r#"{"name":"a","name":"b","devices":[]}"#, "name"),
        (r#"{"name":"UPPER","devices":[]}"#, "a pool name is"),
        (r#"{"name":"a","devices":["GPU-1"]}"#, "devices[0]"),
        (r#"{"name":"a","devices":"all"}"#, "sequence"),
        (r#"{"name":"a"}"#, "either devices"),
        (r#"{"name":"a","devices":[],"count":1,"model":"x"}"#, "either devices"),
    ] {
        let document = with(body).send(&fixture.router).await.problem("request.body");
        assert!(document["detail"].as_str().unwrap().contains(told), "{document}");
    }
    let large = format!(r#"{{"name":"{}","devices":[]}}"#, "x".repeat(1 << 20));
    with(&large).send(&fixture.router).await.problem("request.too_large");
    let stranger = Call::post("/v1/session", &json!({"login": "x".repeat(20_000), "password": "x"}));
    stranger.send(&fixture.router).await.problem("request.too_large");
    assert_eq!(fixture.engine.count(), 6, "only what the fixture did itself reached the engine");
}

#[tokio::test]
async fn nothing_that_was_typed_is_repeated() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let bodies = [
        json!({"logins": ["ada"], "passwords": "hunter2-hunter2"}),
        json!({"logins": ["ada"], "role": "hunter2-hunter2"}),
        json!({"logins": ["hunter2 hunter2"]}),
        json!({"logins": ["eve"], "passwords": {"eve": "hunter2"}}),
    ];
    for body in bodies {
        let answer = Call::post("/v1/users", &body).token(&token).send(&fixture.router).await;
        answer.problem("request.body");
        assert!(!answer.text.contains("hunter2"), "{}", answer.text);
    }
}

#[tokio::test]
async fn what_a_query_may_not_be() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    for (path, told) in [
        ("/v1/pools?colour=red", "colour"),
        ("/v1/pools?limit=0", "1 to 1000"),
        ("/v1/pools?limit=1001", "1 to 1000"),
        ("/v1/pools?limit=many", "limit"),
        ("/v1/pools?limit=1&limit=2", "limit"),
        ("/v1/pools?group=UPPER", "a group name"),
        ("/v1/devices?health=bad", "healthy"),
        ("/v1/devices?free=perhaps", "free"),
        ("/v1/devices?after=nothing", "cursor"),
        ("/v1/pools/default?colour=red", "colour"),
        ("/v1/audit?order=sideways", "order"),
        ("/v1/audit?subject=spaceship/1", "subject"),
        ("/v1/audit?actor=spaceship", "actor"),
        ("/v1/audit?type=a%20b", "event types"),
        ("/v1/audit?from=yesterday", "from"),
        ("/v1/events?after=-1", "after"),
        ("/v1/session?colour=red", "colour"),
    ] {
        let document = Call::get(path).token(&token).send(&fixture.router).await.problem("request.query");
        assert!(document["detail"].as_str().unwrap().contains(told), "{path}: {document}");
    }
    let call = Call::new("DELETE", "/v1/pools/default?dry_run=perhaps").token(&token);
    call.send(&fixture.router).await.problem("request.query");
    let call = Call::new("DELETE", "/v1/pools/default?force=true").token(&token);
    call.send(&fixture.router).await.problem("request.query");
}

#[tokio::test]
async fn what_a_header_may_not_be() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let long = "k".repeat(256);
    for (name, value) in [
        ("idempotency-key", ""),
        ("idempotency-key", &*long),
        ("if-match", "41"),
        ("dkube-reason", "100%"),
        ("dkube-planned-at", "soon"),
    ] {
        let call = Call::new("DELETE", "/v1/pools/vision").token(&token).with(name, value);
        call.send(&fixture.router).await.problem("request.header");
    }
    let call = Call::get("/v1/pools").token(&token).with("dkube-min-position", "soon");
    call.send(&fixture.router).await.problem("request.header");
    let call = Call::get("/v1/events").token(&token).with("last-event-id", "soon");
    call.send(&fixture.router).await.problem("request.header");
}

#[tokio::test]
async fn what_the_engine_can_not_do() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let delete = || Call::new("DELETE", "/v1/pools/vision").token(&token);
    for (failure, code, retry) in [
        (Failure::OutcomesFull { own: true, seconds: 3600 }, "idempotency.too_many", true),
        (Failure::OutcomesFull { own: false, seconds: 3600 }, "server.overloaded", true),
        (Failure::Overloaded, "server.overloaded", true),
        (Failure::ReadOnly("no space left on /var/secret".to_owned()), "server.read_only", true),
        (Failure::OutcomeUnknown, "outcome.unknown", true),
        (Failure::Stopping, "server.stopping", true),
        (Failure::KeyReused, "idempotency.key_reused", false),
        (Failure::Denied(Denied::Role), "auth.forbidden", false),
    ] {
        fixture.engine.next(Act::Fail(failure));
        let answer = delete().send(&fixture.router).await;
        answer.problem(code);
        assert_eq!(answer.headers.contains_key("retry-after"), retry, "{code}");
        assert!(!answer.text.contains("/var/secret"), "what is inside stays inside");
    }
    fixture.engine.next(Act::Panic);
    let answer = delete().send(&fixture.router).await;
    answer.problem("server.fault");
    assert!(!answer.text.contains("planted"));
    delete().send(&fixture.router).await.problem("pool.not_found");
}

#[tokio::test]
async fn what_takes_too_long_is_broken_off() {
    let settings =
        HttpSettings { handler_timeout: Duration::from_millis(50), password_cost: CHEAP, ..HttpSettings::default() };
    let fixture = Fixture::with(settings).await;
    let token = fixture.operator().await;
    fixture.engine.next(Act::Hang);
    let answer = Call::new("DELETE", "/v1/pools/vision").token(&token).send(&fixture.router).await;
    answer.problem("server.timeout");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn more_than_may_be_at_a_time_is_refused_at_once() {
    let settings = HttpSettings { requests_max: 1, password_cost: CHEAP, ..HttpSettings::default() };
    let fixture = Fixture::with(settings).await;
    let token = fixture.operator().await;
    fixture.engine.next(Act::Hang);
    let router = fixture.router.clone();
    let held = token.clone();
    let first = tokio::spawn(async move { Call::new("DELETE", "/v1/pools/a").token(&held).begin(&router).await });
    while fixture.app.requests.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    let answer = Call::get("/v1/pools").token(&token).send(&fixture.router).await;
    answer.problem("server.overloaded");
    assert_eq!(Call::get("/livez").send(&fixture.router).await.status, 200);
    first.abort();
}

#[tokio::test]
async fn every_answer_is_hardened_and_has_an_id() {
    let fixture = Fixture::new().await;
    for path in ["/livez", "/v1/pools", "/nothing", "/docs/"] {
        let answer = Call::get(path).send(&fixture.router).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"));
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
    let answer = Call::get("/livez").with("x-request-id", "client-7").send(&fixture.router).await;
    assert_eq!(answer.header("x-request-id"), "client-7");
    let answer = Call::get("/livez").with("x-request-id", "<script>").send(&fixture.router).await;
    assert_eq!(answer.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn every_problem_has_a_page() {
    let fixture = Fixture::new().await;
    let list = Call::get("/problems").send(&fixture.router).await;
    assert!(list.text.contains("| `pool.busy` | 409 |"));
    let document = Call::get("/v1/pools").send(&fixture.router).await.problem("auth.required");
    let page = Call::get(document["type"].as_str().unwrap()).send(&fixture.router).await;
    assert!(page.status.is_success() && page.text.contains("auth.required"));
    Call::get("/problems/no.such").send(&fixture.router).await.problem("request.not_found");
}
