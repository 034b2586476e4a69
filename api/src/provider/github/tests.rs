use super::*;
use crate::provider::{
    Answer, Pending, Person, Provider, ProviderError,
    testing::{NOW, StandIn, outside, query},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use domain::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const CALLBACK: &str = "https://dkube.example/callback";
const EXCHANGE: &str = "POST /login/oauth/access_token";
const MEMBERSHIP: &str = "GET /api/v3/user/memberships/orgs/acme";
const MEMBERS: &str = "GET /api/v3/orgs/acme/members";

fn callback() -> Url {
    CALLBACK.parse().unwrap()
}

fn app(stand_in: &StandIn, directory_token: Option<&str>) -> GitHub {
    GitHub {
        organization: "acme".to_owned(),
        client_id: "client".to_owned(),
        client_secret: Secret::new("hunter2".to_owned()),
        directory_token: directory_token.map(|token| Secret::new(token.to_owned())),
        base_url: stand_in.url.clone(),
    }
}

/// GitHub, where Ada is an active member.
async fn github() -> StandIn {
    let stand_in = StandIn::new().await;
    stand_in.says(EXCHANGE, 200, &json!({ "access_token": "gho_1", "scope": "read:org", "token_type": "bearer" }));
    stand_in.says("GET /api/v3/user", 200, &json!({ "id": 7, "login": "ada", "name": "Ada" }));
    stand_in.says(MEMBERSHIP, 200, &json!({ "state": "active", "role": "member" }));
    stand_in.says("DELETE /api/v3/applications/client/token", 204, &Value::Null);
    stand_in
}

async fn signed_in(stand_in: &StandIn) -> Result<Person, ProviderError> {
    let (outside, _) = outside();
    let provider = Provider::GitHub(app(stand_in, None));
    let (_, pending) = provider.begin(&outside, &callback()).await?;
    let state = Some(pending.state().to_owned());
    let answer = Answer { code: Some("code".to_owned()), state, ..Answer::default() };
    provider.finish(&outside, &callback(), pending, answer).await
}

#[tokio::test]
async fn a_member_signs_in() {
    let stand_in = github().await;
    let (outside, _) = outside();
    let provider = Provider::GitHub(app(&stand_in, None));
    let (address, pending) = provider.begin(&outside, &callback()).await.unwrap();
    let asked = query(&address);
    assert_eq!(address.path(), "/login/oauth/authorize");
    assert_eq!((asked["scope"].as_str(), asked["redirect_uri"].as_str()), ("read:org", CALLBACK));
    assert_eq!((asked["code_challenge_method"].as_str(), asked["state"].as_str()), ("S256", pending.state()));
    let state = Some(asked["state"].clone());
    let answer = Answer { code: Some("code".to_owned()), state, ..Answer::default() };
    let person = provider.finish(&outside, &callback(), pending, answer).await;
    assert_eq!(person, Ok(Person { subject: "7".to_owned(), login: "ada".to_owned() }));
    let form = stand_in.heard(EXCHANGE)[0].form();
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"]));
    assert_eq!(challenge, asked["code_challenge"]);
    assert_eq!((form["code"].as_str(), form["client_secret"].as_str()), ("code", "hunter2"));
    assert_eq!(stand_in.heard(MEMBERSHIP)[0].authorization.as_deref(), Some("Bearer gho_1"));
    let revoked = &stand_in.heard("DELETE /api/v3/applications/client/token")[0];
    assert!(revoked.body.contains("gho_1") && revoked.authorization.as_ref().unwrap().starts_with("Basic "));
}

#[tokio::test]
async fn who_is_not_an_active_member_is_told_so() {
    let stand_in = github().await;
    let stranger = ProviderError::NotMember { organization: "acme".to_owned() };
    stand_in.says(MEMBERSHIP, 200, &json!({ "state": "pending" }));
    assert_eq!(signed_in(&stand_in).await, Err(stranger.clone()));
    stand_in.says(MEMBERSHIP, 404, &json!({ "message": "Not Found" }));
    assert_eq!(signed_in(&stand_in).await, Err(stranger));
    // Their tokens are taken back all the same.
    assert_eq!(stand_in.heard("DELETE /api/v3/applications/client/token").len(), 2);
    stand_in.says(MEMBERSHIP, 403, &json!({ "message": "organization has enabled OAuth App access restrictions" }));
    assert_eq!(signed_in(&stand_in).await.unwrap_err().code(), "provider.refused");
}

#[tokio::test]
async fn that_a_token_can_not_be_taken_back_keeps_nobody_out() {
    let stand_in = github().await;
    stand_in.says("DELETE /api/v3/applications/client/token", 500, &Value::Null);
    assert!(signed_in(&stand_in).await.is_ok());
}

#[tokio::test]
async fn the_answer_must_be_that_to_what_was_begun() {
    let stand_in = github().await;
    let (outside, _) = outside();
    let (one, other) = (app(&stand_in, None), GitHub { client_id: "other".to_owned(), ..app(&stand_in, None) });
    let (one, other) = (Provider::GitHub(one), Provider::GitHub(other));
    let begin = async || one.begin(&outside, &callback()).await.unwrap().1;
    let answer = |state: Option<&str>| Answer {
        code: Some("code".to_owned()),
        state: state.map(str::to_owned),
        ..Answer::default()
    };
    let code = |result: Result<Person, ProviderError>| result.unwrap_err().code();
    for state in [None, Some(""), Some("another")] {
        let pending: Pending = begin().await;
        assert_eq!(code(one.finish(&outside, &callback(), pending, answer(state)).await), "provider.answer");
    }
    let pending = begin().await;
    let right = answer(Some(pending.state()));
    assert_eq!(code(other.finish(&outside, &callback(), pending, right).await), "provider.answer");
    let pending = begin().await;
    let declined = Answer { error: Some("access_denied".to_owned()), ..answer(Some(pending.state())) };
    assert_eq!(code(one.finish(&outside, &callback(), pending, declined).await), "provider.refused");
    assert!(stand_in.heard(EXCHANGE).is_empty());
}

#[tokio::test]
async fn what_is_wrong_with_a_code_or_a_client_is_told_and_nothing_is_quoted() {
    let stand_in = github().await;
    for (error, code) in [
        ("bad_verification_code", "provider.answer"),
        ("incorrect_client_credentials", "provider.refused"),
        ("<script>", "provider.refused"),
    ] {
        stand_in.says(EXCHANGE, 200, &json!({ "error": error, "error_description": "leaked" }));
        let error = signed_in(&stand_in).await.unwrap_err();
        assert_eq!(error.code(), code);
        let text = format!("{error} {error:?}");
        assert!(!["leaked", "hunter2", "script", "code_verifier"].iter().any(|secret| text.contains(secret)), "{text}");
    }
    stand_in.says(EXCHANGE, 200, &json!("gho_1"));
    let error = signed_in(&stand_in).await.unwrap_err();
    assert!(error.code() == "provider.malformed" && !error.to_string().contains("gho_1"));
    stand_in.says(EXCHANGE, 503, &Value::Null);
    assert_eq!(signed_in(&stand_in).await, Err(ProviderError::Unavailable { status: 503 }));
}

#[tokio::test]
async fn members_are_listed_page_by_page_each_once() {
    let stand_in = StandIn::new().await;
    let links = format!("<{}>; rel=\"prev\", <{}>; rel=\"next\"", stand_in.at("x"), stand_in.at("page2"));
    stand_in.says_with(
        MEMBERS,
        200,
        &[("link", &links)],
        &json!([{ "id": 1, "login": "ada" }, { "id": 2, "login": "bob" }]),
    );
    stand_in.says("GET /page2", 200, &json!([{ "id": 2, "login": "bob" }, { "id": 3, "login": "cyd" }]));
    let (outside, _) = outside();
    let members = app(&stand_in, Some("ghp_1")).members(&outside).await.unwrap();
    assert_eq!(members.iter().map(|member| member.login.as_str()).collect::<Vec<_>>(), ["ada", "bob", "cyd"]);
    assert_eq!(stand_in.heard("GET /page2")[0].authorization.as_deref(), Some("Bearer ghp_1"));
    stand_in.says("GET /api/v3/orgs/acme/public_members", 200, &json!([{ "id": 1, "login": "ada" }]));
    assert_eq!(app(&stand_in, None).members(&outside).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_part_of_the_members_is_never_given_for_all() {
    let (stand_in, elsewhere) = (StandIn::new().await, StandIn::new().await);
    let (outside, _) = outside();
    let members = async || app(&stand_in, Some("ghp_1")).members(&outside).await.unwrap_err();
    let away = format!("<{}>; rel=\"next\"", elsewhere.at("page2"));
    stand_in.says_with(MEMBERS, 200, &[("link", &away)], &json!([]));
    assert_eq!(members().await.code(), "provider.malformed");
    assert!(elsewhere.heard("GET /page2").is_empty(), "the token went to another server");
    stand_in.says_with(MEMBERS, 302, &[("location", "/api/v3/orgs/acme/public_members")], &json!({}));
    stand_in.says("GET /api/v3/orgs/acme/public_members", 200, &json!([]));
    assert!(members().await.to_string().contains("public members alone"));
    let around = format!("<{}>; rel=\"next\"", stand_in.at("/api/v3/orgs/acme/members"));
    stand_in.says_with(MEMBERS, 200, &[("link", &around)], &json!([]));
    assert!(members().await.to_string().contains("does not end"));
    assert_eq!(stand_in.heard(MEMBERS).len(), 2 + 1000);
    for (status, code) in [(401, "provider.refused"), (404, "provider.refused"), (500, "provider.unreachable")] {
        stand_in.says(MEMBERS, status, &json!({}));
        assert_eq!(members().await.code(), code);
    }
}

#[tokio::test]
async fn a_rate_limit_says_until_when() {
    let stand_in = StandIn::new().await;
    let (outside, _) = outside();
    let reset = (NOW + 90).to_string();
    stand_in.says_with(MEMBERS, 403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)], &json!({}));
    let error = app(&stand_in, Some("ghp_1")).members(&outside).await.unwrap_err();
    assert_eq!(error, ProviderError::RateLimited { until: Timestamp::from_micros(0).plus_seconds(NOW + 90) });
}
