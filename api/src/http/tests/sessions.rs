//! Signing in and out.
use crate::http::{
    HttpSettings,
    auth::SessionSecret,
    testing::{CHEAP, Call, Fixture, PASSWORD},
};
use domain::{Command, Role, token::Scope, user};
use serde_json::json;

async fn try_sign_in(fixture: &Fixture, login: &str, password: &str) -> crate::http::testing::Answered {
    Call::post("/v1/session", &json!({"login": login, "password": password})).send(&fixture.router).await
}

fn change(login: &str, role: Option<Role>, suspended: Option<bool>) -> Command {
    Command::User(user::Command::Change { login: login.parse().unwrap(), role, group: None, suspended })
}

#[tokio::test]
async fn a_session_reads_with_its_cookie_and_writes_with_the_csrf_token_besides() {
    let fixture = Fixture::new().await;
    let began = fixture.engine.now();
    let answer = try_sign_in(&fixture, "Operator", PASSWORD).await;
    let set = answer.header("set-cookie").to_owned();
    assert!(set.starts_with("dkube_session=") && set.contains("HttpOnly; SameSite=Lax") && !set.contains("Secure"));
    let body = answer.ok();
    assert_eq!((&body["login"], &body["role"]), (&json!("operator"), &json!("operator")));
    assert_eq!(body["expires_at"], began.plus_seconds(24 * 3600).to_string());
    let (cookie, csrf) = fixture.sign_in("operator").await;
    let get = Call::get("/v1/session").with("cookie", &*cookie).send(&fixture.router).await.ok();
    assert_eq!(get["csrf_token"], *csrf);
    let delete = || Call::new("DELETE", "/v1/pools/vision").with("cookie", &*cookie);
    delete().send(&fixture.router).await.problem("auth.csrf");
    delete().with("x-csrf-token", "wrong").send(&fixture.router).await.problem("auth.csrf");
    delete().with("x-csrf-token", &*csrf).send(&fixture.router).await.problem("pool.not_found");
    let out = Call::new("DELETE", "/v1/session").with("cookie", &*cookie).with("x-csrf-token", &*csrf);
    let out = out.send(&fixture.router).await;
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    Call::get("/v1/session").with("cookie", &*cookie).send(&fixture.router).await.problem("auth.invalid");
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let public_url = Some("https://dkube.example".to_owned());
    let fixture = Fixture::with(HttpSettings { public_url, password_cost: CHEAP, ..HttpSettings::default() }).await;
    let answer = try_sign_in(&fixture, "operator", PASSWORD).await;
    let set = answer.header("set-cookie");
    assert!(set.starts_with("__Host-dkube_session=") && set.contains("; Secure"), "{set}");
}

#[tokio::test]
async fn nobody_learns_which_half_was_wrong() {
    let fixture = Fixture::new().await;
    let wrong = try_sign_in(&fixture, "operator", "wrong horse battery").await;
    let unknown = try_sign_in(&fixture, "nobody", PASSWORD).await;
    let malformed = try_sign_in(&fixture, "no login at all", PASSWORD).await;
    for answer in [&wrong, &unknown, &malformed] {
        answer.problem("auth.failed");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
    assert_eq!(wrong.text, unknown.text);
    assert_eq!(wrong.text, malformed.text);
    assert!(!malformed.text.contains("no login at all"));
}

#[tokio::test]
async fn failed_sign_ins_are_slowed_down_and_not_locked_out() {
    let fixture = Fixture::new().await;
    for _ in 0..5 {
        try_sign_in(&fixture, "ada", "wrong horse battery").await.problem("auth.failed");
    }
    let answer = try_sign_in(&fixture, "ada", PASSWORD).await;
    answer.problem("auth.slow_down");
    let seconds: i64 = answer.header("retry-after").parse().unwrap();
    fixture.engine.pass(seconds);
    try_sign_in(&fixture, "ada", PASSWORD).await.ok();
}

#[tokio::test]
async fn a_suspended_user_gets_no_session_and_loses_those_they_have() {
    let fixture = Fixture::new().await;
    let (cookie, _) = fixture.sign_in("ada").await;
    fixture.system(change("ada", None, Some(true)));
    fixture.settled().await;
    Call::get("/v1/session").with("cookie", &*cookie).send(&fixture.router).await.problem("user.suspended");
    try_sign_in(&fixture, "ada", PASSWORD).await.problem("user.suspended");
    try_sign_in(&fixture, "ada", "wrong horse battery").await.problem("auth.failed");
    fixture.system(change("ada", None, Some(false)));
    fixture.settled().await;
    Call::get("/v1/session").with("cookie", &*cookie).send(&fixture.router).await.problem("auth.invalid");
}

#[tokio::test]
async fn a_downgrade_ends_sessions_and_a_promotion_does_not() {
    let fixture = Fixture::new().await;
    let (cookie, _) = fixture.sign_in("aud").await;
    fixture.system(change("aud", Some(Role::Operator), None));
    fixture.settled().await;
    let now = Call::get("/v1/session").with("cookie", &*cookie).send(&fixture.router).await.ok();
    assert_eq!(now["role"], "operator");
    fixture.system(change("aud", Some(Role::DataScientist), None));
    fixture.settled().await;
    Call::get("/v1/session").with("cookie", &*cookie).send(&fixture.router).await.problem("auth.invalid");
}

fn set_password(login: &str) -> Command {
    let hash = crate::http::hash_password("a longer new password", CHEAP).unwrap();
    Command::User(user::Command::SetPassword { login: login.parse().unwrap(), hash })
}

/// A request may come between a new password and the renewal of the session that it was set in.
#[tokio::test]
async fn a_session_that_was_refused_is_renewed_all_the_same() {
    let fixture = Fixture::new().await;
    let (cookie, _) = fixture.sign_in("ada").await;
    let (_, secret) = cookie.split_once('=').unwrap();
    let look = || Call::get("/v1/session").with("cookie", &*cookie);
    fixture.system(set_password("ada"));
    fixture.settled().await;
    look().send(&fixture.router).await.problem("auth.invalid");
    fixture.app.sessions.renew(&SessionSecret::presented(secret).key(), fixture.app.durable());
    look().send(&fixture.router).await.ok();
}

/// As when the server stops, or the request is broken off, right after the event is durable: nobody follows up.
#[tokio::test]
async fn what_is_recorded_ends_sessions_though_nobody_follows_up() {
    let endings = [
        vec![set_password("ada")],
        vec![change("ada", None, Some(true)), change("ada", None, Some(false))],
        vec![change("ada", Some(Role::DataScientist), None), change("ada", Some(Role::Operator), None)],
    ];
    for ending in endings {
        let fixture = Fixture::new().await;
        fixture.system(change("ada", Some(Role::Operator), None));
        fixture.settled().await;
        let (cookie, csrf) = fixture.sign_in("ada").await;
        let (bobs, _) = fixture.sign_in("bob").await;
        let body = json!({"name": "vision", "devices": []});
        let write = Call::post("/v1/pools", &body).with("cookie", &*cookie).with("x-csrf-token", &*csrf);
        for command in ending {
            fixture.system(command);
        }
        // At once: the read models may not have seen it yet, and the engine has.
        write.send(&fixture.router).await.problem("auth.invalid");
        fixture.settled().await;
        let look = Call::get("/v1/session").with("cookie", &*cookie);
        look.send(&fixture.router).await.problem("auth.invalid");
        Call::get("/v1/session").with("cookie", &*bobs).send(&fixture.router).await.ok();
        let operator = fixture.operator().await;
        let listed = Call::get("/v1/sessions").token(&operator).send(&fixture.router).await.ok();
        let logins: Vec<_> = listed["items"].as_array().unwrap().iter().map(|session| &session["login"]).collect();
        assert_eq!(logins, ["bob"]);
    }
}

#[tokio::test]
async fn sessions_end_when_idle_and_when_old() {
    let fixture = Fixture::new().await;
    let (cookie, _) = fixture.sign_in("ada").await;
    let look = || Call::get("/v1/session").with("cookie", &*cookie);
    for _ in 0..3 {
        fixture.engine.pass(7 * 3600);
        look().send(&fixture.router).await.ok();
    }
    fixture.engine.pass(3 * 3600);
    look().send(&fixture.router).await.problem("auth.invalid");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_by_their_owner_or_an_operator() {
    let fixture = Fixture::new().await;
    let (ada, ada_csrf) = fixture.sign_in("ada").await;
    fixture.sign_in("bob").await;
    let operator = fixture.operator().await;
    let list = async |call: Call| call.send(&fixture.router).await.ok()["items"].as_array().unwrap().clone();
    let own = list(Call::get("/v1/sessions").with("cookie", &*ada)).await;
    assert_eq!((own.len(), &own[0]["login"], &own[0]["current"]), (1, &json!("ada"), &json!(true)));
    let all = list(Call::get("/v1/sessions").token(&operator)).await;
    assert_eq!(all.len(), 2);
    let bobs = all.iter().find(|session| session["login"] == "bob").unwrap()["id"].as_str().unwrap();
    let end = || Call::new("DELETE", format!("/v1/sessions/{bobs}"));
    let by_ada = end().with("cookie", &*ada).with("x-csrf-token", &*ada_csrf);
    by_ada.send(&fixture.router).await.problem("session.not_found");
    assert_eq!(end().token(&operator).send(&fixture.router).await.status, 204);
    end().token(&operator).send(&fixture.router).await.problem("session.not_found");
    Call::get("/v1/sessions?as_of=1").token(&operator).send(&fixture.router).await.problem("as_of.unsupported");
}

#[tokio::test]
async fn a_password_is_changed_by_who_knows_it_and_ends_the_other_sessions() {
    let fixture = Fixture::new().await;
    let (here, csrf) = fixture.sign_in("ada").await;
    let (elsewhere, _) = fixture.sign_in("ada").await;
    let set =
        |body: serde_json::Value| Call::post("/v1/password", &body).with("cookie", &*here).with("x-csrf-token", &*csrf);
    let new = "a longer new password";
    set(json!({"password": new})).send(&fixture.router).await.problem("request.body");
    set(json!({"password": "short", "current": PASSWORD})).send(&fixture.router).await.problem("request.body");
    set(json!({"password": new, "current": "wrong horse"})).send(&fixture.router).await.problem("auth.failed");
    set(json!({"password": new, "login": "bob"})).send(&fixture.router).await.problem("auth.forbidden");
    let answer = set(json!({"password": new, "current": PASSWORD})).send(&fixture.router).await.ok();
    assert_eq!(answer["events"][0]["type"], "PasswordSet");
    assert!(!answer.to_string().contains("argon2"));
    fixture.settled().await;
    Call::get("/v1/session").with("cookie", &*here).send(&fixture.router).await.ok();
    Call::get("/v1/session").with("cookie", &*elsewhere).send(&fixture.router).await.problem("auth.invalid");
    try_sign_in(&fixture, "ada", PASSWORD).await.problem("auth.failed");
    try_sign_in(&fixture, "ada", new).await.ok();
}

#[tokio::test]
async fn an_operator_may_set_anybodys_password() {
    let fixture = Fixture::new().await;
    let (cookie, csrf) = fixture.sign_in("operator").await;
    let (adas, _) = fixture.sign_in("ada").await;
    let body = json!({"login": "ada", "password": "set by the operator"});
    let call = Call::post("/v1/password", &body).with("cookie", &*cookie).with("x-csrf-token", &*csrf);
    call.send(&fixture.router).await.ok();
    fixture.settled().await;
    Call::get("/v1/session").with("cookie", &*adas).send(&fixture.router).await.problem("auth.invalid");
    try_sign_in(&fixture, "ada", "set by the operator").await.ok();
}

#[tokio::test]
async fn a_token_that_is_wrong_is_not_made_good_by_a_cookie() {
    let fixture = Fixture::new().await;
    let (cookie, _) = fixture.sign_in("operator").await;
    let call = Call::get("/v1/pools").with("cookie", &*cookie);
    call.clone().with("authorization", "Bearer nonsense").send(&fixture.router).await.problem("auth.invalid");
    call.clone().with("authorization", "Basic b3BlcmF0b3I6eA==").send(&fixture.router).await.problem("auth.invalid");
    let token = fixture.token("ada", Scope::Read, 1).await;
    let both = call.token(&token).send(&fixture.router).await.ok();
    assert_eq!(both["items"].as_array().unwrap().len(), 1, "the token counts: a data scientist's own pool");
}
