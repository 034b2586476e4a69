//! From local to a GitHub organization, and back.
use crate::{CLIENT, FLAGS, SECRET, callback, give, proof, recorded, refused, ways, who};
use anyhow::{Context, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tests::harness::{Browser, Client, GitHubServer, PASSWORD, Page, Place, Server, Standing};

pub(crate) const ORG: &str = "research";

pub(crate) fn github() -> anyhow::Result<GitHubServer> {
    let github = GitHubServer::start()?;
    for login in ["boss", "ada", "carl", "eve"] {
        github.user(login);
    }
    github.organization(ORG);
    github.join(ORG, "boss", Standing::Owner);
    github.join(ORG, "ada", Standing::Concealed);
    github.join(ORG, "carl", Standing::Public);
    Ok(github)
}

/// Opens that address with a browser of their own, and lets them say who they are at GitHub.
pub(crate) async fn as_user(url: &str, login: &str) -> anyhow::Result<(Browser, Page)> {
    let mut browser = Browser::new()?;
    let form = browser.open(url).await?;
    let page = browser.submit(&form, &[("login", login), ("authorize", "1")]).await?;
    Ok((browser, page))
}

pub(crate) fn proposal(github: &GitHubServer, operator: &str) -> Value {
    json!({"kind": "github", "organization": ORG, "client_id": CLIENT, "client_secret": SECRET,
        "base_url": github.url(), "operator": operator})
}

/// Proposes and proves it, with `boss` as its operator.
async fn switched(server: &Server, github: &GitHubServer) -> anyhow::Result<Client> {
    switched_to(server, github, proposal(github, "boss")).await
}

/// Proposes this and proves it, as `boss`.
pub(crate) async fn switched_to(server: &Server, github: &GitHubServer, proposal: Value) -> anyhow::Result<Client> {
    let operator = Client::operator(server).await?;
    github.app(CLIENT, SECRET, &callback(&operator, "github").await?);
    put(&operator, proposal).await?;
    let (_, page) = as_user(&proof(&operator).await?, "boss").await?;
    ensure!(page.status == 200, "{}", page.body);
    operator.settled().await?;
    Ok(operator)
}

async fn put(operator: &Client, body: Value) -> anyhow::Result<Value> {
    let request = operator.request(Method::PUT, "/v1/auth/backend").json(&body);
    let told = Client::send(request).await?.done()?.body;
    operator.settled().await?;
    Ok(told)
}

#[tokio::test]
async fn a_backend_is_proven_by_its_operator_before_it_holds() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, github()?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = Client::operator(&server).await?;
    let body = json!({"logins": ["carl"], "passwords": {"carl": PASSWORD}});
    operator.post("/v1/users", body).await?.done()?;
    let carl = Client::nobody(&server)?.signed_in("carl", PASSWORD).await?;
    github.app(CLIENT, SECRET, &callback(&operator, "github").await?);
    refused(&operator.post("/v1/auth/backend/prove", json!({})).await?, 409, "auth.no_proposal")?;
    // A login is linked to nobody silently.
    let request = operator.request(Method::PUT, "/v1/auth/backend").json(&proposal(&github, "carl"));
    refused(&Client::send(request).await?, 409, "user.login_taken")?;
    put(&operator, proposal(&github, "boss")).await?;
    let shown = operator.get("/v1/auth/backend").await?.done()?.body;
    assert_eq!(shown["proposal"]["operator"]["login"], "boss");
    assert!(shown["kind"] == "local" && !shown.to_string().contains(SECRET), "{shown}");
    assert_eq!(ways(&operator, &server).await?["backend"], "local");

    // Whoever is not a member, or another member, proves nothing.
    let (_, page) = as_user(&proof(&operator).await?, "eve").await?;
    assert!(page.status == 403 && page.body.contains("not an active member"), "{}", page.body);
    let (_, page) = as_user(&proof(&operator).await?, "ada").await?;
    assert!(page.status == 409 && page.body.contains("not the operator"), "{}", page.body);
    assert_eq!(ways(&operator, &server).await?["backend"], "local");
    carl.get("/v1/session").await?.done()?;

    let url = proof(&operator).await?;
    let (mut boss, page) = as_user(&url, "boss").await?;
    assert!(page.status == 200 && page.body.contains("github from now on"), "{}", page.body);
    assert_eq!(
        ways(&operator, &server).await?,
        json!({"backend": "github", "start": format!("{}/auth/github/start", server.url())})
    );
    // What they came in with is over, and their passwords open nothing; not so for whoever remains.
    refused(&carl.get("/v1/session").await?, 401, "auth.invalid")?;
    let nobody = Client::nobody(&server)?;
    let again = nobody.post("/v1/session", json!({"login": "carl", "password": PASSWORD})).await?;
    refused(&again, 401, "auth.failed")?;
    operator.get("/v1/session").await?.done()?;
    Client::operator(&server).await?;

    // A proof brings no session; a sign-in does.
    let page = boss.open(&format!("{}/auth/github/start?then=/docs/", server.url())).await?;
    assert!(page.url.path().starts_with("/docs") && page.status == 200, "{}", page.url);
    let session = who(&mut boss, &page).await?;
    assert_eq!((&session["login"], &session["role"]), (&json!("boss"), &json!("operator")));
    assert_eq!(recorded(&operator, "AuthBackendActivated").await?.len(), 1);
    operator.with_token("cron", "read").await?;
    operator.settled().await?;
    let alerts = operator.all("/v1/alerts", None).await?;
    for code in ["auth.break_glass", "auth.break_glass_tokens"] {
        assert!(alerts.iter().any(|one| one["code"] == code), "{alerts:?}");
    }
    assert!(!place.log().contains(SECRET));
    Ok(())
}

#[tokio::test]
async fn members_are_on_boarded_and_known_by_their_number() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, github()?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = switched(&server, &github).await?;
    let start = format!("{}/auth/github/start", server.url());
    let (mut boss, home) = as_user(&start, "boss").await?;
    let directory = async || anyhow::Ok(operator.all("/v1/directory?state=known", None).await?);

    // Without a token, public members alone are listed; whoever was turned away is as well.
    operator.post("/v1/directory/refresh", json!({})).await?.done()?;
    let listed = directory().await?;
    assert!(listed.iter().any(|one| one["login"] == "carl") && listed.iter().all(|one| one["login"] != "ada"));
    let (mut ada, page) = as_user(&start, "ada").await?;
    assert!(page.status == 403 && page.body.contains("on-boarded"), "{}", page.body);
    assert!(directory().await?.iter().any(|one| one["login"] == "ada" && one["turned_away_at"].is_string()));
    let onboard = (Method::POST, "/v1/users");
    let unknown = give(&mut boss, &home, onboard.clone(), json!({"logins": ["nobody"]})).await?;
    assert_eq!(unknown.json()?["code"], "directory.unknown");
    let both = give(&mut boss, &home, onboard.clone(), json!({"logins": ["ada", "carl"]})).await?;
    assert_eq!(both.status, 201, "{}", both.body);
    let page = ada.open(&start).await?;
    let (mut carl, page_of_carl) = as_user(&start, "carl").await?;
    assert_eq!(who(&mut carl, &page_of_carl).await?["login"], "carl");
    let session = who(&mut ada, &page).await?;
    assert_eq!((&session["login"], &session["role"]), (&json!("ada"), &json!("data-scientist")));
    let id = operator.get("/v1/users/ada").await?.done()?.body["id"].clone();

    // A new name, the same person.
    github.rename("ada", "lovelace");
    ada.open(&start).await?;
    operator.settled().await?;
    assert_eq!(operator.get("/v1/users/lovelace").await?.done()?.body["id"], id);
    // The same name, another person.
    github.delete("lovelace");
    github.user("lovelace");
    github.join(ORG, "lovelace", Standing::Public);
    let (_, page) = as_user(&start, "lovelace").await?;
    assert!(page.status == 403 && page.body.contains("another user"), "{}", page.body);
    let failed = recorded(&operator, "SignInFailed").await?;
    assert!(failed.iter().any(|event| event["data"]["code"] == "user.identity_changed"));

    // Whoever leaves the organization does not come in again.
    github.leave(ORG, "carl");
    let page = carl.open(&start).await?;
    assert!(page.status == 403 && page.body.contains("not an active member"), "{}", page.body);
    Ok(())
}

#[tokio::test]
async fn whoever_remains_goes_back_and_users_of_before_are_linked() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, github()?);
    let server = Server::start(&place, FLAGS).await?;
    let before = Client::operator(&server).await?;
    let body = json!({"logins": ["old-carl"], "passwords": {"old-carl": PASSWORD}});
    before.post("/v1/users", body).await?.done()?;
    let operator = switched(&server, &github).await?;
    let start = format!("{}/auth/github/start", server.url());
    let id = operator.get("/v1/users/old-carl").await?.done()?.body["id"].clone();
    operator.post("/v1/directory/refresh", json!({})).await?.done()?;
    let (mut boss, home) = as_user(&start, "boss").await?;
    let link = (Method::PATCH, "/v1/users/old-carl");
    let linked = give(&mut boss, &home, link, json!({"link": "carl"})).await?;
    assert_eq!(linked.status, 200, "{}", linked.body);
    let (mut carl, page) = as_user(&start, "carl").await?;
    assert_eq!(who(&mut carl, &page).await?["login"], "carl");
    assert_eq!(operator.get("/v1/users/carl").await?.done()?.body["id"], id);

    // An operator of the provider's can't go back: only whoever remains has proven the other way.
    let back = (Method::PUT, "/v1/auth/backend");
    let unproven = give(&mut boss, &home, back, json!({"kind": "local"})).await?;
    assert_eq!(unproven.json()?["code"], "auth.unproven");
    put(&operator, json!({"kind": "local"})).await?;
    assert_eq!(ways(&operator, &server).await?["backend"], "local");
    let over = boss.fetch(&home, Method::GET, "/v1/session", &[], None).await?;
    assert_eq!(over.status, 401);
    let start = Client::nobody(&server)?.get("/auth/github/start").await?;
    refused(&start, 404, "auth.not_active")?;

    // Everything is found again after a restart, the secret too.
    put(&operator, proposal(&github, "boss")).await?;
    server.stop().await?;
    let server = Server::start(&place, FLAGS).await?;
    let operator = Client::operator(&server).await?;
    github.app(CLIENT, SECRET, &callback(&operator, "github").await?);
    let (_, page) = as_user(&proof(&operator).await?, "boss").await?;
    assert_eq!(page.status, 200, "{}", page.body);
    Ok(())
}

#[tokio::test]
async fn another_browser_can_not_end_what_one_has_begun() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, github()?);
    let server = Server::start(&place, FLAGS).await?;
    switched(&server, &github).await?;
    let mut boss = Browser::new()?;
    let form = boss.open(&format!("{}/auth/github/start", server.url())).await?;
    boss.halt_before(Some(server.url()));
    let halted = boss.submit(&form, &[("login", "boss"), ("authorize", "1")]).await?;
    let answer = halted.location().context("GitHub sends them back")?.to_owned();
    let mut thief = Browser::new()?;
    let page = thief.open(&answer).await?;
    assert!(page.status == 400 && page.body.contains("this sign-in is over"), "{}", page.body);
    // It is spent: not even the one who began it can use it now.
    boss.halt_before(None);
    let spent = boss.open(&answer).await?;
    assert!(spent.status == 400 && spent.body.contains("this sign-in is over"), "{}", spent.body);
    assert_eq!(boss.cookies(&server.url().parse()?).iter().filter(|cookie| cookie.name == "dkube_session").count(), 0);
    Ok(())
}

#[tokio::test]
async fn github_may_be_away_and_the_server_goes_on() -> anyhow::Result<()> {
    let (place, mut github) = (Place::new()?, github()?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = switched(&server, &github).await?;
    github.stop();
    let away = operator.post("/v1/directory/refresh", json!({})).await?;
    refused(&away, 503, "provider.unreachable")?;
    assert!(operator.get("/v1/directory").await?.done()?.body["trouble"].is_string());
    Client::operator(&server).await?.get("/v1/overview").await?.done()?;
    github.start_again()?;
    operator.post("/v1/directory/refresh", json!({})).await?.done()?;
    assert!(operator.get("/v1/directory").await?.done()?.body["trouble"].is_null());
    Ok(())
}

#[tokio::test]
async fn without_leave_no_address_of_this_machine_is_asked() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, github()?);
    let server = Server::start(&place, &[]).await?;
    let operator = Client::operator(&server).await?;
    for (address, code) in [
        (&*github.url(), "egress.address"),
        ("https://127.0.0.1", "egress.blocked"),
        ("https://169.254.169.254", "egress.blocked"),
    ] {
        let body = json!({"kind": "github", "organization": ORG, "client_id": CLIENT, "client_secret": SECRET,
            "base_url": address, "operator": "boss"});
        let reply = Client::send(operator.request(Method::PUT, "/v1/auth/backend").json(&body)).await?;
        refused(&reply, 400, code)?;
    }
    // A name that leads there is found out when it is asked.
    let body = json!({"kind": "oidc", "issuer": "https://localhost:1", "client_id": CLIENT, "client_secret": SECRET,
        "operator": "boss"});
    put(&operator, body).await?;
    refused(&operator.post("/v1/auth/backend/prove", json!({})).await?, 400, "egress.blocked")?;
    assert_eq!(github.requests("/user"), 0);
    Ok(())
}

#[tokio::test]
async fn without_its_secret_nobody_signs_in_there_until_it_is_given_again() -> anyhow::Result<()> {
    let (place, github) = (Place::new()?, github()?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = switched(&server, &github).await?;
    let boss = operator.get("/v1/users/boss").await?.done()?.body["id"].clone();
    let boss = boss.as_str().context("an id")?.to_owned();
    assert!(server.stop().await?.success());
    std::fs::remove_file(place.data().join("master.key"))?;
    place.dkube(&["secrets", "abandon", "--yes"]).await?.done()?;
    place.dkube(&["auth", "reset-operator"]).await?.done()?;

    let server = Server::start(&place, FLAGS).await?;
    let operator = Client::operator(&server).await?;
    assert_eq!(ways(&operator, &server).await?["backend"], "github");
    let begun = Client::nobody(&server)?.get("/auth/github/start").await?;
    refused(&begun, 503, "auth.credentials_lost")?;
    refused(&operator.post("/v1/directory/refresh", json!({})).await?, 503, "auth.credentials_lost")?;
    let shown = operator.get("/v1/auth/backend").await?.done()?.body;
    assert_eq!((&shown["kind"], &shown["provider"]["client_secret"]), (&json!("github"), &json!(false)));
    operator.get("/v1/pools").await?.done()?;

    operator.patch("/v1/auth/backend", json!({"client_secret": SECRET})).await?.done()?;
    github.app(CLIENT, SECRET, &callback(&operator, "github").await?);
    let start = format!("{}/auth/github/start", server.url());
    let (mut browser, page) = as_user(&start, "boss").await?;
    assert!(page.status == 403 && page.body.contains("on-boarded"), "{}", page.body);
    operator.patch(&format!("/v1/users/unreadable-{boss}"), json!({"link": "boss"})).await?.done()?;
    operator.settled().await?;
    let page = browser.open(&start).await?;
    let session = who(&mut browser, &page).await?;
    assert_eq!((&session["login"], &session["role"]), (&json!("boss"), &json!("operator")));
    assert_eq!(operator.get("/v1/users/boss").await?.done()?.body["id"], json!(boss));
    Ok(())
}
