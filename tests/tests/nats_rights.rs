//! The configuration that `dkube nats-config` prints, on a real NATS server: enough for each client, and no more.
use anyhow::Context;
use bus::bus::{Bus, Credentials, Headers, Nats, NatsSettings, Subscription, Tls};
use bytes::Bytes;
use std::{os::unix::fs::PermissionsExt, time::Duration};
use tests::harness::{Client, Host, LIMIT, NatsServer, Place, Secrets, Server};
use tokio::time::{Instant, sleep, timeout};

struct World {
    secrets: Secrets,
    place: Place,
    nats: NatsServer,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let (secrets, place) = (Secrets::make()?, Place::new()?);
        let (certificate, key) = (secrets.path("server.pem"), secrets.path("server.key"));
        let (certificate, key, keys) = (certificate.to_string_lossy(), key.to_string_lossy(), place.text("keys"));
        let clients = ["--node", "gpu-01", "--node", "gpu-02.rack3", "--cluster", "default", "--reader", "audit"];
        let files = ["--keys", &keys, "--tls-cert", &certificate, "--tls-key", &key];
        let words = [&["nats-config"][..], &clients, &files].concat();
        let printed = place.dkube(&words).await?.done()?;
        assert_eq!(printed, place.dkube(&words).await?.done()?, "a key that is there is kept");
        // Where it listens and stores is the test's own.
        let (before, rest) = printed.split_once("jetstream {").context("it has JetStream")?;
        let (_, after) = rest.split_once("}\n").context("a block ends")?;
        let configuration = format!("{before}{after}").replace("listen: \"0.0.0.0:4222\"\n", "");
        let nats = NatsServer::start_with(&configuration)?;
        Ok(Self { secrets, place, nats })
    }

    fn url(&self) -> String {
        self.nats.url().replace("nats://", "tls://")
    }

    fn ca(&self) -> String {
        self.secrets.path("ca.pem").to_string_lossy().into_owned()
    }

    fn key(&self, client: &str) -> String {
        self.place.text(&format!("keys/{client}.nk"))
    }

    /// Speaks with the key of that client.
    async fn bus(&self, client: &str, inbox: Option<&str>) -> anyhow::Result<Bus> {
        let settings = NatsSettings {
            credentials: Credentials::NkeySeedFile(self.key(client).into()),
            tls: Tls { authorities: Some(self.secrets.path("ca.pem")), required: true, ..Tls::default() },
            inbox_prefix: inbox.map(str::to_owned),
            ..NatsSettings::new(self.url(), client)
        };
        let bus = Bus::Nats(Nats::connect(&settings).await?);
        timeout(LIMIT, bus.connection().wait_for(bus::bus::Connection::is_up)).await.context("connect")??;
        Ok(bus)
    }
}

async fn send(bus: &Bus, subject: &str, payload: &'static str) -> anyhow::Result<()> {
    Ok(bus.publish(subject, Headers::new(), Bytes::from_static(payload.as_bytes())).await?)
}

/// Which subjects had a message `forged` before the first that says `last`.
async fn forged(listener: &mut Subscription) -> anyhow::Result<Vec<String>> {
    let mut found = vec![];
    loop {
        let message = timeout(LIMIT, listener.next()).await.context("nothing comes")?.context("it is closed")?;
        match &message.payload[..] {
            b"last" => return Ok(found),
            b"forged" => found.push(message.subject.clone()),
            _ => {}
        }
    }
}

#[tokio::test]
async fn each_client_has_what_it_needs() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 1)?;
    let world = World::new().await?;
    let mode = std::fs::metadata(world.key("node-gpu-01"))?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let server = ["--nats", &world.url(), "--nats-ca", &world.ca(), "--nats-nkey", &world.key("server")];
    let server = Server::start(&world.place, &server).await?;
    let client = Client::operator(&server).await?;
    let agent = host.agent(&world.url(), &["--nats-ca", &world.ca(), "--nats-nkey", &world.key("node-gpu-01")])?;
    client.until("/v1/devices", |list| list["items"][0]["health"] == "healthy").await?;
    client.until("/v1/nodes/gpu-01/telemetry", |sums| sums["measured"] == 1).await?;
    let relayed = |page: &str| {
        ["dkube_relay_up{} 1", "dkube_relay_lag_events{} 0"].iter().all(|line| page.lines().any(|told| told == *line))
    };
    let deadline = Instant::now() + LIMIT;
    while !relayed(&client.text("/metrics").await?) {
        anyhow::ensure!(Instant::now() < deadline, "the relay may not write its stream");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(agent.stop().await?.success());

    client.patch("/v1/nodes/gpu-01", serde_json::json!({"retired": true})).await?.done()?;
    client.until("/v1/nodes/gpu-01", |node| node["retired"] == true).await?;
    let (line, sound) = check(&host, &world, "node-gpu-01").await?;
    assert!(!sound && line.starts_with("wrong server: a DKube server answers, and takes no reports"), "{line}");
    assert!(line.contains("is retired"), "{line}");
    assert!(server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn an_agent_speaks_and_listens_for_its_own_node_alone() -> anyhow::Result<()> {
    let world = World::new().await?;
    let server = world.bus("server", None).await?;
    let agent = world.bus("node-gpu-01", Some("_INBOX_AGENT.gpu-01")).await?;
    let mut heard = server.subscribe(">").await?;
    for subject in [
        "dkube.agent.gpu-02_rack3.health",
        "dkube.agent.gpu-02_rack3.inventory",
        "dkube.telemetry.gpu-02_rack3",
        "dkube.events.pool.PoolCreated",
        "dkube.cluster.default.mirror",
        "$JS.API.STREAM.DELETE.DKUBE_EVENTS",
        "_INBOX_AGENT.gpu-02_rack3.x",
    ] {
        send(&agent, subject, "forged").await?;
    }
    send(&agent, "dkube.telemetry.gpu-01", "last").await?;
    assert_eq!(forged(&mut heard).await?, Vec::<String>::new(), "what it may not say is not heard");

    // What it may not listen to, it does not hear: of one connection, messages come in order.
    let _others = agent.subscribe("dkube.>").await?;
    let _answers = agent.subscribe("_INBOX_AGENT.gpu-02_rack3.>").await?;
    let mut own = agent.subscribe("_INBOX_AGENT.gpu-01.>").await?;
    let mut all = agent.subscribe(">").await?;
    for subject in ["dkube.agent.gpu-02_rack3.health", "_INBOX_AGENT.gpu-02_rack3.x", "dkube.events.pool.PoolCreated"] {
        send(&server, subject, "forged").await?;
    }
    send(&server, "_INBOX_AGENT.gpu-01.x", "last").await?;
    assert_eq!(forged(&mut own).await?, Vec::<String>::new());
    let overheard = timeout(Duration::from_millis(200), all.next()).await;
    assert!(overheard.is_err() || overheard.is_ok_and(|message| message.is_none()), "nothing is overheard");
    Ok(())
}

/// The line of a check by these credentials that says whether reports are taken, and whether all is well.
async fn check(host: &Host, world: &World, key: &str) -> anyhow::Result<(String, bool)> {
    let (url, ca, key) = (world.url(), world.ca(), world.key(key));
    let flags = ["--check", "--node", "gpu-01", "--nats", &url, "--nats-ca", &ca, "--nats-nkey", &key];
    let done = timeout(LIMIT, host.command()?.args(flags).output()).await.context("a check ends")??;
    let lines = String::from_utf8(done.stdout)?;
    let line = lines.lines().last().context("it says something")?.to_owned();
    Ok((line, done.status.success()))
}

#[tokio::test]
async fn a_check_tells_another_nodes_key_from_its_own_and_whether_a_server_answers() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 1)?;
    let world = World::new().await?;
    for known in [false, true] {
        let server = ["--nats", &world.url(), "--nats-ca", &world.ca(), "--nats-nkey", &world.key("server")];
        let server = if known { Some(Server::start(&world.place, &server).await?) } else { None };
        let (line, sound) = check(&host, &world, "node-gpu-01").await?;
        let said = if known { "ok    server: a DKube server answers" } else { "note  server: no DKube server listens" };
        assert!(sound && line.starts_with(said), "{line}");
        for other in ["node-gpu-02.rack3", "cluster-default", "reader-audit"] {
            let (line, sound) = check(&host, &world, other).await?;
            assert!(!sound && line.starts_with("wrong server: ") && line.contains("node-gpu-01.nk"), "{other}: {line}");
            assert!(line.to_lowercase().contains("permissions violation"), "{other}: {line}");
        }
        if let Some(server) = server {
            let client = Client::operator(&server).await?;
            let metrics = client.text("/metrics").await?;
            for count in
                ["dkube_intake_reports_total{outcome=\"asked\"} 2", "dkube_telemetry_frames_total{outcome=\"asked\"} 1"]
            {
                assert!(metrics.lines().any(|line| line == count), "{count}\n{metrics}");
            }
            let events = client.history(1).await?;
            assert!(!events.iter().any(|event| event.to_string().contains("gpu-01")), "nothing of it is recorded");
            assert!(server.stop().await?.success());
        }
    }
    Ok(())
}

/// Something that is no DKube server, or one of before: it listens to all, and answers nothing.
#[tokio::test]
async fn a_check_takes_no_silence_for_an_answer() -> anyhow::Result<()> {
    let host = Host::new("gpu-01", 1)?;
    let world = World::new().await?;
    let other = world.bus("server", None).await?;
    let mut heard = other.subscribe("dkube.>").await?;
    let (line, sound) = check(&host, &world, "node-gpu-01").await?;
    assert!(sound && line.starts_with("note  server: something listens on dkube.telemetry.gpu-01"), "{line}");
    send(&other, "dkube.last", "last").await?;
    let first = timeout(LIMIT, heard.next()).await.context("nothing comes")?.context("it is closed")?;
    assert_eq!((&*first.subject, first.payload.len()), ("dkube.telemetry.gpu-01", 0));
    let next = timeout(LIMIT, heard.next()).await.context("nothing comes")?.context("it is closed")?;
    assert_eq!(&*next.subject, "dkube.last", "nothing was sent that could be taken for a report");
    Ok(())
}
