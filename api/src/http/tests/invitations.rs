//! Passwords that nobody else has seen, and where the operator who remains may come from.
use crate::http::{
    HttpSettings,
    testing::{CHEAP, Call, Fixture, PASSWORD},
};
use domain::token::Scope;
use serde_json::json;

const CHOSEN: &str = "chosen by nobody else";

fn accept(code: &str, password: &str) -> Call {
    Call::post(format!("/v1/invitations/{code}"), &json!({"password": password}))
}

fn sign_in(login: &str, password: &str) -> Call {
    Call::post("/v1/session", &json!({"login": login, "password": password}))
}

#[tokio::test]
async fn who_is_on_boarded_without_a_password_chooses_one_once() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let body = json!({"logins": ["eve", "fay"], "passwords": {"fay": PASSWORD}});
    let made = fixture.done(&operator, Call::post("/v1/users", &body)).await;
    let invitations = made["invitations"].as_array().unwrap();
    assert_eq!(invitations.len(), 1, "who has a password needs none");
    assert_eq!(invitations[0]["login"], "eve");
    let code = invitations[0]["code"].as_str().unwrap();
    let user = Call::get("/v1/users/eve").token(&operator).send(&fixture.router).await.ok();
    assert_eq!((&user["has_password"], &user["invited_until"]), (&json!(false), &invitations[0]["expires_at"]));
    assert!(!made["events"].to_string().contains(code));

    accept(code, "short").send(&fixture.router).await.problem("request.body");
    accept("invite_nobodys", CHOSEN).send(&fixture.router).await.problem("invitation.not_found");
    assert_eq!(accept(code, CHOSEN).send(&fixture.router).await.ok(), json!({"login": "eve"}));
    fixture.settled().await;
    let set =
        Call::get("/v1/audit?type=PasswordSet&subject=user/eve").token(&operator).send(&fixture.router).await.ok();
    assert_eq!(set["events"][0]["actor"], "user/eve", "what is recorded of it is theirs");
    accept(code, CHOSEN).send(&fixture.router).await.problem("invitation.not_found");
    sign_in("eve", CHOSEN).send(&fixture.router).await.ok();
}

#[tokio::test]
async fn a_repeated_answer_has_no_code() {
    let fixture = Fixture::new().await;
    let operator = fixture.operator().await;
    let call = || Call::post("/v1/users", &json!({"logins": ["eve"]})).with("idempotency-key", "once");
    let first = fixture.done(&operator, call()).await;
    assert!(first["invitations"][0]["code"].is_string() && first.get("secret_withheld").is_none());
    let again = fixture.done(&operator, call()).await;
    assert_eq!(again["secret_withheld"], true);
    assert_eq!(again["invitations"][0]["login"], "eve");
    assert!(again["invitations"][0].get("code").is_none(), "{again}");
}

#[tokio::test]
async fn an_operator_invites_in_person_and_the_last_one_counts() {
    let fixture = Fixture::new().await;
    let invite = |login: &str| Call::new("POST", format!("/v1/users/{login}/invitation"));
    let token = fixture.operator().await;
    invite("ada").token(&token).send(&fixture.router).await.problem("auth.session_needed");
    let (cookie, csrf) = fixture.sign_in("operator").await;
    let in_person = |call: Call| call.with("cookie", &*cookie).with("x-csrf-token", &*csrf);
    let mut codes = vec![];
    for _ in 0..2 {
        let made = in_person(invite("ada")).send(&fixture.router).await.ok();
        codes.push(made["invitations"][0]["code"].as_str().unwrap().to_owned());
        fixture.settled().await;
    }
    // Until she chooses another one, the old password holds.
    sign_in("ada", PASSWORD).send(&fixture.router).await.ok();
    accept(&codes[0], CHOSEN).send(&fixture.router).await.problem("invitation.not_found");
    accept(&codes[1], CHOSEN).send(&fixture.router).await.ok();
    fixture.settled().await;
    sign_in("ada", PASSWORD).send(&fixture.router).await.problem("auth.failed");
    in_person(invite("operator")).send(&fixture.router).await.problem("user.break_glass");
    in_person(invite("nobody")).send(&fixture.router).await.problem("user.not_found");
}

#[tokio::test]
async fn whoever_tries_codes_is_slowed_down() {
    let fixture = Fixture::new().await;
    let mut codes = vec![];
    for n in 0..30 {
        let call = accept(&format!("invite_{n}"), CHOSEN).with("x-forwarded-for", "192.0.2.7");
        codes.push(call.send(&fixture.router).await.json()["code"].as_str().unwrap().to_owned());
    }
    // Without an address nobody is told apart, and each code is tried five times.
    assert!(codes.iter().all(|code| code == "invitation.not_found"), "{codes:?}");
    for _ in 0..4 {
        accept("invite_1", CHOSEN).send(&fixture.router).await.problem("invitation.not_found");
    }
    accept("invite_1", CHOSEN).send(&fixture.router).await.problem("auth.slow_down");
}

#[tokio::test]
async fn the_operator_who_remains_may_be_bound_to_networks() {
    let settings = HttpSettings {
        password_cost: CHEAP,
        break_glass_from: vec!["192.0.2.0/24".parse().unwrap()],
        ..HttpSettings::default()
    };
    let fixture = Fixture::with(settings).await;
    // From nowhere known, and so not from there.
    sign_in("operator", PASSWORD).send(&fixture.router).await.problem("auth.failed");
    sign_in("ada", PASSWORD).send(&fixture.router).await.ok();
    let aud = fixture.token("aud", Scope::Read, 9).await;
    let failed = Call::get("/v1/audit?type=SignInFailed").token(&aud).send(&fixture.router).await.ok();
    assert_eq!(failed["events"][0]["data"]["code"], "auth.not_from_here", "whoever has set the networks finds it");
    // No token of theirs is a way around.
    let token = fixture.operator().await;
    Call::get("/v1/users").token(&token).send(&fixture.router).await.problem("auth.not_from_here");
    let settings = fixture.app.settings();
    assert!(
        settings.may_break_glass("192.0.2.9".parse().ok()) && settings.may_break_glass("::ffff:192.0.2.9".parse().ok())
    );
    assert!(!settings.may_break_glass("198.51.100.1".parse().ok()) && !settings.may_break_glass(None));
}
