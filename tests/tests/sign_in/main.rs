//! Signing in through a provider, as people do it: with a browser, against a GitHub and a real OpenID provider.
mod command_line;
mod directory;
mod github;
mod oidc;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::harness::{Browser, Client, Page, Place, Reply, Server};

/// This server's credentials at the provider.
const CLIENT: &str = "dkube";
const SECRET: &str = "a-client-secret-that-nobody-sees";

/// Providers in tests are on loopback, and speak in clear.
const FLAGS: &[&str] = &["--insecure-egress"];

/// Where the provider of that sort lets browsers come back to.
async fn callback(operator: &Client, kind: &str) -> anyhow::Result<String> {
    let shown = operator.get("/v1/auth/backend").await?.done()?;
    let address = shown.body[format!("{kind}_callback")].as_str();
    address.map(str::to_owned).with_context(|| format!("there is no address to come back to: {}", shown.body))
}

/// Where the proof of what is proposed begins.
async fn proof(operator: &Client) -> anyhow::Result<String> {
    let reply = operator.post("/v1/auth/backend/prove", json!({})).await?.done()?;
    reply.body["url"].as_str().map(str::to_owned).context("there is no address")
}

/// How people sign in, as anybody is told once all that was recorded is shown.
async fn ways(operator: &Client, server: &Server) -> anyhow::Result<Value> {
    operator.settled().await?;
    Ok(Client::nobody(server)?.get("/v1/auth").await?.done()?.body)
}

/// Who is signed in with this browser, which shows a page of the server.
async fn who(browser: &mut Browser, page: &Page) -> anyhow::Result<Value> {
    browser.fetch(page, Method::GET, "/v1/session", &[], None).await?.json()
}

/// Gives a command as a page's script would.
async fn give(browser: &mut Browser, page: &Page, (method, path): (Method, &str), body: Value) -> anyhow::Result<Page> {
    let session = who(browser, page).await?;
    let csrf = session["csrf_token"].as_str().context("there is no session")?.to_owned();
    browser.fetch(page, method, path, &[("x-csrf-token", &csrf)], Some(&body)).await
}

/// Whether that was refused with this code.
fn refused(reply: &Reply, status: u16, code: &str) -> anyhow::Result<()> {
    ensure!(reply.status == status && reply.body["code"] == code, "{} {}", reply.status, reply.body);
    Ok(())
}

/// What was recorded, by name, with the code of refusals.
async fn recorded(operator: &Client, name: &str) -> anyhow::Result<Vec<Value>> {
    operator.settled().await?;
    let events = operator.all("/v1/audit", None).await?;
    Ok(events.into_iter().filter(|event| event["type"] == name).collect())
}

/// Checks that nothing of what came along in the addresses and cookies of this sign-in stands in the log or the data folder.
fn kept_nowhere(place: &Place, browser: &Browser, page: &Page) -> anyhow::Result<()> {
    let secret = |name: &str| ["code", "state", "nonce", "code_challenge"].contains(&name);
    let pairs = page.hops.iter().flat_map(|hop| hop.url.query_pairs());
    let mut told: Vec<String> = pairs.filter(|(name, _)| secret(name)).map(|(_, value)| value.into_owned()).collect();
    ensure!(told.len() >= 2, "the addresses have no code and no state: {:?}", page.hops);
    let cookies = browser.cookies(&page.url);
    ensure!(!cookies.is_empty(), "there is no cookie");
    told.extend(cookies.into_iter().map(|cookie| cookie.value));
    let mut kept = vec![("the log".to_owned(), place.log().into_bytes())];
    for file in place.files()?.into_keys() {
        let bytes = std::fs::read(place.data().join(&file))?;
        kept.push((file.display().to_string(), bytes));
    }
    ensure!(kept.len() > 3 && place.log().contains("/auth/{kind}/callback"), "the log tells nothing of the sign-in");
    for (file, bytes) in &kept {
        let found = told.iter().any(|text| bytes.windows(text.len()).any(|window| window == text.as_bytes()));
        ensure!(!found, "{file} has something of the sign-in");
    }
    Ok(())
}
