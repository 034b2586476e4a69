//! Tokens: made, shown once, revoked.
use crate::http::testing::{Call, Fixture};
use domain::token::Scope;
use serde_json::json;

#[tokio::test]
async fn a_secret_is_shown_once_and_a_repeat_leaves_it_out() {
    let fixture = Fixture::new().await;
    let (cookie, csrf) = fixture.sign_in("ada").await;
    let issue = || {
        let body = json!({"name": "ci", "scope": "read", "expires_in_days": 30});
        let call = Call::post("/v1/tokens", &body).with("cookie", &*cookie).with("x-csrf-token", &*csrf);
        call.with("idempotency-key", "once")
    };
    let answer = issue().send(&fixture.router).await;
    assert_eq!(answer.status, 201);
    let first = answer.ok();
    let secret = first["token"]["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("dkube_") && secret.len() == 54);
    assert_eq!(answer.header("location"), format!("/v1/tokens/{}", first["token"]["id"].as_str().unwrap()));
    assert_eq!(first["events"][0]["type"], "TokenIssued");
    assert!(first.get("secret_withheld").is_none());
    let repeat = issue().send(&fixture.router).await.ok();
    assert_eq!(repeat["secret_withheld"], true);
    assert!(repeat["token"].get("secret").is_none());
    assert_eq!(repeat["token"]["id"], first["token"]["id"]);
    // At once: the gate waits for the read models where it must.
    let who = Call::get("/v1/session").token(&secret).send(&fixture.router).await.ok();
    assert_eq!((&who["login"], &who["csrf_token"]), (&json!("ada"), &json!(null)));
    let list = Call::get("/v1/tokens").token(&secret).send(&fixture.router).await;
    assert!(!list.text.contains(&secret[6..]) && list.text.contains("\"ci\""));
}

#[tokio::test]
async fn a_token_makes_no_token_and_a_dry_run_none_either() {
    let fixture = Fixture::new().await;
    let token = fixture.operator().await;
    let body = json!({"name": "ci", "scope": "full", "expires_in_days": 30});
    Call::post("/v1/tokens", &body).token(&token).send(&fixture.router).await.problem("auth.session_needed");
    let (cookie, csrf) = fixture.sign_in("ada").await;
    let dry = Call::post("/v1/tokens?dry_run=true", &body).with("cookie", &*cookie).with("x-csrf-token", &*csrf);
    let answer = dry.send(&fixture.router).await.ok();
    assert_eq!(answer["dry_run"], true);
    assert!(answer.get("token").is_none() && !answer.to_string().contains("dkube_"));
}

#[tokio::test]
async fn a_revoked_token_is_worth_nothing() {
    let fixture = Fixture::new().await;
    let (mine, operator) = (fixture.token("ada", domain::token::Scope::Full, 9).await, fixture.operator().await);
    let list = Call::get("/v1/users/ada/tokens").token(&operator).send(&fixture.router).await.ok();
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let bob = fixture.token("bob", domain::token::Scope::Full, 9).await;
    let revoke = || Call::new("DELETE", format!("/v1/tokens/{id}"));
    revoke().token(&bob).send(&fixture.router).await.problem("auth.forbidden");
    Call::get("/v1/users/ada/tokens").token(&bob).send(&fixture.router).await.problem("auth.forbidden");
    revoke().token(&mine).send(&fixture.router).await.ok();
    fixture.settled().await;
    Call::get("/v1/session").token(&mine).send(&fixture.router).await.problem("auth.invalid");
    revoke().token(&operator).send(&fixture.router).await.problem("token.not_found");
}

#[tokio::test]
async fn all_of_a_users_tokens_end_at_once() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let (one, two) = (fixture.token("ada", Scope::Read, 9).await, fixture.token("ada", Scope::Full, 9).await);
    let (bob, aud) = (fixture.token("bob", Scope::Full, 9).await, fixture.token("aud", Scope::Full, 9).await);
    let revoke = |login: &str, query: &str| Call::new("DELETE", format!("/v1/users/{login}/tokens{query}"));
    for token in [&bob, &aud] {
        for login in ["ada", "nobody"] {
            revoke(login, "").token(token).send(&fixture.router).await.problem("auth.forbidden");
        }
    }
    revoke("ada", "").token(&one).send(&fixture.router).await.problem("token.scope");
    let unknown = revoke("nobody", "").token(&operator).send(&fixture.router).await.problem("user.not_found");
    assert!(unknown.to_string().contains("nobody"), "{unknown}");
    let types = |answer: &serde_json::Value| {
        let events = answer["events"].as_array().unwrap();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let dry = fixture.done(&operator, revoke("ada", "?dry_run=true")).await;
    assert_eq!(types(&dry), ["TokenRevoked", "TokenRevoked"]);
    let answer = fixture.done(&two, revoke("ada", "")).await;
    assert_eq!(types(&answer), ["TokenRevoked", "TokenRevoked"], "one's own, the one that asks among them");
    for token in [&one, &two] {
        Call::get("/v1/session").token(token).send(&fixture.router).await.problem("auth.invalid");
    }
    assert_eq!(types(&fixture.done(&operator, revoke("ada", "")).await), [""; 0]);
    assert_eq!(types(&fixture.done(&operator, revoke("aud", "")).await), ["TokenRevoked"], "an operator anybody's");
    Call::get("/v1/session").token(&bob).send(&fixture.router).await.ok();
}

#[tokio::test]
async fn an_auditors_token_ends_once_they_are_a_data_scientist() {
    let fixture = Fixture::new().await;
    let (operator, aud) = (fixture.operator().await, fixture.token("aud", Scope::Full, 9).await);
    let change = Call::new("PATCH", "/v1/users/aud").json(&json!({"role": "data-scientist"}));
    assert_eq!(fixture.done(&operator, change).await["warnings"], json!([]));
    let job = json!({"name": "train", "user": "aud", "devices": 1});
    Call::post("/v1/jobs", &job).token(&aud).send(&fixture.router).await.problem("auth.invalid");
}

#[tokio::test]
async fn a_promotion_raises_no_token_and_that_is_said() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let ada = fixture.token("ada", Scope::Full, 9).await;
    let promote = || Call::new("PATCH", "/v1/users/ada").json(&json!({"role": "operator"}));
    promote().token(&operator).send(&fixture.router).await.problem("auth.session_needed");
    let newcomer = json!({"logins": ["eve"], "role": "operator"});
    let call = Call::post("/v1/users", &newcomer).token(&operator);
    call.send(&fixture.router).await.problem("auth.session_needed");
    let (cookie, csrf) = fixture.sign_in("operator").await;
    let promote = promote().with("cookie", cookie).with("x-csrf-token", csrf);
    let promoted = promote.send(&fixture.router).await.ok();
    fixture.settled().await;
    assert_eq!(promoted["warnings"][0]["code"], "tokens_keep_role");
    assert_eq!(promoted["warnings"][0]["user"], "ada");
    let pool = json!({"name": "vision", "devices": []});
    let lacking = Call::post("/v1/pools", &pool).token(&ada).send(&fixture.router).await.problem("token.role");
    assert!(lacking["detail"].as_str().unwrap().contains("data-scientist"), "{lacking}");
    let who = Call::get("/v1/session").token(&ada).send(&fixture.router).await.ok();
    assert_eq!((&who["user_role"], &who["token"]["role"]), (&json!("operator"), &json!("data-scientist")));
    let (cookie, _) = fixture.sign_in("bob").await;
    let who = Call::get("/v1/session").with("cookie", &*cookie).send(&fixture.router).await.ok();
    assert_eq!((&who["user_role"], &who["token"]), (&json!("data-scientist"), &json!(null)));
    let promote = Call::new("PATCH", "/v1/users/bob").json(&json!({"role": "auditor"}));
    assert_eq!(fixture.done(&operator, promote).await["warnings"], json!([]), "Bob has no tokens");
}
