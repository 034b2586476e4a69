use super::*;
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

#[tokio::test]
async fn somebody_signs_in() {
    let signer = Signer::rsa("one");
    let realm = Realm::new(&signer).await;
    let provider = Provider::Oidc(realm.client.clone());
    let (address, pending) = provider.begin(&realm.outside, &callback()).await.unwrap();
    let asked = query(&address);
    assert_eq!((asked["kept"].as_str(), asked["scope"].as_str()), ("yes", "openid profile"));
    assert_eq!((asked["client_id"].as_str(), asked["response_type"].as_str()), ("dkube client", "code"));
    let token = signer.sign(&realm.claims(&asked["nonce"], &[]));
    realm.stand_in.says(TOKEN, 200, &json!({ "id_token": token, "token_type": "Bearer" }));
    let answer = Answer { code: Some("c".to_owned()), state: Some(asked["state"].clone()), ..Answer::default() };
    assert_eq!(provider.finish(&realm.outside, &callback(), pending, answer).await, Ok(ada()));
    let exchanged = &realm.stand_in.heard(TOKEN)[0];
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&exchanged.form()["code_verifier"]));
    assert_eq!(challenge, asked["code_challenge"]);
    assert_eq!(exchanged.form()["redirect_uri"], callback().as_str());
    // RFC 6749 §2.3.1: encoded before they are joined.
    let shown = exchanged.authorization.as_ref().unwrap().strip_prefix("Basic ").unwrap();
    assert_eq!(BASE64_STANDARD.decode(shown).unwrap(), b"dkube+client:hunter2%3A%26");
    assert!(!exchanged.body.contains("client_secret"));
    assert!(realm.stand_in.heard(USERINFO).is_empty());
}

#[tokio::test]
async fn the_secret_is_sent_in_the_body_where_the_provider_wants_it_there() {
    let signer = Signer::ed25519("one");
    let realm = Realm::new(&signer).await;
    realm.discovers(&[("token_endpoint_auth_methods_supported", json!(["client_secret_post"]))]);
    assert_eq!(realm.claiming(&signer, &[]).await, Ok(ada()));
    let exchanged = &realm.stand_in.heard(TOKEN)[0];
    assert_eq!((exchanged.authorization.as_ref(), exchanged.form()["client_secret"].as_str()), (None, "hunter2:&"));
}

#[tokio::test]
async fn tokens_of_all_providers_are_read() {
    let signer = Signer::ed25519("one");
    let realm = Realm::new(&signer).await;
    for other in [
        vec![("aud", json!(["dkube client"]))],
        vec![("aud", json!(["another", "dkube client"])), ("azp", json!("dkube client"))],
        vec![("azp", json!("dkube client"))],
        vec![("exp", json!(NOW_F + 300.5)), ("iat", json!(NOW_F - 0.5)), ("nbf", json!(NOW))],
        vec![("groups", json!([1, { "two": null }])), ("tid", json!("x"))],
    ] {
        assert_eq!(realm.claiming(&signer, &other).await, Ok(ada()), "{other:?}");
    }
    // Dex and others leave out the keys' ids, too.
    let mut nameless = signer.public();
    nameless.as_object_mut().unwrap().remove("kid");
    realm.clock.pass(600);
    realm.publishes(&[nameless]);
    assert_eq!(realm.claiming(&signer, &[("exp", json!(NOW + 900))]).await, Ok(ada()));
}

#[expect(clippy::cast_precision_loss, reason = "seconds are few")]
const NOW_F: f64 = NOW as f64;

#[tokio::test]
async fn a_login_that_the_token_lacks_is_asked_for() {
    let signer = Signer::ed25519("one");
    let realm = Realm::new(&signer).await;
    let lacking = [("preferred_username", Value::Null)];
    realm.stand_in.says(USERINFO, 200, &json!({ "sub": "f:7", "preferred_username": "ada" }));
    assert_eq!(realm.claiming(&signer, &lacking).await, Ok(ada()));
    assert_eq!(realm.stand_in.heard(USERINFO)[0].authorization.as_deref(), Some("Bearer at-1"));
    realm.stand_in.says(USERINFO, 200, &json!({ "sub": "f:8", "preferred_username": "eve" }));
    assert_eq!(realm.claiming(&signer, &lacking).await.unwrap_err().code(), "provider.answer");
    realm.stand_in.says(USERINFO, 200, &json!({ "sub": "f:7" }));
    assert_eq!(realm.claiming(&signer, &lacking).await.unwrap_err().code(), "provider.no_login");
    realm.clock.pass(600);
    realm.discovers(&[("userinfo_endpoint", Value::Null)]);
    let later = [("preferred_username", Value::Null), ("exp", json!(NOW + 900))];
    assert_eq!(realm.claiming(&signer, &later).await.unwrap_err().code(), "provider.no_login");
}

#[tokio::test]
async fn an_address_is_a_login_only_where_it_is_verified() {
    let signer = Signer::ed25519("one");
    let mut realm = Realm::new(&signer).await;
    realm.client.login_claim = "email".to_owned();
    realm.stand_in.says(USERINFO, 200, &json!({ "sub": "f:7", "email": "ada@acme.example", "email_verified": false }));
    for verified in [Value::Null, json!(false), json!("false"), json!(1)] {
        let error = realm.claiming(&signer, &[("email_verified", verified)]).await.unwrap_err();
        assert_eq!(error, ProviderError::NoLogin { claim: "email".to_owned() });
        assert!(error.to_string().contains("did not verify it"));
    }
    let person = realm.claiming(&signer, &[("email_verified", json!(true))]).await.unwrap();
    assert_eq!(person.login, "ada@acme.example");
}

#[tokio::test]
async fn what_an_issuer_says_is_remembered_for_some_minutes() {
    let (old, new) = (Signer::ed25519("old"), Signer::rsa("new"));
    let realm = Realm::new(&old).await;
    let asked = || (realm.stand_in.heard(DISCOVERY).len(), realm.stand_in.heard(KEYS).len());
    for _ in 0..2 {
        assert_eq!(realm.claiming(&old, &[]).await, Ok(ada()));
    }
    assert_eq!(asked(), (1, 1));
    // A key that is not known may be new.
    realm.publishes(&[new.public()]);
    assert_eq!(realm.claiming(&new, &[]).await, Ok(ada()));
    assert_eq!(asked(), (1, 2));
    assert_eq!(realm.claiming(&old, &[]).await.unwrap_err().code(), "provider.answer");
    assert_eq!(asked(), (1, 3));
    realm.clock.pass(600);
    assert_eq!(realm.claiming(&new, &[("exp", json!(NOW + 900))]).await, Ok(ada()));
    assert_eq!(asked(), (2, 4));
}
