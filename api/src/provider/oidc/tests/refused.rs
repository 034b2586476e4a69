use super::*;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};

#[tokio::test]
async fn a_token_must_be_for_this_client_this_sign_in_and_this_time() {
    let signer = Signer::ed25519("one");
    let realm = Realm::new(&signer).await;
    for (other, why) in [
        (vec![("iss", json!("https://evil.example"))], "of another issuer"),
        (vec![("iss", json!(format!("{}/", realm.issuer())))], "of another issuer"),
        (vec![("aud", json!("another"))], "for another client"),
        (vec![("aud", json!([]))], "for another client"),
        (vec![("aud", json!(["another", "dkube client"]))], "for others too"),
        (vec![("azp", json!("another"))], "given to another client"),
        (vec![("nonce", json!("another"))], "of another sign-in"),
        (vec![("nonce", Value::Null)], "of another sign-in"),
        (vec![("exp", json!(NOW - 61))], "has ended"),
        (vec![("exp", Value::Null)], "does not claim what it has to"),
        (vec![("iat", json!(NOW + 61))], "of the future"),
        (vec![("iat", Value::Null)], "does not claim what it has to"),
        (vec![("nbf", json!(NOW + 61))], "of the future"),
        (vec![("sub", json!(""))], "who it is for"),
        (vec![("sub", json!("x".repeat(256)))], "who it is for"),
        (vec![("sub", json!(7))], "does not claim what it has to"),
    ] {
        let error = realm.claiming(&signer, &other).await.unwrap_err();
        assert!(error.code() == "provider.answer" && error.to_string().contains(why), "{other:?}: {error}");
    }
}

#[tokio::test]
async fn only_what_a_public_key_of_the_provider_signed_is_believed() {
    let (signer, stranger) = (Signer::rsa("one"), Signer::rsa("one"));
    let realm = Realm::new(&signer).await;
    let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let none = |nonce: &str| format!("{}.{}.", part(json!({ "alg": "none" })), part(realm.claims(nonce, &[])));
    // RFC 8725 §2.1: keys that others know too, taken for shared secrets.
    let hmac = |kid: &str, secret: &[u8], nonce: &str| {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, &realm.claims(nonce, &[]), &EncodingKey::from_secret(secret)).unwrap()
    };
    let modulus = signer.public()["n"].as_str().unwrap().to_owned();
    let changed = |nonce: &str| {
        let token = signer.sign(&realm.claims(nonce, &[]));
        let [header, _, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        format!("{header}.{}.{signature}", part(realm.claims(nonce, &[("preferred_username", json!("root"))])))
    };
    let critical = |nonce: &str| signer.sign_critical(&realm.claims(nonce, &[]));
    let forged: [&dyn Fn(&str) -> String; 8] = [
        &none,
        &|nonce| hmac("one", modulus.as_bytes(), nonce),
        &|nonce| hmac("one", b"hunter2:&", nonce),
        &|nonce| hmac("symmetric", b"hunter2", nonce),
        &|nonce| stranger.sign(&realm.claims(nonce, &[])),
        &changed,
        &critical,
        &|_| "hunter2".to_owned(),
    ];
    for (which, token) in forged.into_iter().enumerate() {
        let error = realm.sign_in(token).await.unwrap_err();
        assert_eq!(error.code(), "provider.answer", "{which}");
        assert!(
            error.to_string().contains("is signed with no key") || error.to_string().contains("not signed"),
            "{error}"
        );
    }
    assert_eq!(realm.claiming(&signer, &[]).await, Ok(ada()));
}

/// What happens to an answer on its way.
type Change<'a> = &'a dyn Fn(&mut Answer);

#[tokio::test]
async fn the_answer_must_be_that_to_what_was_begun() {
    let signer = Signer::ed25519("one");
    let realm = Realm::new(&signer).await;
    let sign = |nonce: &str| signer.sign(&realm.claims(nonce, &[]));
    let changes: [(Change<'_>, &str); 6] = [
        (&|answer| answer.state = None, "provider.answer"),
        (&|answer| answer.state = Some("another".to_owned()), "provider.answer"),
        (&|answer| answer.iss = Some("https://evil.example".to_owned()), "provider.answer"),
        (&|answer| answer.code = None, "provider.answer"),
        (&|answer| answer.error = Some("access_denied".to_owned()), "provider.refused"),
        (&|answer| answer.error = Some("<script>".to_owned()), "provider.refused"),
    ];
    for (which, (change, code)) in changes.into_iter().enumerate() {
        let error = realm.answered(sign, change).await.unwrap_err();
        assert_eq!(error.code(), code, "{which}");
        assert!(!error.to_string().contains("script"));
    }
    assert!(realm.stand_in.heard(TOKEN).is_empty(), "the code was given away");
    let named = |answer: &mut Answer| answer.iss = Some(realm.issuer());
    assert_eq!(realm.answered(sign, named).await, Ok(ada()));
    // RFC 9207: who says that it names itself has to.
    realm.clock.pass(600);
    realm.discovers(&[("authorization_response_iss_parameter_supported", json!(true))]);
    let sign = |nonce: &str| signer.sign(&realm.claims(nonce, &[("exp", json!(NOW + 900))]));
    assert_eq!(realm.answered(sign, |_| {}).await.unwrap_err().code(), "provider.answer");
    assert_eq!(realm.answered(sign, named).await, Ok(ada()));
}

#[tokio::test]
async fn an_issuer_is_exactly_the_one_that_is_set() {
    let signer = Signer::ed25519("one");
    let realm = Realm::new(&signer).await;
    for issuer in [format!("{}/", realm.issuer()), "https://evil.example".to_owned()] {
        realm.discovers(&[("issuer", json!(issuer))]);
        let error = realm.claiming(&signer, &[]).await.unwrap_err();
        assert!(error.code() == "provider.malformed" && !error.to_string().contains("evil"), "{error}");
    }
    realm.discovers(&[("token_endpoint", json!("file:///etc/passwd"))]);
    assert_eq!(realm.claiming(&signer, &[]).await.unwrap_err().code(), "egress.address");
    realm.discovers(&[("jwks_uri", Value::Null)]);
    assert_eq!(realm.claiming(&signer, &[]).await.unwrap_err().code(), "provider.malformed");
    realm.stand_in.says(DISCOVERY, 404, &json!({}));
    assert_eq!(realm.claiming(&signer, &[]).await.unwrap_err().code(), "provider.malformed");
    realm.stand_in.says(DISCOVERY, 502, &json!({}));
    assert_eq!(realm.claiming(&signer, &[]).await, Err(ProviderError::Unavailable { status: 502 }));
    realm.stand_in.says_with(DISCOVERY, 429, &[("retry-after", "7")], &json!({}));
    assert_eq!(realm.claiming(&signer, &[]).await.unwrap_err().code(), "provider.rate_limited");
}

#[tokio::test]
async fn what_the_provider_says_to_the_code_is_told_and_not_quoted() {
    let signer = Signer::ed25519("one");
    let realm = Realm::new(&signer).await;
    let provider = Provider::Oidc(realm.client.clone());
    for (error, code) in
        [("invalid_grant", "provider.answer"), ("invalid_client", "provider.refused"), ("<b>", "provider.refused")]
    {
        let (_, pending) = provider.begin(&realm.outside, &callback()).await.unwrap();
        realm.stand_in.says(TOKEN, 400, &json!({ "error": error, "error_description": "leaked" }));
        assert_eq!(format!("{pending:?}"), "Pending(…)");
        let state = Some(pending.state().to_owned());
        let answer = Answer { code: Some("code-1".to_owned()), state, ..Answer::default() };
        assert_eq!(format!("{answer:?}"), "Answer(…)");
        let error = provider.finish(&realm.outside, &callback(), pending, answer).await.unwrap_err();
        assert_eq!(error.code(), code);
        let text = format!("{error} {error:?} {provider:?}");
        assert!(!["leaked", "hunter2", "code-1", "<b>"].iter().any(|secret| text.contains(secret)), "{text}");
    }
}
