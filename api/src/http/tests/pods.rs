//! Pods, as Kubernetes has them.
use crate::http::testing::{Call, Fixture};
use domain::{
    Timestamp,
    mirror::{Link, Phase, Pod, PodKey, Stream, Update},
    token::Scope,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A cluster with a pod of Ada's, of which its agent tells that it can't be seen any more.
fn lose_sight(fixture: &Fixture) {
    let key = PodKey { namespace: "vision".into(), name: "train".into() };
    let pod = Pod { phase: Phase::Running, ready: true, user: Some("ada".into()), ..Pod::new(key, Uuid::from_u128(1)) };
    let updates = [Update::Begin, Update::Part { nodes: vec![], pods: vec![pod] }, Update::End];
    for (update, sequence) in updates.into_iter().zip(1..) {
        let stream = Stream { epoch: Uuid::from_u128(1), sequence };
        let link =
            Link { connected: false, since: Timestamp::from_micros(1), error: Some("refused".into()), claims: false };
        fixture.app.parts.mirrors.take("east".parse().unwrap(), stream, link, update, fixture.engine.now());
    }
}

#[tokio::test]
async fn what_keeps_an_agent_from_its_cluster_is_left_out_for_those_who_see_only_their_own() {
    let fixture = Fixture::new().await;
    lose_sight(&fixture);
    let mirror = |token: String| {
        let fixture = &fixture;
        async move {
            let pods: Value = Call::get("/v1/pods").token(&token).send(&fixture.router).await.ok();
            assert_eq!(pods["items"][0]["name"], "train");
            pods["mirrors"][0].clone()
        }
    };
    assert_eq!(mirror(fixture.operator().await).await["error"], json!("refused"));
    let shown = mirror(fixture.token("ada", Scope::Read, 1).await).await;
    assert_eq!(shown["connected"], json!(false));
    assert!(!shown.as_object().unwrap().contains_key("error"), "null would read as nothing: {shown}");
}
