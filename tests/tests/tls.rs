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

impl World {
    async fn new() -> anyhow::Result<Self> {
        let (place, secrets) = (Place::new()?, Secrets::make()?);
        let (certificate, key) = (secrets.path("server.pem"), secrets.path("server.key"));
        let flags = ["--tls-cert", &certificate.to_string_lossy(), "--tls-key", &key.to_string_lossy()];
        let server = Server::start(&place, &flags).await?;
        Ok(Self { place, secrets, server })
    }

    fn client(&self) -> anyhow::Result<Client> {
        Client::trusting(&self.server, &self.secrets.path("ca.pem"))
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
    let logged = async |word: &str| {
        let deadline = Instant::now() + LIMIT;
        while !world.place.log().contains(word) {
            anyhow::ensure!(Instant::now() < deadline, "the server does not say: {word}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    };
    fs::write(world.secrets.path("server.pem"), "nonsense")?;
    logged("the renewed certificate can't be used").await?;
    assert_eq!(world.client()?.get("/livez").await?.status, 200, "the old one is kept");

    let renewed = Secrets::make()?;
    for file in ["server.key", "server.pem"] {
        fs::copy(renewed.path(file), world.secrets.path(file))?;
    }
    logged("the certificate was renewed").await?;
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
