//! What no honest agent sends, over a real NATS server: it is refused, counted, recorded once, and the intake goes on; and
//! what it measures of others' devices is not shown.
use anyhow::Context;
use bus::wire::{self, Content, Kind, REPORT_MAX, Reply, Report};
use bytes::Bytes;
use domain::{
    AgentRun, Incarnation, Origin, Timestamp,
    device::{Condition, DeviceId, Finding, Remedy, Severity, Slot},
    node::{Facts, Seen},
    telemetry::{Column, DeviceFrame, Field, Frame},
};
use serde_json::Value;
use tests::harness::{Client, LIMIT, NatsServer, Place, Server};
use uuid::Uuid;

/// Agents that send whatever they like.
struct Agents {
    nats: async_nats::Client,
}

impl Agents {
    async fn ask(&self, node: &str, kind: Kind, payload: Bytes) -> anyhow::Result<Reply> {
        let subject = wire::agent(&node.parse()?, kind);
        let answer = tokio::time::timeout(LIMIT, self.nats.request(subject, payload)).await.context("no answer")??;
        Ok(Reply::decode(&answer.payload)?)
    }

    async fn report(&self, node: &str, report: &Report) -> anyhow::Result<Reply> {
        self.ask(node, report.kind(), report.encode()?).await
    }

    /// Refused with that code.
    async fn refused(&self, node: &str, kind: Kind, payload: Bytes, code: &str) -> anyhow::Result<()> {
        match self.ask(node, kind, payload).await? {
            Reply::Refused { code: said, .. } if said == code => Ok(()),
            other => anyhow::bail!("{code} was expected, and {other:?} came"),
        }
    }
}

fn origin(life: u128, sequence: u64) -> Origin {
    Origin { incarnation: Incarnation(Uuid::from_u128(life)), sequence, observed_at: Timestamp::default() }
}

fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}

fn inventory(life: u128, sequence: u64, devices: std::ops::Range<u8>) -> Report {
    let seen = |number: u8| Seen {
        device: device(number.into()),
        slot: Slot { domain: 0, bus: number, device: 0, function: 0 },
        model: "NVIDIA H100 80GB HBM3".parse().expect("a model"),
        memory_bytes: 80 << 30,
        instances: vec![],
    };
    let content = Content::Inventory { facts: Facts::default(), devices: Some(devices.map(seen).collect()) };
    Report::new(origin(life, sequence), content)
}

/// That device number 1 is lost.
fn lost(life: u128, sequence: u64) -> Report {
    let condition = Condition {
        kind: "gpu.lost".parse().expect("a kind"),
        severity: Severity::Fatal,
        remedy: Remedy::RebootNode,
        reason: "it is a lie".into(),
        xid: None,
        first_seen: Timestamp::default(),
        last_seen: Timestamp::default(),
    };
    let finding = Finding { device: device(1), readable: true, raised: vec![condition], cleared: vec![] };
    Report::new(origin(life, sequence), Content::Health { findings: vec![finding] })
}

/// One sample of how busy each of these devices is, as a node tells it.
fn frame(node: &str, sequence: u64, devices: &[(u128, i64)]) -> anyhow::Result<Bytes> {
    let of = |&(number, percent): &(u128, i64)| DeviceFrame {
        device: device(number),
        slot: Slot { domain: 0, bus: 0, device: 0, function: 0 },
        index: None,
        minor: None,
        read: 1,
        columns: vec![Column { field: Field::GpuUtilization, missing: 0, values: vec![percent] }],
        xids: vec![],
    };
    let frame = Frame {
        node: node.parse()?,
        boot_id: "boot".into(),
        run: AgentRun(Uuid::nil()),
        life: Incarnation(Uuid::nil()),
        within_millis: 10_000,
        sequence,
        sampled_at: Timestamp::from_micros(1),
        step_millis: 1000,
        samples: 1,
        devices: devices.iter().map(of).collect(),
        processes: None,
    };
    Ok(wire::encode_frame(&frame)?)
}

/// A refusal that stands in the log, as node and code.
fn refusal(event: &Value) -> String {
    let text = |field: &str| event["data"][field].as_str().unwrap_or_default();
    format!("{} {}", text("node"), text("code"))
}

/// The first report of a server's life is taken: it listens once it knows that the stream is its own.
async fn begin(agents: &Agents, node: &str, report: &Report) -> anyhow::Result<()> {
    let (subject, payload) = (wire::agent(&node.parse()?, report.kind()), report.encode()?);
    let taken = async {
        loop {
            if let Ok(answer) = agents.nats.request(subject.clone(), payload.clone()).await {
                return Reply::decode(&answer.payload);
            }
        }
    };
    anyhow::ensure!(tokio::time::timeout(LIMIT, taken).await?? == Reply::Taken { up_to: 1 }, "it was not taken");
    Ok(())
}

#[tokio::test]
async fn bad_reports_are_refused_recorded_once_and_nothing_stops() -> anyhow::Result<()> {
    let nats = NatsServer::start()?;
    let place = Place::new()?;
    let server = Server::start(&place, &["--nats", &nats.url()]).await?;
    let client = Client::operator(&server).await?;
    let agents = Agents { nats: async_nats::connect(nats.url()).await? };
    begin(&agents, "gpu-1", &inventory(1, 1, 1..3)).await?;

    for _ in 0..3 {
        agents.refused("rogue", Kind::Health, Bytes::from_static(b"\x01nonsense"), "report.malformed").await?;
        agents.refused("rogue", Kind::Inventory, Bytes::from_static(b"\xc8"), "report.version").await?;
        agents.refused("rogue", Kind::Inventory, vec![1; REPORT_MAX + 1].into(), "report.too_large").await?;
        // It speaks for what is another node's, as one of its own and as one that moved.
        agents.refused("rogue", Kind::Inventory, inventory(2, 1, 1..2).encode()?, "device.elsewhere").await?;
        agents.refused("rogue", Kind::Inventory, inventory(2, 1, 10..139).encode()?, "node.too_many_devices").await?;
    }
    assert_eq!(agents.report("rogue", &inventory(2, 1, 200..201)).await?, Reply::Taken { up_to: 1 });
    agents.refused("rogue", Kind::Health, lost(2, 2).encode()?, "device.not_on_node").await?;

    assert_eq!(agents.report("gpu-1", &lost(1, 2)).await?, Reply::Taken { up_to: 2 });
    let quarantined = |shown: &Value| shown["quarantined"] == true;
    let shown = client.until(&format!("/v1/devices/{}", device(1)), quarantined).await?;
    assert_eq!((&shown["node"], &shown["conditions"][0]["kind"]), (&"gpu-1".into(), &"gpu.lost".into()));
    let codes = [
        "report.malformed",
        "report.version",
        "report.too_large",
        "device.elsewhere",
        "node.too_many_devices",
        "device.not_on_node",
    ];
    // It is recorded once its sender has been answered.
    let all = |list: &Value| list["events"].as_array().is_some_and(|events| events.len() >= codes.len());
    let listed = client.until("/v1/audit?type=NodeReportRefused&order=asc&limit=100", all).await?;
    let recorded: Vec<_> = listed["events"].as_array().context("events")?.iter().map(refusal).collect();
    assert_eq!(recorded, codes.map(|code| format!("rogue {code}")), "each once");
    assert!(server.stop().await?.success());
    Ok(())
}

#[tokio::test]
async fn a_node_measures_its_own_devices_only() -> anyhow::Result<()> {
    let nats = NatsServer::start()?;
    let place = Place::new()?;
    let server = Server::start(&place, &["--nats", &nats.url()]).await?;
    let client = Client::operator(&server).await?;
    let agents = Agents { nats: async_nats::connect(nats.url()).await? };
    begin(&agents, "gpu-1", &inventory(1, 1, 1..3)).await?;
    assert_eq!(agents.report("rogue", &inventory(2, 1, 200..201)).await?, Reply::Taken { up_to: 1 });

    let send = async |node: &str, frame: Bytes| -> anyhow::Result<()> {
        Ok(agents.nats.publish(wire::telemetry(&node.parse()?), frame).await?)
    };
    let utilization = |number: u128, percent: i64| {
        let (path, shown) = (format!("/v1/devices/{}/telemetry", device(number)), Value::from(percent));
        (path, move |telemetry: &Value| telemetry["latest"]["utilization"] == shown)
    };
    // Frames of a node that is not shown yet are dropped.
    client.until("/v1/nodes", |list| list["items"].as_array().is_some_and(|nodes| nodes.len() == 2)).await?;
    send("gpu-1", frame("gpu-1", 0, &[(1, 10)])?).await?;
    let (of_honest, is_10) = utilization(1, 10);
    client.until(&of_honest, &is_10).await?;
    // Nobody knows this node; this one says that it is another; this one tells of another's devices beside its own.
    send("nobody", frame("nobody", 0, &[(1, 97)])?).await?;
    send("rogue", frame("gpu-1", 1, &[(1, 98)])?).await?;
    send("rogue", frame("rogue", 0, &[(1, 99), (200, 33)])?).await?;
    let (of_rogue, is_33) = utilization(200, 33);
    client.until(&of_rogue, is_33).await?;
    assert!(is_10(&client.get(&of_honest).await?.done()?.body));
    assert!(server.stop().await?.success());
    Ok(())
}
