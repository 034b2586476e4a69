//! The configuration that `dkube nats-config` prints, on a real NATS server: enough for each client, and no more.
use anyhow::Context;
use async_nats::jetstream;
use bus::{
    bus::{Bus, BusError, Connection, Credentials, Headers, Nats, NatsSettings, Subscription, Tls},
    relay::{State, StreamSettings, relay_to_jetstream},
};
use bytes::Bytes;
use std::{os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};
use tests::harness::{Client, Host, LIMIT, MemoryLog, NatsServer, Place, Secrets, Server, eventually};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};

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
        let nats = NatsServer::start_with(&with_strangers(&configuration, &secrets)?)?;
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

    fn settings(&self, key: PathBuf, inbox: Option<&str>) -> NatsSettings {
        NatsSettings {
            credentials: Credentials::NkeySeedFile(key),
            tls: Tls { authorities: Some(self.secrets.path("ca.pem")), required: true, ..Tls::default() },
            inbox_prefix: inbox.map(str::to_owned),
            ..NatsSettings::new(self.url(), "test")
        }
    }

    /// Speaks with the key of that client.
    async fn bus(&self, client: &str, inbox: Option<&str>) -> anyhow::Result<Bus> {
        connect(&self.settings(self.key(client).into(), inbox)).await
    }

    /// Speaks as somebody whom the test has added.
    async fn stranger(&self, name: &str) -> anyhow::Result<Bus> {
        connect(&self.settings(self.secrets.path(&format!("{name}.nk")), None)).await
    }

    /// A client without anything of ours around it.
    async fn plain(&self, client: &str, inbox: &str) -> anyhow::Result<Plain> {
        let (told, refusals) = mpsc::channel(64);
        let seed = std::fs::read_to_string(self.key(client))?.trim().to_owned();
        let options = async_nats::ConnectOptions::with_nkey(seed).custom_inbox_prefix(inbox);
        let options = options.add_root_certificates(self.secrets.path("ca.pem")).require_tls(true);
        let options = options.event_callback(move |event| {
            if let async_nats::Event::ServerError(error) = event {
                told.try_send(error.to_string()).expect("each is looked at");
            }
            std::future::ready(())
        });
        Ok(Plain { client: options.connect(self.url()).await?, refusals })
    }
}

/// A client of NATS, and what the server has refused it.
struct Plain {
    client: async_nats::Client,
    refusals: mpsc::Receiver<String>,
}

impl Plain {
    async fn may_not_say(&mut self, subjects: &[&'static str]) -> anyhow::Result<()> {
        for subject in subjects {
            self.client.publish(*subject, "forged".into()).await?;
            self.refused(subject).await?;
        }
        Ok(())
    }

    async fn may_not_hear(&mut self, subjects: &[&'static str]) -> anyhow::Result<()> {
        for subject in subjects {
            let _heard = self.client.subscribe(*subject).await?;
            self.refused(subject).await?;
        }
        Ok(())
    }

    async fn refused(&mut self, subject: &str) -> anyhow::Result<()> {
        let told = timeout(LIMIT, self.refusals.recv()).await.with_context(|| format!("{subject} is not refused"))?;
        let told = told.context("the client is closed")?;
        anyhow::ensure!(told.contains(&format!("\"{subject}\"")), "{subject}: {told}");
        Ok(())
    }
}

/// With a witness who may do all in the account, one who may do all in another, and one who looks after the server.
fn with_strangers(configuration: &str, secrets: &Secrets) -> anyhow::Result<String> {
    let [witness, other, keeper] =
        ["witness", "other", "keeper"].map(|name| secrets.nkey(name).map(|key| format!("{{ nkey: {key} }}")));
    let (witness, other, keeper) = (witness?, other?, keeper?);
    let mut configuration = configuration.to_owned();
    for (before, added) in [
        ("accounts {\n", format!("OTHER {{ jetstream: enabled, users: [{other}] }}\n")),
        ("jetstream: enabled\n    users: [\n", witness),
        ("SYS {\n    users: [", keeper),
    ] {
        let at = configuration.find(before).with_context(|| format!("there is no {before:?}"))? + before.len();
        configuration.insert_str(at, &added);
    }
    Ok(configuration)
}

async fn connect(settings: &NatsSettings) -> anyhow::Result<Bus> {
    let bus = Bus::Nats(Nats::connect(settings).await?);
    timeout(LIMIT, bus.connection().wait_for(Connection::is_up)).await.context("connect")??;
    Ok(bus)
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
    let witness = world.stranger("witness").await?;
    let agent = world.bus("node-gpu-01", Some("_INBOX_AGENT.gpu-01")).await?;
    let mut heard = witness.subscribe(">").await?;
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
        send(&witness, subject, "forged").await?;
    }
    send(&witness, "_INBOX_AGENT.gpu-01.x", "last").await?;
    assert_eq!(forged(&mut own).await?, Vec::<String>::new());
    let overheard = timeout(Duration::from_millis(200), all.next()).await;
    assert!(overheard.is_err() || overheard.is_ok_and(|message| message.is_none()), "nothing is overheard");
    Ok(())
}

#[tokio::test]
async fn the_server_makes_its_stream_anew_and_answers_and_does_no_more() -> anyhow::Result<()> {
    let world = World::new().await?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(3);
    let settings = world.settings(world.key("server").into(), None);
    let (relay, work) = relay_to_jetstream(settings, StreamSettings::default(), log);
    let work = tokio::spawn(work);
    let relayed = |status: &bus::relay::Status| status.state == State::Relaying && status.cursor == Some(last);
    eventually(&mut relay.status(), relayed).await;
    relay.rebuild().await?;
    eventually(&mut relay.status(), relayed).await;

    let server = world.bus("server", None).await?;
    let mut questions = server.subscribe("dkube.cluster.*.mirror").await?;
    let agent = world.bus("cluster-default", Some("_INBOX_CLUSTER.default")).await?;
    for asking in [&agent, &server] {
        let answers = async {
            let question = timeout(LIMIT, questions.next()).await.context("nothing comes")?.context("it is closed")?;
            anyhow::Ok(question.reply.context("nobody waits")?.send("taken".into()).await?)
        };
        let asked = asking.request("dkube.cluster.default.mirror", "mirror".into(), LIMIT);
        let (answer, answered) = tokio::join!(asked, answers);
        answered?;
        assert_eq!(answer, Ok("taken".into()));
    }

    let mut plain = world.plain("server", "_INBOX").await?;
    plain
        .may_not_say(&[
            "dkube.agent.gpu-01.health",
            "dkube.telemetry.gpu-01",
            "_INBOX_READER.audit.x",
            "$JS.API.STREAM.UPDATE.DKUBE_EVENTS",
            "$JS.API.STREAM.PURGE.DKUBE_EVENTS",
            "$JS.API.STREAM.CREATE.OTHER",
            "$JS.API.CONSUMER.CREATE.DKUBE_EVENTS.x",
        ])
        .await?;
    plain.may_not_hear(&[">", "dkube.>", "_INBOX_AGENT.>", "_INBOX_READER.audit.>"]).await?;
    drop(relay);
    work.await?;
    Ok(())
}

#[tokio::test]
async fn an_admin_makes_the_consumer_by_which_a_reader_follows() -> anyhow::Result<()> {
    let world = World::new().await?;
    let log = MemoryLog::new(1, 1);
    let last = log.append(1);
    let settings = world.settings(world.key("server").into(), None);
    let (relay, work) = relay_to_jetstream(settings, StreamSettings::default(), log.clone());
    let work = tokio::spawn(work);
    eventually(&mut relay.status(), |status| status.cursor == Some(last)).await;

    let mut admin = world.plain("admin", "_INBOX_ADMIN").await?;
    let mut reader = world.plain("reader-audit", "_INBOX_READER.audit").await?;
    let (making, following) = (jetstream::new(admin.client.clone()), jetstream::new(reader.client.clone()));
    let named = jetstream::consumer::pull::Config { durable_name: Some("audit".to_owned()), ..Default::default() };
    making.get_stream("DKUBE_EVENTS").await?.create_consumer(named).await?;
    let consumer: jetstream::consumer::PullConsumer =
        following.get_consumer_from_stream("audit", "DKUBE_EVENTS").await?;
    let mut messages = consumer.fetch().max_messages(1).expires(LIMIT).messages().await?;
    let message = timeout(LIMIT, futures::StreamExt::next(&mut messages)).await?.context("no event comes")?;
    let message = message.map_err(|error| anyhow::anyhow!(error))?;
    let told = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
    assert_eq!(told.map(|id| id.as_str().to_owned()), Some(log.events()[0].id.to_string()));
    message.double_ack().await.map_err(|error| anyhow::anyhow!(error))?;

    reader.may_not_say(&["$JS.API.CONSUMER.CREATE.DKUBE_EVENTS.x", "$JS.API.CONSUMER.MSG.NEXT.DKUBE_EVENTS.x"]).await?;
    reader.may_not_hear(&["dkube.>", "_INBOX_ADMIN.>"]).await?;
    admin.may_not_say(&["$JS.API.STREAM.DELETE.DKUBE_EVENTS", "dkube.events.pool.PoolCreated"]).await?;
    drop(relay);
    work.await?;
    Ok(())
}

#[tokio::test]
async fn another_account_neither_hears_nor_is_heard() -> anyhow::Result<()> {
    let world = World::new().await?;
    let (witness, other) = (world.stranger("witness").await?, world.stranger("other").await?);
    let mut witnessed = witness.subscribe(">").await?;
    let mut overheard = other.subscribe(">").await?;
    let agent = world.bus("node-gpu-01", Some("_INBOX_AGENT.gpu-01")).await?;
    let server = world.bus("server", None).await?;
    for (who, subject) in [
        (&agent, "dkube.telemetry.gpu-01"),
        (&agent, "dkube.agent.gpu-01.health"),
        (&server, "dkube.events.pool.PoolCreated"),
        (&server, "_INBOX_AGENT.gpu-01.x"),
    ] {
        send(who, subject, "forged").await?;
        while timeout(LIMIT, witnessed.next()).await?.context("it is closed")?.subject != subject {}
        send(&other, subject, "forged").await?;
    }
    send(&other, "dkube.telemetry.gpu-01", "last").await?;
    assert_eq!(forged(&mut overheard).await?.len(), 4, "it hears itself");
    send(&witness, "dkube.telemetry.gpu-01", "last").await?;
    assert_eq!(forged(&mut witnessed).await?, Vec::<String>::new());
    assert_eq!(
        other
            .request("$JS.API.STREAM.INFO.DKUBE_EVENTS", "".into(), LIMIT)
            .await
            .map(|info| { String::from_utf8_lossy(&info).contains("stream not found") }),
        Ok(true)
    );
    Ok(())
}

#[tokio::test]
async fn the_system_account_is_nobodys_here() -> anyhow::Result<()> {
    let world = World::new().await?;
    let keeper = world.stranger("keeper").await?;
    let answer = keeper.request("$SYS.REQ.SERVER.PING", "".into(), LIMIT).await?;
    assert!(String::from_utf8_lossy(&answer).contains("statsz"), "who is let in has it");
    let witness = world.stranger("witness").await?;
    assert_eq!(witness.request("$SYS.REQ.SERVER.PING", "".into(), LIMIT).await, Err(BusError::NoResponder));
    for (client, inbox) in [
        ("server", "_INBOX"),
        ("admin", "_INBOX_ADMIN"),
        ("node-gpu-01", "_INBOX_AGENT.gpu-01"),
        ("cluster-default", "_INBOX_CLUSTER.default"),
        ("reader-audit", "_INBOX_READER.audit"),
    ] {
        let mut plain = world.plain(client, inbox).await?;
        plain.may_not_say(&["$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "$SYS.REQ.ACCOUNT.PING.CONNZ"]).await?;
        plain.may_not_hear(&["$SYS.>", "$SYS.ACCOUNT.*.CONNECT"]).await?;
    }
    let nobody = NatsSettings { credentials: Credentials::None, ..world.settings(PathBuf::new(), None) };
    let mut connection = Bus::Nats(Nats::connect(&nobody).await?).connection();
    eventually(&mut connection, |connection| matches!(connection, Connection::Down(Some(_)))).await;
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
    let other = world.stranger("witness").await?;
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
