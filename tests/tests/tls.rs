//! TLS of the server's own: spoken on every connection, with a certificate that may be renewed while it runs.
use anyhow::Context;
use std::{fs, time::Duration};
use tests::harness::{Client, LIMIT, Place, Secrets, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

struct World {
    place: Place,
    secrets: Secrets,
    server: Server,
}

const DAY: i64 = 24 * 3600;

impl World {
    async fn new() -> anyhow::Result<Self> {
        Self::with(Secrets::make()?).await
    }

    async fn with(secrets: Secrets) -> anyhow::Result<Self> {
        let place = Place::new()?;
        let (certificate, key) = (secrets.path("server.pem"), secrets.path("server.key"));
        let flags = ["--tls-cert", &certificate.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
        let server = Server::start(&place, &flags).await?;
        Ok(Self { place, secrets, server })
    }

    fn client(&self) -> anyhow::Result<Client> {
        Client::trusting(&self.server, &self.secrets.path("ca.pem"))
    }

    /// Puts others into the server's files.
    fn renew(&self, renewed: &Secrets) -> anyhow::Result<()> {
        for file in ["server.key", "server.pem"] {
            fs::copy(renewed.path(file), self.secrets.path(file))?;
        }
        Ok(())
    }

    async fn logs(&self, word: &str) -> anyhow::Result<()> {
        let deadline = Instant::now() + LIMIT;
        while !self.place.log().contains(word) {
            anyhow::ensure!(Instant::now() < deadline, "the server does not say: {word}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The alert of the certificate, as who trusts this authority is told it.
    async fn alert(&self, trusted: &Secrets) -> anyhow::Result<Option<serde_json::Value>> {
        let client = Client::trusting(&self.server, &trusted.path("ca.pem"))?;
        let client = client.signed_in(tests::harness::OPERATOR, tests::harness::PASSWORD).await?;
        let alerts = client.get("/v1/alerts").await?.done()?.body;
        let mut all = alerts["items"].as_array().into_iter().flatten();
        Ok(all.find(|alert| alert["code"] == "server.certificate").cloned())
    }
}

#[tokio::test]
async fn people_and_programs_sign_in_over_tls() -> anyhow::Result<()> {
    let world = World::new().await?;
    assert!(world.server.url().starts_with("https://"));
    let client = world.client()?;
    let body = serde_json::json!({"login": "operator", "password": tests::harness::PASSWORD});
    let reply = client.post("/v1/session", body).await?.done()?;
    let header = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(header("set-cookie").starts_with("__Host-") && header("set-cookie").contains("; Secure"));
    assert_eq!(header("strict-transport-security"), "max-age=31536000");

    let (ca, password) = (world.secrets.path("ca.pem"), world.place.text("password"));
    let ca = ca.to_string_lossy();
    let at = ["--server", world.server.url(), "--server-ca", &ca];
    let sign_in = [&["login", "--login", "operator", "--password-file", &password][..], &at].concat();
    world.place.dkube(&sign_in).await?.done()?;
    let overview = world.place.dkube(&[&["overview"][..], &at].concat()).await?.done()?;
    assert!(overview.contains("nodes"), "{overview}");
    let stranger = world.place.dkube(&["overview", "--server", world.server.url()]).await?;
    assert_eq!(stranger.code, Some(5), "an authority that is not known is not trusted: {}", stranger.err);
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn nobody_is_answered_in_clear_and_who_says_nothing_holds_nobody_up() -> anyhow::Result<()> {
    let world = World::new().await?;
    let _silent = TcpStream::connect(world.server.address()).await?;
    let mut plain = TcpStream::connect(world.server.address()).await?;
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    let mut answer = vec![];
    // Closed without a word is as good as closed with one.
    drop(timeout(LIMIT, plain.read_to_end(&mut answer)).await.context("the connection is not closed")?);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(world.client()?.get("/livez").await?.status == 200);
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_bad_one_is_not() -> anyhow::Result<()> {
    let world = World::new().await?;
    fs::write(world.secrets.path("server.pem"), "nonsense")?;
    world.logs("the renewed certificate can't be used").await?;
    assert_eq!(world.client()?.get("/livez").await?.status, 200, "the old one is kept");

    let renewed = Secrets::make()?;
    world.renew(&renewed)?;
    world.logs("the certificate was renewed").await?;
    let client = Client::trusting(&world.server, &renewed.path("ca.pem"))?;
    assert_eq!(client.get("/livez").await?.status, 200);
    assert!(world.client()?.get("/livez").await.is_err(), "the old authority does not vouch for it");
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_certificate_without_its_key_is_a_clear_error() -> anyhow::Result<()> {
    let (place, secrets, other) = (Place::new()?, Secrets::make()?, Secrets::make()?);
    let (certificate, key) = (secrets.path("server.pem"), other.path("server.key"));
    let (certificate, key) = (certificate.to_string_lossy(), key.to_string_lossy());
    let alone = place.dkube(&["serve", "--tls-cert", &certificate]).await?;
    assert!(alone.code == Some(2) && alone.err.contains("tls_key is missing"), "{}", alone.err);
    let foreign = place.dkube(&["serve", "--tls-cert", &certificate, "--tls-key", &key]).await?;
    assert!(foreign.code == Some(2) && foreign.err.contains("can't be used"), "{}", foreign.err);
    let whole = fs::read_to_string(other.path("server.key"))?;
    fs::write(other.path("server.key"), whole.replace('\n', " "))?;
    let broken = place.dkube(&["serve", "--tls-cert", &certificate, "--tls-key", &key]).await?;
    assert!(broken.code == Some(2) && broken.err.contains("it is not whole"), "{}", broken.err);
    assert!(!place.data().exists(), "nothing was founded");
    Ok(())
}

#[tokio::test]
async fn a_renewed_certificate_that_does_not_hold_is_not_shown_before_it_does() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ended = Secrets::holding(-2 * DAY..-DAY)?;
    world.renew(&ended)?;
    world.logs("it has ended at").await?;
    assert_eq!(world.client()?.get("/livez").await?.status, 200, "the old one is kept");
    world.renew(&Secrets::holding(DAY..2 * DAY)?)?;
    world.logs("it does not hold before").await?;
    assert_eq!(world.client()?.get("/livez").await?.status, 200, "the old one is kept");
    assert!(!world.place.log().contains("the certificate was renewed"));

    // One that will hold in a moment is taken then, without being written again.
    let soon = Secrets::holding(20..DAY)?;
    let said = world.place.log().matches("it does not hold before").count();
    world.renew(&soon)?;
    world.logs("the certificate was renewed").await?;
    assert_eq!(world.place.log().matches("it does not hold before").count(), said + 1, "said once");
    assert_eq!(Client::trusting(&world.server, &soon.path("ca.pem"))?.get("/livez").await?.status, 200);
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_server_is_not_kept_from_starting_by_a_certificate_that_has_ended() -> anyhow::Result<()> {
    let world = World::with(Secrets::holding(-2 * DAY..-DAY)?).await?;
    world.logs("the certificate does not hold: clients refuse it").await?;
    assert!(world.client()?.get("/livez").await.is_err(), "who looks refuses it");
    world.renew(&Secrets::holding(-3 * DAY..-DAY)?)?;
    world.logs("neither the old certificate holds nor the renewed one").await?;

    let short = Secrets::holding(-60 * DAY..10 * DAY)?;
    world.renew(&short)?;
    world.logs("the certificate was renewed").await?;
    let alert = world.alert(&short).await?.context("it ends soon")?;
    assert_eq!(alert["severity"], "warning");
    assert!(alert["summary"].as_str().is_some_and(|text| text.contains("the server's certificate ends at")), "{alert}");

    let good = Secrets::make()?;
    world.renew(&good)?;
    let deadline = Instant::now() + LIMIT;
    while world.place.log().matches("the certificate was renewed").count() < 2 {
        anyhow::ensure!(Instant::now() < deadline, "it is not renewed again");
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.alert(&good).await?, None);
    assert!(world.server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_ends_while_the_server_runs_is_told_of_once() -> anyhow::Result<()> {
    let world = World::new().await?;
    let ending = Secrets::holding(-DAY..20)?;
    world.renew(&ending)?;
    world.logs("the certificate ends soon: renew it").await?;
    world.logs("the certificate does not hold: clients refuse it").await?;
    let client = Client::trusting(&world.server, &ending.path("ca.pem"))?;
    assert!(client.get("/livez").await.is_err(), "who looks refuses it");

    let renewed = Secrets::make()?;
    world.renew(&renewed)?;
    let client = Client::trusting(&world.server, &renewed.path("ca.pem"))?;
    let deadline = Instant::now() + LIMIT;
    while client.get("/livez").await.is_err() {
        anyhow::ensure!(Instant::now() < deadline, "the renewed certificate is not shown");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(world.server.stop().await?.success());
    let log = world.place.log();
    for line in ["the certificate ends soon", "the certificate does not hold"] {
        assert_eq!(log.matches(line).count(), 1, "{line}");
    }
    Ok(())
}
