//! What is recorded of those who sign in, are refused, or read the audit trail.
use crate::http::{
    auth::Proven,
    session::open,
    testing::{Call, Fixture, PASSWORD},
};
use domain::{Command, token::Scope, user};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const KINDS: &str = "SignedIn,SignInFailed,AccessDenied,AuditRead";

/// What was told, the oldest first: type, actor, and what is said.
async fn told(fixture: &Fixture) -> Vec<(String, String, Value)> {
    fixture.settled().await;
    let auditor = fixture.token("aud", Scope::Read, 9).await;
    let path = format!("/v1/audit?order=asc&limit=1000&type={KINDS}");
    let page = Call::get(path).token(&auditor).send(&fixture.router).await.ok();
    let text = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    let all = page["events"].as_array().unwrap().iter();
    let all = all.map(|event| (text(event, "type"), text(event, "actor"), event["data"].clone()));
    // But the look that this is.
    all.filter(|(kind, actor, _)| (kind.as_str(), actor.as_str()) != ("AuditRead", "user/aud")).collect()
}

async fn sign_in(fixture: &Fixture, login: &str, password: &str) -> u16 {
    let call = Call::post("/v1/session", &json!({"login": login, "password": password}));
    call.send(&fixture.router).await.status.as_u16()
}

#[tokio::test]
async fn who_signs_in_and_who_fails_to_is_recorded_without_what_they_typed() {
    let fixture = Fixture::new().await;
    assert_eq!(sign_in(&fixture, "ada", PASSWORD).await, 200);
    assert_eq!(sign_in(&fixture, "ada", "not her password").await, 401);
    for typed in ["correct-horse-battery", "Pa ss w0rd!"] {
        assert_eq!(sign_in(&fixture, typed, PASSWORD).await, 401);
    }
    let suspend =
        user::Command::Change { login: "bob".parse().unwrap(), role: None, group: None, suspended: Some(true) };
    fixture.system(Command::User(suspend));
    fixture.settled().await;
    assert_eq!(sign_in(&fixture, "bob", PASSWORD).await, 403);
    let (ada, bob) = (fixture.user("ada").await, fixture.user("bob").await);
    let failed = |user: Value, login: Value, code: &str| {
        let data = match login {
            Value::Null => json!({"user": user, "code": code}),
            login => json!({"user": user, "login": login, "code": code}),
        };
        ("SignInFailed".to_owned(), "system".to_owned(), data)
    };
    let in_ = json!({"user": ada, "login": "ada", "break_glass": false});
    let expected = [
        ("SignedIn".to_owned(), "user/ada".to_owned(), in_),
        failed(json!(ada), json!("ada"), "auth.failed"),
        failed(Value::Null, Value::Null, "auth.failed"),
        failed(Value::Null, Value::Null, "auth.failed"),
        failed(json!(bob), json!("bob"), "user.suspended"),
    ];
    assert_eq!(told(&fixture).await, expected);
}

#[tokio::test]
async fn who_is_deleted_while_the_password_is_checked_failed_to_sign_in() {
    let fixture = Fixture::new().await;
    let (ada, since) = (fixture.user("ada").await, fixture.live.position());
    let delete = user::Command::Delete { logins: vec!["ada".parse().unwrap()] };
    fixture.system(Command::User(delete));
    fixture.settled().await;
    let proven = Proven { user: ada, since, address: None };
    let refused = open(&fixture.app, proven).await.err().expect("nobody signs in who is not there");
    assert_eq!(refused.status(), 401);
    let data = json!({"user": ada, "login": "ada", "code": "auth.invalid"});
    assert_eq!(told(&fixture).await, [("SignInFailed".to_owned(), "system".to_owned(), data)]);
    let operator = fixture.operator().await;
    let metrics = Call::get("/metrics").token(&operator).send(&fixture.router).await.text;
    assert!(metrics.contains(r#"dkube_sign_ins_total{outcome="failed"} 1"#), "{metrics}");
}

#[tokio::test]
async fn what_somebody_may_not_is_recorded_whatever_refuses_it() {
    let fixture = Fixture::new().await;
    let ada = fixture.token("ada", Scope::Full, 9).await;
    let reader = fixture.token("operator", Scope::Read, 9).await;
    let (cookie, _) = fixture.sign_in("operator").await;
    // The table of roles, a look at what is somebody else's, a token's scope, a page of somebody else's.
    Call::post("/v1/pools", &json!({"name": "mine", "devices": []})).token(&ada).send(&fixture.router).await;
    Call::get("/v1/users/bob").token(&ada).send(&fixture.router).await.problem("auth.forbidden");
    Call::new("DELETE", "/v1/pools/default").token(&reader).send(&fixture.router).await.problem("token.scope");
    let forged = Call::new("DELETE", "/v1/pools/default").with("cookie", &*cookie);
    forged.send(&fixture.router).await.problem("auth.csrf");
    // Nobody's are counted, and not recorded.
    Call::get("/v1/audit").token("dkube_AAAA").send(&fixture.router).await.problem("auth.invalid");
    Call::get("/v1/audit").send(&fixture.router).await.problem("auth.required");
    let denied: Vec<_> = told(&fixture).await.into_iter().filter(|(kind, ..)| kind == "AccessDenied").collect();
    let told: Vec<_> =
        denied.iter().map(|(_, actor, data)| (actor.as_str(), &data["operation"], &data["code"])).collect();
    assert_eq!(
        told,
        [
            ("user/ada", &json!("POST /v1/pools"), &json!("auth.forbidden")),
            ("user/ada", &json!("GET /v1/users/{login}"), &json!("auth.forbidden")),
            ("user/operator", &json!("DELETE /v1/pools/{name}"), &json!("token.scope")),
            ("user/operator", &json!("DELETE /v1/pools/{name}"), &json!("auth.csrf")),
        ]
    );
}

#[tokio::test]
async fn who_would_end_a_foreign_job_is_recorded_and_learns_nothing_whether_it_is_there_or_not() {
    let fixture = Fixture::new().await;
    let (operator, ada) = (fixture.operator().await, fixture.token("ada", Scope::Full, 9).await);
    let start = async || {
        let call = Call::post("/v1/jobs", &json!({"name": "j", "user": "bob", "devices": 1})).token(&operator);
        call.send(&fixture.router).await.header("location").to_owned()
    };
    let (runs, ended) = (start().await, start().await);
    let end = Call::new("DELETE", format!("{ended}?force=true")).token(&operator).with("dkube-reason", "idle");
    end.send(&fixture.router).await.ok();
    fixture.settled().await;
    let never = format!("/v1/jobs/{}", uuid::Uuid::from_u128(7));
    let jobs = [&*runs, &*ended, &*never];
    for job in jobs {
        let end = Call::new("DELETE", job).token(&ada).with("if-match", "\"1\"");
        end.send(&fixture.router).await.problem("auth.forbidden");
    }
    let mut answers = vec![];
    for job in jobs {
        answers.push(Call::new("DELETE", job).token(&ada).send(&fixture.router).await.problem("auth.forbidden"));
    }
    // Even where what happened can't be read.
    fixture.engine.unreadable.store(true, Ordering::Relaxed);
    answers.push(Call::new("DELETE", &*ended).token(&ada).send(&fixture.router).await.problem("auth.forbidden"));
    fixture.engine.unreadable.store(false, Ordering::Relaxed);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let told = told(&fixture).await;
    let denied = told.iter().filter(|(kind, actor, _)| (kind.as_str(), actor.as_str()) == ("AccessDenied", "user/ada"));
    assert_eq!(denied.count(), 7, "{told:?}");
}

#[tokio::test]
async fn who_reads_the_audit_trail_is_recorded_once_an_hour_for_each_sign_in() {
    let fixture = Fixture::new().await;
    let one = fixture.token("operator", Scope::Read, 9).await;
    let other = fixture.token("operator", Scope::Read, 9).await;
    for token in [&one, &one, &other] {
        Call::get("/v1/audit").token(token).send(&fixture.router).await.ok();
    }
    Call::get("/v1/audit/1").token(&one).send(&fixture.router).await.ok();
    assert_eq!(told(&fixture).await.len(), 2);
    fixture.engine.pass(3600);
    Call::get("/v1/events?after=0").token(&one).begin(&fixture.router).await;
    let told = told(&fixture).await;
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|(kind, actor, _)| (kind.as_str(), actor.as_str()) == ("AuditRead", "user/operator")));
}

#[tokio::test]
async fn a_refusal_is_answered_also_where_it_can_not_be_recorded() {
    let fixture = Fixture::new().await;
    let ada = fixture.token("ada", Scope::Full, 9).await;
    let gone = fixture.user("ada").await;
    fixture.system(Command::User(user::Command::Delete { logins: vec!["ada".parse().unwrap()] }));
    // The read models may still know her, and the engine does not.
    let answer = Call::get("/v1/audit").token(&ada).send(&fixture.router).await;
    assert!(matches!(answer.status.as_u16(), 401 | 403));
    assert_eq!(told(&fixture).await, [], "{gone} is no more");
}
