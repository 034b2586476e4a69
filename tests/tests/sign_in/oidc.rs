//! From local to an OpenID provider; and signing in with the command line.
use crate::{CLIENT, FLAGS, SECRET, callback, give, kept_nowhere, proof, recorded, refused, ways, who};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::harness::{Browser, Client, OidcProvider, Page, Place, Server};

async fn provider() -> anyhow::Result<OidcProvider> {
    let provider = OidcProvider::start().await?;
    for (sub, login) in [("1001", "boss"), ("1002", "ada"), ("1003", "ada")] {
        let mail = format!("{login}@example.org");
        let claims = json!({"sub": sub, "preferred_username": login, "email": mail, "email_verified": true});
        provider.account(claims).await?;
    }
    Ok(provider)
}

/// Opens that address with this browser, and says there who one is.
async fn as_account(browser: &mut Browser, url: &str, sub: &str) -> anyhow::Result<Page> {
    let form = browser.open(url).await?;
    let consent = browser.submit(&form, &[("sub", sub)]).await?;
    browser.submit(&consent, &[]).await
}

fn proposal(provider: &OidcProvider) -> Value {
    json!({"kind": "oidc", "issuer": provider.issuer(), "client_id": CLIENT, "client_secret": SECRET,
        "operator": "boss"})
}

async fn switched(server: &Server, provider: &OidcProvider) -> anyhow::Result<Client> {
    let operator = Client::operator(server).await?;
    provider.client(CLIENT, SECRET, &callback(&operator, "oidc").await?).await?;
    Client::send(operator.request(Method::PUT, "/v1/auth/backend").json(&proposal(provider))).await?.done()?;
    let page = as_account(&mut Browser::new()?, &proof(&operator).await?, "1001").await?;
    ensure!(page.status == 200, "{}", page.body);
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

#[tokio::test]
async fn the_command_line_signs_in_with_the_browser() -> anyhow::Result<()> {
    let (place, provider) = (Place::new()?, provider().await?);
    let server = Server::start(&place, FLAGS).await?;
    switched(&server, &provider).await?;
    let mut login = place.start(&["login", "--server", server.url()])?;
    let (asked, address) = (login.note().await?, login.note().await?);
    let check = asked.rsplit_once("check ").context("there is a check")?.1.trim_end_matches(':').to_owned();
    let mut browser = Browser::new()?;
    let page = as_account(&mut browser, &address, "1001").await?;
    // No program has the session of somebody who was not asked.
    assert!(page.status == 200 && page.body.contains("signed in as boss"), "{}", page.body);
    assert!(check.len() == 8 && page.body.contains(&format!("the check {check}")), "{asked}: {}", page.body);
    let told = browser.submit(&page, &[]).await?;
    assert!(told.status == 200 && told.body.contains("Go back to the terminal"), "{}", told.body);
    let line = login.line().await?;
    assert!(line.contains("as boss"), "{line}");
    assert_eq!(login.end().await?, Some(0));
    let again = browser.submit(&page, &[]).await?;
    assert!(again.status == 400 && again.body.contains("any more"), "{}", again.body);
    let shown = place.dkube(&["whoami", "--server", server.url()]).await?.done()?;
    assert!(shown.contains("boss"), "{shown}");

    // Whoever is turned away is told so in the terminal, which waits no longer.
    let mut login = place.start(&["login", "--server", server.url()])?;
    let (_, address) = (login.note().await?, login.note().await?);
    let page = as_account(&mut Browser::new()?, &address, "1002").await?;
    assert!(page.status == 200 && page.body.contains("Go back to the terminal"), "{}", page.body);
    assert!(login.note().await?.contains("user.not_onboarded"));
    assert_eq!(login.end().await?, Some(4));
    Ok(())
}

#[tokio::test]
async fn a_program_is_let_in_by_the_browser_that_was_asked_alone() -> anyhow::Result<()> {
    let (place, provider) = (Place::new()?, provider().await?);
    let server = Server::start(&place, FLAGS).await?;
    switched(&server, &provider).await?;
    // Nobody listens there: no browser is sent on.
    let challenge = "A".repeat(43);
    let address = format!("{}/auth/oidc/start?port=9&challenge={challenge}", server.url());
    let mut browser = Browser::new()?;
    let page = as_account(&mut browser, &address, "1001").await?;
    let mut thief = Browser::new()?;
    thief.open(&format!("{}/auth/oidc/start", server.url())).await?;
    let stolen = thief.submit(&page, &[]).await?;
    assert!(stolen.status == 400 && stolen.body.contains("any more"), "{}", stolen.body);
    let spent = browser.submit(&page, &[]).await?;
    assert!(spent.status == 400 && spent.body.contains("any more"), "{}", spent.body);
    Ok(())
}
