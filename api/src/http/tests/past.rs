//! Looks at the past.
use crate::http::testing::{Call, Fixture};
use domain::token::Scope;
use serde_json::{Value, json};

#[tokio::test]
async fn every_recorded_thing_can_be_seen_as_it_was() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let (before, earlier) = (fixture.live.position(), fixture.engine.now());
    fixture.engine.pass(60);
    fixture.done(&token, Call::post("/v1/pools", &json!({"name": "vision", "devices": []}))).await;
    fixture.done(&token, Call::new("PATCH", "/v1/users/ada").json(&json!({"role": "auditor"}))).await;
    for as_of in [before.to_string(), earlier.to_string(), earlier.plus_seconds(30).to_string()] {
        let look = async |path: &str| {
            let answer = Call::get(format!("{path}?as_of={as_of}")).token(&token).send(&fixture.router).await;
            assert_eq!(answer.header("dkube-position"), before.to_string(), "{path} {}", answer.text);
            answer
        };
        assert_eq!(look("/v1/pools").await.ok()["items"].as_array().unwrap().len(), 1);
        let ada = look("/v1/users/ada").await;
        assert_eq!(ada.header("etag"), format!("\"{}\"", ada.ok()["revision"]));
        assert_eq!(ada.ok()["role"], "data-scientist");
        assert!(look("/v1/overview").await.ok().get("lag").is_none(), "lag is measured, not recorded");
        assert_eq!(look("/v1/audit").await.ok()["position"], before.0);
        for path in ["/v1/groups", "/v1/nodes", "/v1/devices", "/v1/jobs", "/v1/tokens"] {
            look(path).await.ok();
        }
        let answer = Call::get(format!("/v1/pools/vision?as_of={as_of}")).token(&token).send(&fixture.router).await;
        answer.problem("pool.not_found");
    }
}

#[tokio::test]
async fn a_sign_in_is_recorded_and_the_use_of_a_token_is_told_of_the_present_alone() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let ada = fixture.token("ada", Scope::Read, 9).await;
    fixture.settled().await;
    let before = fixture.live.position();
    fixture.engine.pass(60);
    fixture.sign_in("ada").await;
    fixture.settled().await;
    let signed_in = fixture.app.present(|state| state.cluster().at().recorded_at.to_string());
    fixture.engine.pass(60);
    let used = fixture.engine.now().to_string();
    Call::get("/v1/users/ada").token(&ada).send(&fixture.router).await.ok();
    fixture.engine.pass(60);
    let look = async |path: String| Call::get(path).token(&operator).send(&fixture.router).await.ok();
    assert_eq!(look("/v1/users/ada".to_owned()).await["last_sign_in"], signed_in);
    assert_eq!(look("/v1/users/bob".to_owned()).await["last_sign_in"], Value::Null);
    assert_eq!(look(format!("/v1/users/ada?as_of={before}")).await["last_sign_in"], Value::Null);
    let users = look("/v1/users".to_owned()).await;
    let named = |login: &str| users["items"].as_array().unwrap().iter().find(|user| user["login"] == login).unwrap();
    assert_eq!(named("ada")["last_sign_in"], signed_in);
    let seen = |at: Option<&str>| json!({"at": at, "since": "2026-03-01T12:00:00.000000Z"});
    for path in ["/v1/users/ada/tokens", "/v1/tokens"] {
        let tokens = look(path.to_owned()).await;
        let mine = tokens["items"].as_array().unwrap().iter().find(|token| token["user"]["login"] == "ada").unwrap();
        assert_eq!(mine["last_use"], seen(Some(&used)), "{path}");
    }
    let at = fixture.live.position();
    for path in ["/v1/tokens", "/v1/users/ada/tokens"] {
        let past = look(format!("{path}?as_of={at}")).await.to_string();
        assert!(!past.contains("last_use"), "{path}: {past}");
    }
}

#[tokio::test]
async fn the_future_and_nonsense_are_malformed() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let later = fixture.engine.now().plus_seconds(60).to_string();
    for (as_of, code) in [
        ("999999", "as_of.future"),
        ("99999999999999999999999", "as_of.future"),
        (&*later, "as_of.future"),
        ("2999-01-01T00:00:00Z", "as_of.future"),
        ("yesterday", "request.query"),
        ("-1", "request.query"),
        ("", "request.query"),
        ("2026-03-01", "request.query"),
        ("1&as_of=2", "request.query"),
    ] {
        let answer = Call::get(format!("/v1/pools?as_of={as_of}")).token(&token).send(&fixture.router).await;
        assert_eq!(answer.status, 400, "{as_of}");
        answer.problem(code);
    }
    for path in ["/v1/session", "/v1/sessions", "/v1/events"] {
        let answer = Call::get(format!("{path}?as_of=1")).token(&token).send(&fixture.router).await;
        answer.problem("as_of.unsupported");
    }
}

#[tokio::test]
async fn expiries_are_judged_at_the_views_time() {
    let fixture = Fixture::new().await;
    fixture.token("ada", Scope::Read, 1).await;
    let then = fixture.engine.now();
    let token = fixture.token("operator", Scope::Read, 100).await;
    fixture.engine.pass(2 * 24 * 3600);
    let look = async |query: &str| {
        let path = format!("/v1/users/ada/tokens{query}");
        Call::get(path).token(&token).send(&fixture.router).await.ok()["items"][0]["expired"].clone()
    };
    assert_eq!(look("").await, true);
    assert_eq!(look(&format!("?as_of={then}")).await, false);
}

#[tokio::test]
async fn who_may_look_is_judged_by_the_present_role() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let before = fixture.live.position();
    fixture.done(&token, Call::new("PATCH", "/v1/users/aud").json(&json!({"role": "data-scientist"}))).await;
    let no_auditor = fixture.token("aud", Scope::Read, 9).await;
    let call = Call::get(format!("/v1/overview?as_of={before}")).token(&no_auditor);
    call.send(&fixture.router).await.problem("auth.forbidden");
}
