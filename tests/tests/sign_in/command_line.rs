//! The command line and the browser on the same machine.
use crate::{
    CLIENT, FLAGS, SECRET, callback,
    oidc::{as_account, provider, switched},
    ways, who,
};
use anyhow::Context;
use tests::harness::{Browser, Client, Place, Server};

#[tokio::test]
async fn a_backend_is_proposed_and_proven() -> anyhow::Result<()> {
    let (place, provider) = (Place::new()?, provider().await?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = Client::operator(&server).await?;
    provider.client(CLIENT, SECRET, &callback(&operator, "oidc").await?).await?;
    std::fs::write(place.path("client-secret"), SECRET)?;
    let (secret, password) = (place.text("client-secret"), place.text("password"));
    let person = ["--login", "operator", "--password-file", &password, "--server", server.url()];
    let proposal = ["auth", "oidc", "--issuer", provider.issuer(), "--client-id", CLIENT];
    let rest = ["--client-secret-file", &secret, "--operator", "boss"];
    place.dkube(&[&proposal[..], &rest, &person].concat()).await?.done()?;
    operator.settled().await?;
    // The session that asks for the address is over before anybody opens it.
    let url = place.dkube(&[&["auth", "prove"][..], &person].concat()).await?.done()?;
    let page = as_account(&mut Browser::new()?, url.trim(), "1001").await?;
    assert!(page.status == 200 && page.body.contains("oidc from now on"), "{}", page.body);
    assert_eq!(ways(&operator, &server).await?["backend"], "oidc");
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

#[tokio::test]
async fn two_windows_of_one_browser_end_what_each_began() -> anyhow::Result<()> {
    let (place, provider) = (Place::new()?, provider().await?);
    let server = Server::start(&place, FLAGS).await?;
    switched(&server, &provider).await?;
    let mut login = place.start(&["login", "--server", server.url()])?;
    let (_, address) = (login.note().await?, login.note().await?);
    let mut browser = Browser::new()?;
    let asks = as_account(&mut browser, &address, "1001").await?;
    // Signed in at the provider already, the other window comes back at once.
    let home = browser.open(&format!("{}/auth/oidc/start", server.url())).await?;
    assert_eq!(who(&mut browser, &home).await?["login"], "boss");
    browser.submit(&asks, &[]).await?;
    assert_eq!(login.end().await?, Some(0));
    Ok(())
}

#[tokio::test]
async fn whoever_waits_is_told_that_nobody_can_sign_in() -> anyhow::Result<()> {
    let (place, provider) = (Place::new()?, provider().await?);
    let server = Server::start(&place, FLAGS).await?;
    let operator = switched(&server, &provider).await?;
    let issuer = provider.issuer().to_owned();
    drop(provider);
    // What the issuer said of itself is remembered for some minutes, and not over a restart.
    drop(operator);
    server.stop().await?;
    let server = Server::start(&place, FLAGS).await?;
    let mut login = place.start(&["login", "--server", server.url()])?;
    let (_, address) = (login.note().await?, login.note().await?);
    let page = Browser::new()?.open(&address).await?;
    assert!(page.body.contains("Go back to the terminal"), "{}", page.body);
    let told = login.note().await?;
    // Which addresses the server asks is nothing for whoever has not signed in.
    assert!(told.contains("provider.unreachable") && !told.contains(&issuer), "{told}");
    assert_eq!(login.end().await?, Some(5));
    Ok(())
}
