//! A whole fleet against one server: agents of simulated nodes in this process, the server in another, and a real NATS server
//! between them.
use crate::{
    table::{Line, Report, Round},
    usage::{Usage, mebibytes},
};
use agents::{
    Simulation,
    agent::{Pace, Surroundings},
    health::Policy,
    source::simulated::{Faults, Fleet, Size},
};
use anyhow::{Context, Result, ensure};
use bus::{
    bus::{Bus, Nats, NatsSettings},
    clock::{Clock, SystemClock, SystemEntropy},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tests::harness::{Client, NatsServer, Place, Server};

const GPUS: u16 = 8;

/// How long a fleet may take to be known.
const KNOWN_WITHIN: Duration = Duration::from_mins(3);

/// Lets so many nodes report for so many seconds: a look a second, a frame every ten.
pub(crate) async fn run(nodes: u32, seconds: u64) -> Result<Report> {
    let nats = NatsServer::start()?;
    let folder = Place::new()?;
    let server = Server::start(&folder, &["--nats", &nats.url()]).await?;
    let client = Client::operator(&server).await?;
    let clock = Arc::new(SystemClock);
    let fleet = Fleet { size: Size { nodes, gpus_per_node: GPUS }, seed: 1, began: clock.now(), faults: Faults::Calm };
    let bus = Bus::Nats(Nats::connect(&NatsSettings::new(nats.url(), "a fleet")).await?);
    let around = Surroundings { bus, clock, entropy: Arc::new(SystemEntropy) };
    let pace = Pace { look_every: Duration::from_secs(1), ..Pace::default() };
    let began = Instant::now();
    let agents = Simulation::start(&fleet, &Policy::built_in(), &around, pace);
    while measured(&client).await? < u64::from(nodes) * u64::from(GPUS) {
        ensure!(began.elapsed() < KNOWN_WITHIN, "the fleet is not known");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let known = began.elapsed();
    let (bus, server_pid) =
        (nats.pid().context("the NATS server has ended")?, server.pid().context("dkube has ended")?);
    let (began, before, bus_before) = (Instant::now(), Usage::of(server_pid)?, Usage::of(bus)?);
    let mut lags = vec![];
    while began.elapsed() < Duration::from_secs(seconds) {
        for nth in 0..20 {
            lags.push(lag(&client, nth * nodes / 20 + 1).await?);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (took, after, bus_after) = (began.elapsed(), Usage::of(server_pid)?, Usage::of(bus)?);
    agents.stop().await;
    ensure!(server.stop().await?.success(), "the server did not stop as it should");
    let told = vec![
        ("the server, of a core", format!("{:.1} %", after.share(before, took))),
        ("its memory", mebibytes(after.resident)),
        ("the NATS server, of a core", format!("{:.1} %", bus_after.share(bus_before, took))),
        ("all were known after", format!("{:.1} s", known.as_secs_f64())),
    ];
    // A frame every ten seconds holds ten samples of each GPU.
    let mut lag = Round::of(lags, took, 0);
    lag.per_second = f64::from(nodes) * f64::from(GPUS);
    let (what, load) = ("from a sample to the server".to_owned(), format!("{nodes} nodes of {GPUS}"));
    Ok(Report { lines: vec![Line { what, load, rounds: vec![lag], notes: told }], ratios: vec![] })
}

/// How many GPUs have been measured.
async fn measured(client: &Client) -> Result<u64> {
    Ok(client.get("/v1/pools/default/telemetry").await?.done()?.body["measured"].as_u64().unwrap_or_default())
}

/// How long the last frame of that node took: both read one clock, which the server takes for two.
async fn lag(client: &Client, node: u32) -> Result<Duration> {
    let list = client.get(&format!("/v1/devices?node=sim-{node}&limit=1")).await?.done()?.body;
    let uuid = list["items"][0]["uuid"].as_str().context("a node has devices")?;
    let telemetry = client.get(&format!("/v1/devices/{uuid}/telemetry")).await?.done()?.body;
    let skew = telemetry["clock_skew_millis"].as_i64().context("a frame has come")?;
    Ok(Duration::from_millis(u64::try_from(-skew).unwrap_or_default()))
}
