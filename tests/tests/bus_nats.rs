//! The bus over a real NATS server: the same as within a process, with keys and TLS, and over lost connections.
use anyhow::Context;
use bus::{
    bus::{Bus, BusError, Connection, Credentials, Headers, Message, Nats, NatsSettings, Subscription, Tls},
    wire::{self, Kind},
};
use std::{fs, path::Path, time::Duration};
use tests::harness::{Client, LIMIT, NatsOperator, NatsServer, Place, Secrets, Server, eventually};
use tokio::time::{sleep, timeout};

async fn connected(settings: &NatsSettings) -> anyhow::Result<Bus> {
    let bus = Bus::Nats(Nats::connect(settings).await?);
    eventually(&mut bus.connection(), Connection::is_up).await;
    Ok(bus)
}

async fn next(subscription: &mut Subscription) -> anyhow::Result<Message> {
    timeout(LIMIT, subscription.next()).await.context("no message came")?.context("the bus is closed")
}

/// What holds on both buses.
async fn story(bus: &Bus) -> anyhow::Result<()> {
    bus.publish("a.b", Headers::new(), "nobody listens".into()).await?;
    let mut one = bus.subscribe("a.*").await?;
    let mut all = bus.subscribe("a.>").await?;
    let mut headers = Headers::new();
    headers.push("ce-id", "7");
    bus.publish("a.b", headers.clone(), "1".into()).await?;
    bus.publish("a.b.c", Headers::new(), "2".into()).await?;
    bus.publish("a.d", Headers::new(), "3".into()).await?;
    let first = next(&mut one).await?;
    assert_eq!((&*first.subject, &first.headers, &*first.payload), ("a.b", &headers, &b"1"[..]));
    assert_eq!(&*next(&mut one).await?.payload, b"3");
    for payload in ["1", "2", "3"] {
        assert_eq!(&*next(&mut all).await?.payload, payload.as_bytes());
    }
    drop(all);

    assert_eq!(bus.request("b", "?".into(), LIMIT).await, Err(BusError::NoResponder));
    let mut asked = bus.subscribe("b").await?;
    let answers = async {
        next(&mut asked).await?.reply.context("nobody waits")?.send("!".into()).await?;
        anyhow::Ok(())
    };
    let (answer, answered) = tokio::join!(bus.request("b", "?".into(), LIMIT), answers);
    answered?;
    assert_eq!(answer, Ok("!".into()));
    let short = Duration::from_millis(50);
    assert_eq!(bus.request("b", "?".into(), short).await, Err(BusError::Unanswered));
    assert!(matches!(bus.publish("a.*", Headers::new(), "".into()).await, Err(BusError::Pattern(_))));
    let large = vec![0; bus::bus::PAYLOAD_MAX + 1];
    assert!(matches!(bus.publish("a", Headers::new(), large.into()).await, Err(BusError::TooLarge { .. })));
    let mut broken = Headers::new();
    broken.push("a", "x\r\ny");
    assert_eq!(bus.publish("a", broken, "".into()).await, Err(BusError::Header));
    assert_eq!(bus.lost(), 0);
    Ok(())
}

#[tokio::test]
async fn both_buses_do_the_same() -> anyhow::Result<()> {
    story(&Bus::in_process()).await?;
    let server = NatsServer::start()?;
    story(&connected(&NatsSettings::new(server.url(), "test")).await?).await
}

#[tokio::test]
async fn a_lost_server_is_found_again() -> anyhow::Result<()> {
    let mut server = NatsServer::start()?;
    server.stop()?;
    let bus = Bus::Nats(Nats::connect(&NatsSettings::new(server.url(), "test")).await?);
    let mut connection = bus.connection();
    assert_eq!(bus.publish("a", Headers::new(), "".into()).await, Err(BusError::Disconnected));
    assert_eq!(bus.request("a", "".into(), LIMIT).await, Err(BusError::Disconnected));
    let mut early = bus.subscribe("a").await?;
    for _ in 0..2 {
        server.start_again()?;
        eventually(&mut connection, Connection::is_up).await;
        let other = connected(&NatsSettings::new(server.url(), "other")).await?;
        // The subscription is made again a moment after the connection.
        let heard = async {
            while timeout(Duration::from_millis(20), early.next()).await.is_err() {
                other.publish("a", Headers::new(), "1".into()).await?;
            }
            anyhow::Ok(())
        };
        timeout(LIMIT, heard).await.context("the subscription was not made again")??;
        server.kill();
        eventually(&mut connection, |connection| !connection.is_up()).await;
    }
    Ok(())
}

/// What the server and the agents of a cluster are known by.
struct Keys {
    secrets: Secrets,
    server: String,
    agent: String,
}

impl Keys {
    fn make() -> anyhow::Result<Self> {
        let secrets = Secrets::make()?;
        let (server, agent) = (secrets.nkey("dkube")?, secrets.nkey("agent")?);
        secrets.nkey("stranger")?;
        Ok(Self { secrets, server, agent })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.secrets.path(name)
    }

    /// A server that lets the agent of one node talk on its own subjects only.
    fn configuration(&self, node: &str) -> String {
        format!(
            "tls {{ cert_file: '{}', key_file: '{}' }}
             authorization {{ users: [
               {{ nkey: {} }},
               {{ nkey: {}, permissions: {{
                   publish: [\"dkube.agent.{node}.>\", \"dkube.telemetry.{node}\"],
                   subscribe: [\"_INBOX_AGENT.{node}.>\"] }} }}
             ] }}",
            self.path("server.pem").display(),
            self.path("server.key").display(),
            self.server,
            self.agent,
        )
    }

    fn settings(&self, server: &NatsServer, seed: &Path, inbox_prefix: Option<&str>) -> NatsSettings {
        NatsSettings {
            credentials: Credentials::NkeySeedFile(seed.to_owned()),
            tls: Tls { required: true, authorities: Some(self.path("ca.pem")), ..Tls::default() },
            inbox_prefix: inbox_prefix.map(ToOwned::to_owned),
            ..NatsSettings::new(server.url(), "test")
        }
    }
}

#[tokio::test]
async fn with_keys_and_tls_an_agent_speaks_for_its_own_node_only() -> anyhow::Result<()> {
    let secrets = Keys::make()?;
    let server = NatsServer::start_with(&secrets.configuration("gpu-01_rack3"))?;
    let intake = connected(&secrets.settings(&server, &secrets.path("dkube.nk"), None)).await?;
    let inbox = wire::inbox_prefix(&"gpu-01.rack3".parse()?);
    let agent = connected(&secrets.settings(&server, &secrets.path("agent.nk"), Some(&inbox))).await?;
    let mut reports = intake.subscribe(wire::AGENTS_HEALTH).await?;
    let own = wire::agent(&"gpu-01.rack3".parse()?, Kind::Health);
    let answers = async {
        next(&mut reports).await?.reply.context("nobody waits")?.send("taken".into()).await?;
        anyhow::Ok(())
    };
    let (answer, answered) = tokio::join!(agent.request(&own, "report".into(), LIMIT), answers);
    answered?;
    assert_eq!(answer, Ok("taken".into()));

    let other = wire::agent(&"gpu-02.rack3".parse()?, Kind::Health);
    let refused = agent.request(&other, "forged".into(), Duration::from_millis(200)).await;
    assert_eq!(refused, Err(BusError::Unanswered));
    agent.publish("dkube.events.pool.PoolCreated", Headers::new(), "forged".into()).await?;
    intake.publish("dkube.agent.x.health", Headers::new(), "last".into()).await?;
    assert_eq!(&*next(&mut reports).await?.payload, b"last");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_not_trusted_and_a_key_that_is_not_known_are_refused() -> anyhow::Result<()> {
    let (secrets, others) = (Keys::make()?, Keys::make()?);
    let server = NatsServer::start_with(&secrets.configuration("gpu-01"))?;
    let strangers = secrets.settings(&server, &secrets.path("stranger.nk"), None);
    let distrusted = NatsSettings {
        tls: Tls { required: true, authorities: Some(others.path("ca.pem")), ..Tls::default() },
        ..secrets.settings(&server, &secrets.path("dkube.nk"), None)
    };
    for settings in [strangers, distrusted] {
        let bus = Nats::connect(&settings).await?;
        let bus = Bus::Nats(bus);
        let refused = |connection: &Connection| matches!(connection, Connection::Down(Some(_)));
        eventually(&mut bus.connection(), refused).await;
    }
    // A server without TLS, where TLS is a must.
    let plain = NatsServer::start()?;
    let bus = Bus::Nats(Nats::connect(&secrets.settings(&plain, &secrets.path("dkube.nk"), None)).await?);
    eventually(&mut bus.connection(), |connection| matches!(connection, Connection::Down(Some(_)))).await;
    Ok(())
}

fn by_file(server: &NatsServer, credentials: &Path) -> NatsSettings {
    let credentials = Credentials::File(credentials.to_owned());
    NatsSettings { credentials, ..NatsSettings::new(server.url(), "test") }
}

#[tokio::test]
async fn a_credentials_file_lets_the_server_in_to_its_account_alone() -> anyhow::Result<()> {
    let (secrets, place, operator) = (Secrets::make()?, Place::new()?, NatsOperator::make());
    let nats = NatsServer::start_with(&operator.configuration()?)?;
    let listener = connected(&by_file(&nats, &operator.user(&secrets, "listener")?)).await?;
    let stranger = connected(&by_file(&nats, &operator.stranger(&secrets, "stranger")?)).await?;
    let mut heard = listener.subscribe("dkube.events.>").await?;
    let mut overheard = stranger.subscribe("dkube.>").await?;
    let file = operator.user(&secrets, "server")?;
    let server = Server::start(&place, &["--nats", &nats.url(), "--nats-credentials", &file.to_string_lossy()]).await?;
    let client = Client::operator(&server).await?;
    client.post("/v1/pools", serde_json::json!({"name": "vision", "devices": []})).await?.done()?;
    while next(&mut heard).await?.subject != "dkube.events.pool.PoolCreated" {}
    stranger.publish("dkube.last", Headers::new(), "".into()).await?;
    assert_eq!(next(&mut overheard).await?.subject, "dkube.last");
    assert!(server.stop().await?.success());
    Ok(())
}

/// What of a credentials file nobody is to see.
fn secrets_of(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(file)?;
    let found = text.lines().filter(|line| line.starts_with("SU") || line.starts_with("ey")).map(str::to_owned);
    let found: Vec<String> = found.collect();
    anyhow::ensure!(found.len() == 2, "a JWT and a seed");
    Ok(found)
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_not_shown() -> anyhow::Result<()> {
    let (secrets, place, operator) = (Secrets::make()?, Place::new()?, NatsOperator::make());
    let nats = NatsServer::start_with(&operator.configuration()?)?;
    let (strange, mixed) = (NatsOperator::make().user(&secrets, "strange")?, operator.user(&secrets, "mixed")?);
    let (mut planted, other) = (secrets_of(&mixed)?, secrets_of(&operator.user(&secrets, "other")?)?);
    planted.extend([secrets_of(&strange)?, other.clone()].concat());
    // The JWT of one user with the seed of another.
    fs::write(&mixed, fs::read_to_string(&mixed)?.replace(&planted[1], &other[1]))?;
    for file in [&strange, &mixed] {
        let bus = Bus::Nats(Nats::connect(&by_file(&nats, file)).await?);
        let refused = |connection: &Connection| matches!(connection, Connection::Down(Some(_)));
        let Connection::Down(Some(said)) = eventually(&mut bus.connection(), refused).await else { unreachable!() };
        let error = Nats::try_once(&by_file(&nats, file)).await.expect_err("it is refused");
        let text = format!("{said} {error} {error:?}");
        assert!(said.contains("authorization violation"), "{text}");
        assert!(!planted.iter().any(|secret| text.contains(secret)), "{text}");
    }
    let flags =
        |file: &Path| ["--nats".to_owned(), nats.url(), "--nats-credentials".to_owned(), file.to_string_lossy().into()];
    let server = Server::start(&place, &flags(&strange).each_ref().map(String::as_str)).await?;
    let told = async {
        while !place.log().contains("authorization violation") {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, told).await.context("the log does not say what is wrong")?;
    assert!(server.stop().await?.success());

    let broken = secrets.path("broken.creds");
    fs::write(&broken, fs::read_to_string(&mixed)?.replace("-----BEGIN USER", "BEGIN USER"))?;
    let failed =
        Server::start(&place, &flags(&broken).each_ref().map(String::as_str)).await.expect_err("it is no such file");
    assert!(format!("{failed:#}").contains("read the credentials"), "{failed:#}");
    assert!(format!("{failed:#}").contains("it does not hold a JWT and an nkey seed"), "{failed:#}");
    assert!(!planted.iter().any(|secret| place.log().contains(secret)), "{}", place.log());
    Ok(())
}

#[tokio::test]
async fn an_answer_is_sent_to_an_inbox_and_nowhere_else() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let bus = connected(&NatsSettings::new(server.url(), "server")).await?;
    let mut questions = bus.subscribe("dkube.agent.gpu-01.health").await?;
    let client = async_nats::connect(server.url()).await?;
    for (reply, answered) in [
        ("dkube.events.pool.PoolCreated", false),
        ("dkube.agent.gpu-02.inventory", false),
        ("$JS.API.STREAM.PURGE.DKUBE_EVENTS", false),
        ("_INBOX.a.b", true),
        ("_INBOX_AGENT.gpu-01.c", true),
    ] {
        client.publish_with_reply("dkube.agent.gpu-01.health", reply, "".into()).await?;
        let question = next(&mut questions).await?;
        assert_eq!(question.reply.is_some(), answered, "{reply}");
    }
    Ok(())
}
