//! Another host takes a node's name, and its inventory replaces every device there.
use crate::http::testing::{Call, Fixture};
use domain::{
    Command, Incarnation, Origin,
    device::DeviceId,
    node::{self, Facts, Seen},
};
use serde_json::{Value, json};
use uuid::Uuid;

fn other(nth: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(0x2000 + nth))
}

/// A host that goes by the name of `node-01` tells what it has.
async fn report(fixture: &Fixture, devices: [DeviceId; 4]) {
    let seen = devices.into_iter().enumerate().map(|(nth, device)| Seen {
        device,
        slot: format!("00000000:{nth:02X}:00.0").parse().unwrap(),
        model: Fixture::MODEL.parse().unwrap(),
        memory_bytes: 80 << 30,
        instances: vec![],
    });
    let (node, observed_at) = ("node-01".parse().unwrap(), fixture.engine.now());
    let origin = Origin { incarnation: Incarnation(Uuid::from_u128(7)), sequence: 1, observed_at };
    let (facts, devices) = (Facts::default(), Some(seen.collect()));
    fixture.system(Command::Node(node::Command::ReportInventory { node, origin, facts, devices, settled: true }));
    fixture.settled().await;
}

async fn replaced_alerts(fixture: &Fixture, token: &str) -> Vec<Value> {
    let alerts = Call::get("/v1/alerts").token(token).send(&fixture.router).await.ok();
    let items = alerts["items"].as_array().unwrap().iter();
    items.filter(|alert| alert["code"] == "node.devices_replaced").cloned().collect()
}

#[tokio::test]
async fn a_takeover_is_an_alert_that_lasts_a_day() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let job = Call::post("/v1/jobs", &json!({"name": "train", "user": "ada", "devices": 1}));
    fixture.done(&token, job).await;
    assert_eq!(replaced_alerts(&fixture, &token).await, Vec::<Value>::new());
    report(&fixture, [0, 1, 2, 3].map(other)).await;
    let since = fixture.engine.now();
    fixture.engine.pass(3600);
    let alerts = replaced_alerts(&fixture, &token).await;
    let [alert] = &alerts[..] else { panic!("one for the node: {alerts:?}") };
    assert_eq!(
        (&alert["severity"], &alert["subject"], &alert["since"]),
        (&json!("warning"), &json!("node/node-01"), &json!(since))
    );
    let summary = alert["summary"].as_str().unwrap();
    assert!(summary.starts_with("4 of its devices were replaced"), "{summary}");
    let pair = |nth| format!("{} by {}", Fixture::device(nth), other(nth));
    assert!((0..4).all(|nth| summary.contains(&pair(nth))), "{summary}");
    assert!(alert["action"].as_str().unwrap().contains("another host goes by this node's name"));
    assert_eq!(alert["jobs"]["first"][0]["user"]["login"], "ada", "whose job is on one that was replaced");
    let shown = Call::get(format!("/v1/devices/{}", other(0))).token(&token).send(&fixture.router).await.ok();
    assert_eq!(shown["replaces"], json!(Fixture::device(0)));
    fixture.engine.pass(86_400 - 3600);
    assert_eq!(replaced_alerts(&fixture, &token).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_put_back_is_no_alert_any_more() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    report(&fixture, [other(0), Fixture::device(1), Fixture::device(2), Fixture::device(3)]).await;
    assert_eq!(replaced_alerts(&fixture, &token).await.len(), 1);
    let retire = |device: DeviceId, retired: bool| {
        Call::new("PATCH", format!("/v1/devices/{device}")).json(&json!({ "retired": retired }))
    };
    fixture.done(&token, retire(Fixture::device(0), false)).await;
    assert_eq!(replaced_alerts(&fixture, &token).await.len(), 1, "the new one is still in service there");
    report(&fixture, [0, 1, 2, 3].map(Fixture::device)).await;
    fixture.done(&token, retire(other(0), true)).await;
    assert_eq!(replaced_alerts(&fixture, &token).await, Vec::<Value>::new());
}
