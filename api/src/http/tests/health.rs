//! What ails the fleet, and what operators do about it: alerts, overrides, clears, the policy, the breaker.
use crate::http::testing::{Call, Fixture};
use domain::{
    Command, Incarnation, Origin, Timestamp,
    device::{Condition, ConditionKind, Finding, Remedy, Severity},
    node,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

/// Device number `nth` of `node-01` falls off the bus.
async fn lose(fixture: &Fixture, nth: u128) {
    let condition = Condition {
        kind: "gpu.lost".parse().unwrap(),
        severity: Severity::Fatal,
        remedy: Remedy::RebootNode,
        reason: "XID 79: the GPU has fallen off the bus".into(),
        xid: Some(79),
        first_seen: Timestamp::from_micros(1),
        last_seen: Timestamp::from_micros(1),
    };
    let finding = Finding { device: Fixture::device(nth), readable: true, raised: vec![condition], cleared: vec![] };
    fixture.system(Command::Node(node::Command::ReportHealth {
        node: "node-01".parse().unwrap(),
        origin: Origin { incarnation: Incarnation(Uuid::nil()), sequence: 2, observed_at: Timestamp::default() },
        findings: vec![finding],
        settled: true,
    }));
    fixture.settled().await;
}

async fn get(fixture: &Fixture, token: &str, path: &str) -> Value {
    Call::get(path).token(token).send(&fixture.router).await.ok()
}

fn types(answer: &Value) -> Vec<&str> {
    answer["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

fn device(nth: u128) -> String {
    format!("/v1/devices/{}", Fixture::device(nth))
}

#[tokio::test]
async fn an_alert_says_what_since_when_and_what_to_do() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    assert_eq!(get(&fixture, &token, "/v1/alerts").await["items"], json!([]));
    let before = fixture.live.position().0;
    lose(&fixture, 1).await;
    let alerts = get(&fixture, &token, "/v1/alerts").await;
    assert_eq!(alerts["total"], 1);
    let alert = &alerts["items"][0];
    assert_eq!(alert["subject"], format!("device/{}", Fixture::device(1)));
    assert_eq!(
        (&alert["severity"], &alert["code"], &alert["node"]),
        (&json!("fatal"), &json!("gpu.lost"), &json!("node-01"))
    );
    assert_eq!(alert["since"], "1970-01-01T00:00:00.000001Z");
    assert_eq!(
        (&alert["summary"], &alert["action"]),
        (&json!("XID 79: the GPU has fallen off the bus"), &json!("restart the node"))
    );
    let past = get(&fixture, &token, &format!("/v1/alerts?as_of={before}")).await;
    assert_eq!(past["items"], json!([]));
}

#[tokio::test]
async fn a_lost_node_and_a_missing_device_are_alerts() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let expect = Call::new("PATCH", "/v1/nodes/node-01").json(&json!({"expected_devices": 5}));
    fixture.done(&token, expect).await;
    fixture.settled().await;
    let since = fixture.engine.now();
    fixture.engine.pass(60);
    let short = get(&fixture, &token, "/v1/alerts").await;
    assert_eq!(short["items"][0]["code"], "node.devices_missing");
    assert_eq!(short["items"][0]["since"], json!(since));
    fixture.system(Command::Node(node::Command::Lose { node: "node-01".parse().unwrap() }));
    fixture.settled().await;
    let lost = get(&fixture, &token, "/v1/alerts?limit=1").await;
    assert_eq!(
        (&lost["items"][0]["code"], &lost["items"][0]["subject"]),
        (&json!("node.lost"), &json!("node/node-01"))
    );
    assert!(lost["items"][0]["since"].is_string());
}

#[tokio::test]
async fn a_driver_that_can_not_be_asked_is_an_alert_of_its_node() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let driver = "(no NVML library is found)";
    let origin =
        Origin { incarnation: Incarnation(Uuid::from_u128(1)), sequence: 1, observed_at: fixture.engine.now() };
    fixture.system(Command::Node(node::Command::ReportInventory {
        node: "node-02".parse().unwrap(),
        origin,
        facts: node::Facts { driver: driver.into(), ..node::Facts::default() },
        devices: None,
        settled: true,
    }));
    fixture.settled().await;
    let alert = &get(&fixture, &token, "/v1/alerts").await["items"][0];
    assert_eq!((&alert["code"], &alert["subject"]), (&json!("node.driver"), &json!("node/node-02")));
    assert!(alert["summary"].as_str().is_some_and(|summary| summary.contains(driver)), "{alert}");
    assert_eq!(alert["since"], json!(fixture.engine.now()));
}

#[tokio::test]
async fn an_override_lets_a_device_work_and_ends() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    lose(&fixture, 0).await;
    let until = fixture.engine.now().plus_seconds(3600);
    let body = json!({"override": {"condition": "gpu.lost", "until": until}});
    let patch = |body: &Value| Call::new("PATCH", device(0)).json(body);
    let answer = fixture.done(&token, patch(&body)).await;
    assert_eq!(types(&answer), ["DeviceConditionOverridden", "DeviceQuarantineLifted"]);
    fixture.settled().await;
    let shown = get(&fixture, &token, &device(0)).await;
    assert_eq!((&shown["availability"], &shown["health"]), (&json!("free"), &json!("fatal")));
    assert_eq!(
        shown["overrides"],
        json!([{"condition": "gpu.lost", "until": until, "reason": shown["conditions"][0]["reason"]}])
    );
    let listed = |filter: &'static str| {
        let (fixture, token) = (&fixture, &token);
        async move { get(fixture, token, &format!("/v1/devices?{filter}")).await["items"].as_array().unwrap().len() }
    };
    assert_eq!((listed("overridden=true").await, listed("held_back=true").await), (1, 0));
    let alerts = get(&fixture, &token, "/v1/alerts").await;
    let alert = &alerts["items"][0];
    assert_eq!(
        (&alerts["total"], &alert["code"], &alert["severity"]),
        (&json!(1), &json!("device.overridden"), &json!("info"))
    );
    let summary = alert["summary"].as_str().unwrap();
    let said = ["gpu.lost", &until.to_string(), "XID 79: the GPU has fallen off the bus"];
    assert!(said.iter().all(|part| summary.contains(part)), "{summary}");
    assert!(alert["action"].as_str().unwrap().contains("given no new job again"), "{alert}");
    let answer = fixture.done(&token, patch(&json!({"override": null}))).await;
    assert_eq!(types(&answer), ["DeviceOverrideEnded", "DeviceQuarantined"]);
    assert_eq!((listed("overridden=true").await, listed("held_back=true").await), (0, 1));
    let held_back = get(&fixture, &token, &device(0)).await["held_back"].clone();
    assert_eq!(held_back, "gpu.lost: XID 79: the GPU has fallen off the bus");
    let typo = json!({"override": {"condition": "gpu.lsot", "until": until}});
    patch(&typo).token(&token).send(&fixture.router).await.problem("device.unknown_condition");
    let both = patch(&json!({"cordoned": true, "clear": "gpu.lost"})).token(&token).send(&fixture.router).await;
    both.problem("request.body");
    let wrong = json!({"override": {"condition": "gpu.lost", "until": "2001-01-01T00:00:00Z"}});
    patch(&wrong).token(&token).send(&fixture.router).await.problem("request.malformed");
}

#[tokio::test]
async fn conditions_are_overridden_and_lifted_one_by_one() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let until = fixture.engine.now().plus_seconds(3600);
    let patch = |body: &Value| Call::new("PATCH", device(0)).json(body);
    for condition in ["xid.fatal", "gpu.lost"] {
        let wish = json!({"override": {"condition": condition, "until": until}});
        assert_eq!(types(&fixture.done(&token, patch(&wish)).await), ["DeviceConditionOverridden"]);
    }
    let overrides = || async {
        let shown = get(&fixture, &token, &device(0)).await;
        let overrides = shown["overrides"].as_array().unwrap().iter();
        overrides.map(|wish| wish["condition"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(overrides().await, ["gpu.lost", "xid.fatal"]);
    assert_eq!(get(&fixture, &token, "/v1/alerts").await["total"], 0, "neither of them stands");
    let forgotten = json!({"override": {"condition": "gpu.lost"}});
    patch(&forgotten).token(&token).send(&fixture.router).await.problem("request.body");
    let lift = json!({"override": {"condition": "gpu.lost", "until": null}});
    assert_eq!(types(&fixture.done(&token, patch(&lift)).await), ["DeviceOverrideEnded"]);
    assert_eq!(overrides().await, ["xid.fatal"]);
    assert_eq!(types(&fixture.done(&token, patch(&json!({"override": null}))).await), ["DeviceOverrideEnded"]);
    assert_eq!(overrides().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_condition_is_cleared_by_hand() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    lose(&fixture, 0).await;
    let clear = || Call::new("PATCH", device(0)).json(&json!({"clear": "gpu.lost"}));
    let answer = fixture.done(&token, clear()).await;
    assert_eq!(types(&answer), ["DeviceConditionCleared", "DeviceQuarantineLifted"]);
    clear().token(&token).send(&fixture.router).await.problem("device.no_condition");
}

#[tokio::test]
async fn the_policy_is_read_changed_and_set_whole() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    lose(&fixture, 0).await;
    let read = Call::get("/v1/health/policy").token(&token).send(&fixture.router).await;
    let etag = read.header("etag").to_owned();
    let mut policy = read.ok();
    assert_eq!(policy["breaker"], json!({"share_percent": 20, "at_least": 3, "window_seconds": 300}));
    policy.as_object_mut().unwrap().remove("revision");
    policy["conditions"] = json!([{"kind": "gpu.lost", "severity": null, "remedy": null, "dry_run": true}]);
    let put = |body: &Value| Call::new("PUT", "/v1/health/policy").json(body).token(&token);
    put(&policy).send(&fixture.router).await.problem("if_match.required");
    let answer = put(&policy).with("if-match", &etag).send(&fixture.router).await.ok();
    assert_eq!(types(&answer), ["HealthPolicyChanged", "DeviceQuarantineLifted"]);
    assert_eq!(answer["events"][0]["subject"], "policy/health");
    put(&policy).with("if-match", &etag).send(&fixture.router).await.problem("condition.failed");
    fixture.settled().await;
    let shown = get(&fixture, &token, &device(0)).await;
    assert_eq!((&shown["conditions"][0]["dry_run"], &shown["availability"]), (&json!(true), &json!("free")));
    let audit = get(&fixture, &token, "/v1/audit?subject=policy/health").await;
    assert_eq!(audit["events"][0]["type"], "HealthPolicyChanged");
}

#[tokio::test]
async fn a_tripped_breaker_is_an_alert_until_it_is_reset() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    for nth in 0..4 {
        lose(&fixture, nth).await;
    }
    let alerts = get(&fixture, &token, "/v1/alerts").await;
    let codes: Vec<_> = alerts["items"].as_array().unwrap().iter().map(|alert| &alert["code"]).collect();
    assert_eq!(codes, ["gpu.lost", "gpu.lost", "gpu.lost", "gpu.lost", "pool.breaker"]);
    assert!(get(&fixture, &token, "/v1/pools/default").await["breaker_tripped"].is_string());
    let reset = Call::post("/v1/health/breaker/reset", &json!({}));
    let answer = fixture.done(&token, reset).await;
    assert_eq!(types(&answer), ["DeviceQuarantined", "PoolBreakerReset"]);
    fixture.settled().await;
    assert_eq!(get(&fixture, &token, "/v1/pools/default").await["breaker_tripped"], Value::Null);
}

#[tokio::test]
async fn where_agents_can_not_be_heard_it_is_said_since_when() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    assert_eq!(get(&fixture, &token, "/v1/overview").await["lag"]["unheard_since"], Value::Null);
    let (since, before) = (fixture.engine.now(), fixture.live.position().0);
    fixture.unheard.send_replace(Some(since));
    let alert = &get(&fixture, &token, "/v1/alerts").await["items"][0];
    assert_eq!(
        (&alert["code"], &alert["severity"], &alert["since"]),
        (&json!("server.bus"), &json!("critical"), &json!(since))
    );
    assert_eq!(get(&fixture, &token, "/v1/overview").await["lag"]["unheard_since"], json!(since));
    let header = |path: String| {
        let (fixture, token) = (&fixture, &token);
        async move {
            let answer = Call::get(path).token(token).send(&fixture.router).await;
            answer.header("dkube-unheard-since").to_owned()
        }
    };
    for path in ["nodes", "nodes/node-01", "devices", "pools", "pools/default", "overview", "jobs", "alerts"] {
        assert_eq!(header(format!("/v1/{path}")).await, since.to_string(), "{path}");
        assert_eq!(header(format!("/v1/{path}?as_of={before}")).await, "", "{path}: the past is known");
    }
    assert_eq!(header(device(0)).await, since.to_string());
    for path in ["/v1/users", "/v1/audit", "/v1/about", "/v1/nodes/nowhere"] {
        assert_eq!(header(path.to_owned()).await, "", "{path} does not depend on agents, or is no answer");
    }
    assert_eq!(get(&fixture, &token, &format!("/v1/alerts?as_of={before}")).await["items"], json!([]));
    Call::get("/readyz").send(&fixture.router).await.ok();
    fixture.unheard.send_replace(None);
    assert_eq!(header("/v1/nodes".to_owned()).await, "");
}

#[tokio::test]
async fn an_alert_names_the_jobs_that_it_touches_and_their_owners() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let start = |name: &str, user: &str, devices: u32| {
        Call::post("/v1/jobs", &json!({"name": name, "user": user, "devices": devices}))
    };
    let job = fixture.done(&token, start("train", "ada", 1)).await["events"][0]["data"]["job"].clone();
    fixture.done(&token, start("serve", "bob", 2)).await;
    let first = |alert: &Value, nth: usize| {
        let job = &alert["jobs"]["first"][nth];
        (job["id"].clone(), job["name"].clone(), job["user"]["login"].clone())
    };
    for nth in 0..4 {
        lose(&fixture, nth).await;
    }
    let alerts = get(&fixture, &token, "/v1/alerts").await;
    let lost: Vec<&Value> =
        alerts["items"].as_array().unwrap().iter().filter(|one| one["code"] == "gpu.lost").collect();
    let of = |login: &str| lost.iter().filter(|alert| alert["jobs"]["first"][0]["user"]["login"] == login).count();
    assert_eq!((of("ada"), of("bob")), (1, 2));
    assert_eq!(lost.iter().filter(|alert| alert["jobs"] == json!({"total": 0, "first": []})).count(), 1);
    fixture.system(Command::Node(node::Command::Lose { node: "node-01".parse().unwrap() }));
    fixture.settled().await;
    let alerts = get(&fixture, &token, "/v1/alerts").await;
    let lost = alerts["items"].as_array().unwrap().iter().find(|alert| alert["code"] == "node.lost").unwrap();
    assert_eq!(lost["jobs"]["total"], 2);
    assert_eq!(first(lost, 0), (job, json!("train"), json!("ada")));
    assert_eq!(first(lost, 1).2, "bob");
}

#[test]
fn the_kinds_that_the_built_in_policy_of_agents_raises_are_the_built_in_ones() {
    let raised: BTreeSet<String> =
        agents::health::Policy::built_in().lines().map(|(kind, _)| kind.to_string()).collect();
    assert_eq!(raised, ConditionKind::BUILT_IN.map(str::to_owned).into());
}
