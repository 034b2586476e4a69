//! From local to an OpenID provider.
use crate::{CLIENT, FLAGS, SECRET, callback, give, kept_nowhere, proof, recorded, refused, ways, who};
use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};
use tests::harness::{Browser, Client, OidcProvider, Page, Place, Server};

pub(crate) async fn provider() -> anyhow::Result<OidcProvider> {
    let provider = OidcProvider::start().await?;
    for (sub, login) in [("1001", "boss"), ("1002", "ada"), ("1003", "ada")] {
        let mail = format!("{login}@example.org");
        let claims = json!({"sub": sub, "preferred_username": login, "email": mail, "email_verified": true});
        provider.account(claims).await?;
    }
    Ok(provider)
}

/// Opens that address with this browser, and says there who one is.
pub(crate) async fn as_account(browser: &mut Browser, url: &str, sub: &str) -> anyhow::Result<Page> {
    let form = browser.open(url).await?;
    let consent = browser.submit(&form, &[("sub", sub)]).await?;
    browser.submit(&consent, &[]).await
}

pub(crate) fn proposal(provider: &OidcProvider) -> Value {
    json!({"kind": "oidc", "issuer": provider.issuer(), "client_id": CLIENT, "client_secret": SECRET,
        "operator": "boss"})
}

pub(crate) async fn switched(server: &Server, provider: &OidcProvider) -> anyhow::Result<Client> {
    let operator = Client::operator(server).await?;
    provider.client(CLIENT, SECRET, &callback(&operator, "oidc").await?).await?;
    Client::send(operator.request(Method::PUT, "/v1/auth/backend").json(&proposal(provider))).await?.done()?;
    let page = as_account(&mut Browser::new()?, &proof(&operator).await?, "1001").await?;
    ensure!(page.status == 200, "{}", page.body);
    operator.settled().await?;
    Ok(operator)
}

#[tokio::test]
async fn people_sign_in_through_a_certified_provider() -> anyhow::Result<()> {
    let (place, provider) = (Place::new()?, provider().await?);
    let server = Server::start(&place, &[FLAGS, &["--log-level", "debug"]].concat()).await?;
    let operator = Client::operator(&server).await?;
    provider.client(CLIENT, SECRET, &callback(&operator, "oidc").await?).await?;
    Client::send(operator.request(Method::PUT, "/v1/auth/backend").json(&proposal(&provider))).await?.done()?;
    let page = as_account(&mut Browser::new()?, &proof(&operator).await?, "1002").await?;
    assert!(page.status == 409 && page.body.contains("not the operator"), "{}", page.body);
    assert_eq!(ways(&operator, &server).await?["backend"], "local");
    let page = as_account(&mut Browser::new()?, &proof(&operator).await?, "1001").await?;
    assert!(page.status == 200 && page.body.contains("oidc from now on"), "{}", page.body);

    let start = format!("{}/auth/oidc/start", server.url());
    let mut boss = Browser::new()?;
    let home = as_account(&mut boss, &start, "1001").await?;
    assert_eq!(who(&mut boss, &home).await?["role"], "operator");
    kept_nowhere(&place, &boss, &home)?;
    // Nobody is listed: whoever comes is turned away, and in the directory from then on.
    refused(&operator.post("/v1/directory/refresh", json!({})).await?, 409, "directory.none")?;
    let mut ada = Browser::new()?;
    let page = as_account(&mut ada, &start, "1002").await?;
    assert!(page.status == 403 && page.body.contains("on-boarded"), "{}", page.body);
    // People choose what they are called: of two who are called alike, neither is guessed.
    as_account(&mut Browser::new()?, &start, "1003").await?;
    let onboard = (Method::POST, "/v1/users");
    let either = give(&mut boss, &home, onboard.clone(), json!({"logins": ["ada"]})).await?;
    assert_eq!(either.json()?["code"], "directory.ambiguous");
    let body = json!({"logins": ["ada"], "subjects": {"ada": "1002"}});
    let onboarded = give(&mut boss, &home, onboard, body).await?;
    assert_eq!(onboarded.status, 201, "{}", onboarded.body);
    let other = as_account(&mut Browser::new()?, &start, "1003").await?;
    assert!(other.status == 403 && other.body.contains("another user"), "{}", other.body);
    // The provider knows the browser still.
    provider.rotate(false).await?;
    let page = ada.open(&start).await?;
    assert_eq!(who(&mut ada, &page).await?["login"], "ada");
    // She is turned away no more, and so listed nowhere; that she is on-boarded is known all the same.
    let body = json!({"logins": ["ada"], "subjects": {"ada": "1002"}});
    let twice = give(&mut boss, &home, (Method::POST, "/v1/users"), body).await?;
    assert_eq!(twice.json()?["code"], "user.exists");

    let suspended = give(&mut boss, &home, (Method::PATCH, "/v1/users/ada"), json!({"suspended": true})).await?;
    assert_eq!(suspended.status, 200, "{}", suspended.body);
    assert_eq!(ada.open(&start).await?.status, 403);
    let failed = recorded(&operator, "SignInFailed").await?;
    assert!(failed.iter().any(|event| event["data"]["code"] == "user.suspended"), "{failed:?}");
    Ok(())
}

#[tokio::test]
async fn credentials_are_replaced_without_a_new_sign_in() -> anyhow::Result<()> {
    let (place, provider) = (Place::new()?, provider().await?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = switched(&server, &provider).await?;
    let start = format!("{}/auth/oidc/start", server.url());
    let mut boss = Browser::new()?;
    let home = as_account(&mut boss, &start, "1001").await?;
    provider.client(CLIENT, "another-secret-of-this-client", &callback(&operator, "oidc").await?).await?;
    let page = as_account(&mut Browser::new()?, &start, "1001").await?;
    assert!(page.status == 403 && page.body.contains("refuses"), "{}", page.body);
    let body = json!({"client_secret": "another-secret-of-this-client"});
    let updated = give(&mut boss, &home, (Method::PATCH, "/v1/auth/backend"), body).await?;
    assert!(updated.status == 200 && !updated.body.contains("another-secret"), "{}", updated.body);
    let mut again = Browser::new()?;
    let page = as_account(&mut again, &start, "1001").await?;
    assert_eq!(who(&mut again, &page).await?["login"], "boss");
    Ok(())
}
