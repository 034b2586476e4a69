//! Lists, single things, the overview.
use crate::http::{
    HttpSettings,
    testing::{CHEAP, Call, Fixture},
};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_list_is_walked_page_by_page() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let (mut seen, mut after) = (vec![], String::new());
    for _ in 0..9 {
        let page = Call::get(format!("/v1/devices?limit=3{after}")).token(&token).send(&fixture.router).await;
        assert_eq!(page.header("dkube-position"), fixture.live.position().to_string());
        let page = page.ok();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["uuid"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let all: Vec<String> = (0..4).map(|nth| Fixture::device(nth).to_string()).collect();
    assert_eq!(seen, all);
}

#[tokio::test]
async fn filters_narrow_a_list() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let devices: Vec<String> = (0..2).map(|nth| Fixture::device(nth).to_string()).collect();
    fixture.done(&token, Call::post("/v1/pools", &json!({"name": "vision", "devices": devices}))).await;
    fixture.done(&token, Call::new("PATCH", "/v1/users/bob").json(&json!({"group": null}))).await;
    fixture.done(&token, Call::post("/v1/jobs", &json!({"name": "j", "user": "ada", "devices": 1}))).await;
    for (path, count) in [
        ("/v1/pools", 2),
        ("/v1/pools?group=none", 1),
        ("/v1/pools?group=default", 1),
        ("/v1/pools?model=NVIDIA%20H100%2080GB%20HBM3", 2),
        ("/v1/groups?pool=none", 0),
        ("/v1/groups?pool=default", 1),
        ("/v1/users?group=none", 1),
        ("/v1/users?role=data-scientist", 2),
        ("/v1/users?suspended=true", 0),
        ("/v1/nodes?contact=reporting", 1),
        ("/v1/nodes?contact=lost", 0),
        ("/v1/devices?pool=vision", 2),
        ("/v1/devices?free=true", 3),
        ("/v1/devices?free=true&pool=default", 1),
        ("/v1/devices?node=node-01", 4),
        ("/v1/devices?health=healthy", 4),
        ("/v1/jobs?owner=ada", 1),
        ("/v1/jobs?user=ada", 1),
        ("/v1/jobs?owner=none", 0),
        ("/v1/jobs?pool=vision", 0),
        ("/v1/tokens?expired=false", 1),
    ] {
        let list = Call::get(path).token(&token).send(&fixture.router).await.ok();
        assert_eq!(list["items"].as_array().unwrap().len(), count, "{path}: {list}");
    }
}

#[tokio::test]
async fn a_single_thing_has_its_revision_as_etag() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let device = format!("/v1/devices/{}", Fixture::device(0));
    for path in ["/v1/pools/default", "/v1/groups/default", "/v1/users/ada", "/v1/nodes/node-01", &*device] {
        let shown = Call::get(path).token(&token).send(&fixture.router).await;
        let tag = shown.header("etag").to_owned();
        assert_eq!(tag, format!("\"{}\"", shown.ok()["revision"]), "{path}");
        let head = Call::new("HEAD", path).token(&token).send(&fixture.router).await;
        assert_eq!((head.header("etag"), &*head.text), (&*tag, ""), "{path}");
    }
    for (path, code) in [
        ("/v1/pools/nothing", "pool.not_found"),
        ("/v1/groups/nothing", "group.not_found"),
        ("/v1/users/nobody", "user.not_found"),
        ("/v1/nodes/nothing", "node.not_found"),
        ("/v1/devices/GPU-00000000-0000-0000-0000-000000000009", "device.not_found"),
        ("/v1/jobs/00000000-0000-0000-0000-000000000009", "job.not_found"),
        ("/v1/audit/99999", "event.not_found"),
        ("/v1/audit/0", "event.not_found"),
    ] {
        Call::get(path).token(&token).send(&fixture.router).await.problem(code);
    }
}

#[tokio::test]
async fn a_device_shows_its_history() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let path = format!("/v1/devices/{}", Fixture::device(1));
    fixture
        .done(&token, Call::new("PATCH", &*path).json(&json!({"cordoned": true})).with("dkube-reason", "it is hot"))
        .await;
    let shown = Call::get(path).token(&token).send(&fixture.router).await.ok();
    let types: Vec<&str> =
        shown["history"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["DeviceCordoned", "DeviceDiscovered"]);
    assert_eq!(shown["history"][0]["actor"], "user/operator");
    assert_eq!((&shown["history"][0]["reason"], &shown["history"][1]["reason"]), (&json!("it is hot"), &json!(null)));
}

#[tokio::test]
async fn the_overview_counts_and_tells_its_lag() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let overview = Call::get("/v1/overview").token(&token).send(&fixture.router).await.ok();
    assert_eq!((&overview["pools"], &overview["users"]["total"]), (&json!(1), &json!(4)));
    assert_eq!(overview["devices"]["total"], 4);
    assert_eq!(overview["lag"], json!({"events": 0, "stalled": false, "unheard_since": null}));
}

#[tokio::test]
async fn a_reader_waits_for_what_it_wrote_and_not_for_ever() {
    let position_timeout = Duration::from_millis(20);
    let fixture =
        Fixture::with(HttpSettings { position_timeout, password_cost: CHEAP, ..HttpSettings::default() }).await;
    let token = fixture.operator().await;
    let made = Call::post("/v1/pools", &json!({"name": "vision", "devices": []})).token(&token);
    let made = made.send(&fixture.router).await;
    // So short a wait tells whether it waits at all, and not how fast the read models are.
    fixture.settled().await;
    let wait = |position: &str| Call::get("/v1/pools/vision").token(&token).with("dkube-min-position", position);
    wait(made.header("dkube-position")).send(&fixture.router).await.ok();
    let late = wait("999999").send(&fixture.router).await;
    late.problem("position.not_reached");
    assert_eq!(late.header("retry-after"), "1");
}

#[tokio::test]
async fn health_tells_anybody_what_does_not_work_and_nobody_why() {
    let fixture = Fixture::new().await;
    let ready = Call::get("/readyz").send(&fixture.router).await;
    assert_eq!(ready.ok()["ready"], true);
    fixture.stop.send_replace(true);
    let ready = Call::get("/readyz").send(&fixture.router).await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.json()["parts"][0], json!({"part": "server", "ok": false}));
}
