//! The OIDC provider: authorization codes with PKCE, id tokens, keys that change.
use crate::{CLIENT, Callback, SECRET, VERIFIER, client, post, text, with_query};
use anyhow::{Context, ensure};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};
use tests::harness::{Browser, OidcProvider, Page, SameSite, s256};

/// What an app asks an OIDC provider for.
fn asked<'a>(redirect: &'a str, challenge: &'a str) -> [(&'a str, &'a str); 8] {
    [
        ("client_id", CLIENT),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("redirect_uri", redirect),
        ("state", "the state"),
        ("nonce", "the nonce"),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    ]
}

async fn discovered(provider: &OidcProvider) -> anyhow::Result<Value> {
    let url = format!("{}/.well-known/openid-configuration", provider.issuer());
    Ok(client()?.get(url).send().await?.error_for_status()?.json().await?)
}

/// Redeems the code that a page was given, and answers what the id token says once its signature is checked.
async fn claims(discovery: &Value, back: &Page, redirect: &str) -> anyhow::Result<(Value, Value)> {
    let code = back.parameter("code").with_context(|| format!("there is no code in {}", back.url))?;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", redirect),
        ("code_verifier", VERIFIER),
    ];
    let answer = post(text(discovery, "token_endpoint")?, &fields, Some((CLIENT, SECRET))).await?;
    ensure!(answer.status().is_success(), "{}", answer.text().await?);
    let tokens: Value = answer.json().await?;
    let keys: JwkSet = client()?.get(text(discovery, "jwks_uri")?).send().await?.json().await?;
    let token = text(&tokens, "id_token")?;
    let header = decode_header(token)?;
    ensure!(header.alg == Algorithm::RS256, "{header:?}");
    let key = header.kid.as_deref().and_then(|kid| keys.find(kid)).context("the token's key is not published")?;
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[CLIENT]);
    validation.set_issuer(&[text(discovery, "issuer")?]);
    let token = decode::<Value>(token, &DecodingKey::from_jwk(key)?, &validation)?;
    Ok((token.claims, tokens))
}

#[tokio::test]
async fn a_person_signs_in_with_the_openid_provider() -> anyhow::Result<()> {
    let provider = OidcProvider::start().await?;
    let back = Callback::serve().await?;
    provider.client(CLIENT, SECRET, &back.url).await?;
    let account =
        json!({"sub": "248289", "preferred_username": "jane", "email": "jane@example.com", "email_verified": true});
    provider.account(account).await?;

    let discovery = discovered(&provider).await?;
    assert_eq!(discovery["issuer"], provider.issuer());
    assert_eq!(discovery["authorization_response_iss_parameter_supported"], true);
    assert_eq!(discovery["code_challenge_methods_supported"], json!(["S256"]));

    let mut browser = Browser::new()?;
    let start = browser.open(back.url.trim_end_matches("callback")).await?;
    let challenge = s256(VERIFIER);
    let authorize = with_query(text(&discovery, "authorization_endpoint")?, &asked(&back.url, &challenge))?;
    let login = browser.follow(&start, authorize.as_str()).await?;
    assert!(browser.submit(&login, &[("password", "x")]).await.is_err(), "there is no such field");
    let consent = browser.submit(&login, &[("sub", "248289")]).await?;
    let page = browser.submit(&consent, &[]).await?;
    assert!(page.url.as_str().starts_with(&back.url), "{}", page.url);
    assert_eq!(page.parameter("state").as_deref(), Some("the state"));
    assert_eq!(page.parameter("iss").as_deref(), Some(provider.issuer()));
    // Another site has led here: a strict cookie stays at home.
    let last = page.hops.last().context("there is a hop")?;
    assert_eq!(last.cookies, ["__Host-lax"]);
    assert!(browser.cookies(&page.url).iter().any(|cookie| cookie.same_site == SameSite::Strict && cookie.http_only));

    let (claims_of, tokens) = claims(&discovery, &page, &back.url).await?;
    assert_eq!((&claims_of["sub"], &claims_of["nonce"]), (&json!("248289"), &json!("the nonce")));
    assert_eq!(claims_of["preferred_username"], Value::Null, "what the userinfo endpoint tells");
    let userinfo = client()?.get(text(&discovery, "userinfo_endpoint")?).bearer_auth(text(&tokens, "access_token")?);
    let userinfo: Value = userinfo.send().await?.json().await?;
    assert_eq!((&userinfo["preferred_username"], &userinfo["email_verified"]), (&json!("jane"), &json!(true)));

    // The provider knows the browser from then on: no form is shown. Other keys, and all claims in the token.
    let published = provider.requests("/jwks").await?;
    provider.rotate(false).await?;
    provider.configure(json!({"conformIdTokenClaims": false})).await?;
    let page = browser.follow(&start, authorize.as_str()).await?;
    let (claims_of, later) = claims(&discovery, &page, &back.url).await?;
    assert_eq!(claims_of["preferred_username"], "jane");
    assert_ne!(decode_header(text(&later, "id_token")?)?.kid, decode_header(text(&tokens, "id_token")?)?.kid);
    assert_eq!(provider.requests("/jwks").await?, published + 1);

    // A code is good once; with the second time the person's consent is gone too.
    assert!(claims(&discovery, &page, &back.url).await.is_err());
    let page = browser.follow(&start, authorize.as_str()).await?;
    assert!(page.url.as_str().starts_with(provider.issuer()), "{}", page.url);
    Ok(())
}

#[tokio::test]
async fn the_openid_provider_refuses() -> anyhow::Result<()> {
    let provider = OidcProvider::start().await?;
    let back = Callback::serve().await?;
    let metadata = json!({"client_id": CLIENT, "client_secret": SECRET, "redirect_uris": [back.url],
        "token_endpoint_auth_method": "client_secret_post"});
    provider.client_of(metadata).await?;
    provider.account(json!({"sub": "1"})).await?;
    let discovery = discovered(&provider).await?;
    let endpoint = text(&discovery, "authorization_endpoint")?;
    let challenge = s256(VERIFIER);

    // Without PKCE.
    let mut browser = Browser::new()?;
    let page = browser.open(with_query(endpoint, &asked(&back.url, &challenge)[..6])?.as_str()).await?;
    assert_eq!(page.parameter("error").as_deref(), Some("invalid_request"), "{}", page.url);
    // At another address.
    let page = browser.open(with_query(endpoint, &asked("http://127.0.0.1:1/", &challenge))?.as_str()).await?;
    assert_eq!((page.status, page.hops.len()), (400, 1));
    // By the person.
    let authorize = with_query(endpoint, &asked(&back.url, &challenge))?;
    let login = browser.open(authorize.as_str()).await?;
    let page = browser.submit(&login, &[("cancel", "yes")]).await?;
    assert_eq!(page.parameter("error").as_deref(), Some("access_denied"));
    let login = browser.open(authorize.as_str()).await?;

    // With another verifier or secret.
    let consent = browser.submit(&login, &[("sub", "1")]).await?;
    let mut page = browser.submit(&consent, &[]).await?;
    let other = "x".repeat(43);
    for (verifier, secret, error) in [(&*other, SECRET, "invalid_grant"), (VERIFIER, "wrong", "invalid_client")] {
        let code = page.parameter("code").with_context(|| format!("there is no code in {}", page.url))?;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &back.url),
            ("code_verifier", verifier),
            ("client_id", CLIENT),
            ("client_secret", secret),
        ];
        let answer: Value = post(text(&discovery, "token_endpoint")?, &fields, None).await?.json().await?;
        assert_eq!(answer["error"], error, "{answer}");
        page = browser.open(authorize.as_str()).await?;
    }

    provider.refuse(Some(503)).await?;
    assert!(discovered(&provider).await.is_err());
    provider.refuse(None).await?;
    discovered(&provider).await?;
    Ok(())
}
