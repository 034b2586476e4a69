//! Rebuilding every read model from the log, and starting from snapshots: each in a process of its own, so that its
//! memory can be told.
use crate::{
    Plan,
    table::{Line, Report, Round},
};
use anyhow::{Context, Result, ensure};
use api::serve::{Committed, Snapshots};
use bus::{
    clock::{SystemEntropy, command_id},
    keyring::{KeyRing, MasterKey},
    log::{Log, LogReader, LogWriter, OpenOptions},
    storage::{Storage, sled::SledStorage},
};
use domain::{
    Actor, ClusterEvent, ClusterId, Event, NodeName, PoolName, Position, Recorded, Timestamp, UserId,
    device::{self, DeviceId, Slot},
    node, pool,
    stored::{self, Owner, Particulars},
};
use projections::{Live, Ports, Settings};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::watch;
use uuid::Uuid;

/// As many events as a busy server commits at a time.
const COMMIT: usize = 256;
const CLUSTER: Uuid = Uuid::from_u128(1);

pub(crate) fn run(plan: &Plan, thousands: &[u64]) -> Result<Report> {
    let mut report = Report::default();
    for thousand in thousands {
        let folder = tempfile::tempdir_in(&plan.folder)?;
        let events = thousand * 1000;
        let bytes = fill(folder.path(), events)?;
        let load = format!("{events} events");
        let disk = ("disk bytes an event", format!("{:.0}", bytes as f64 / events as f64));
        for (what, fresh) in [("rebuild of all read models", true), ("start from snapshots", false)] {
            let mut rounds = vec![];
            let mut memory = 0;
            for _ in 0..plan.rounds {
                let measured = fold_in_child(folder.path(), fresh)?;
                let taken = Duration::from_secs_f64(measured.seconds);
                rounds.push(Round { per_second: events as f64 / measured.seconds, p50: taken, p99: taken });
                memory = memory.max(measured.peak_kib);
            }
            let memory = ("peak memory MiB", format!("{}", memory / 1024));
            report.lines.push(Line {
                what: what.to_owned(),
                load: load.clone(),
                rounds,
                notes: vec![disk.clone(), memory],
            });
        }
    }
    Ok(report)
}

fn open(folder: &Path) -> Result<(LogWriter, LogReader, Arc<KeyRing>)> {
    let storage = SledStorage::open(folder)?;
    let files = storage.files();
    let (writer, reader, _) = Log::open(Box::new(storage), &OpenOptions::new(Some(CLUSTER)))?;
    let empty = reader.tip().size == 0;
    let keyring = KeyRing::open(MasterKey::new([7; 32]), files, Arc::new(SystemEntropy), empty)?;
    Ok((writer, reader, Arc::new(keyring)))
}

/// How many devices there are, eight on a node.
const DEVICES: u64 = 1000;

/// What happens at a position: the cluster is founded, its nodes and devices are discovered, and then operators cordon
/// and uncordon them, one after the other.
fn event(position: u64) -> Result<Event> {
    let (founding, nodes) = (2, DEVICES / 8);
    let device = |nth: u64| DeviceId::from_uuid(Uuid::from_u128(0x9e37_79b9_7f4a_7c15_u128 * u128::from(nth + 1)));
    let node = |nth: u64| -> Result<NodeName> { Ok(format!("gpu-{nth}.example").parse()?) };
    Ok(match position {
        1 => Event::Cluster(ClusterEvent::Founded { cluster: ClusterId(CLUSTER), demonstration: false }),
        2 => Event::Pool(pool::Event::Created { name: PoolName::default_pool(), model: None }),
        _ if position <= founding + nodes => {
            Event::Node(node::Event::Registered { node: node(position - founding - 1)?, facts: node::Facts::default() })
        }
        _ if position <= founding + nodes + DEVICES => {
            let nth = position - founding - nodes - 1;
            Event::Device(device::Event::Discovered {
                device: device(nth),
                node: node(nth / 8)?,
                slot: Slot { domain: 0, bus: u8::try_from(nth % 8)?, device: 0, function: 0 },
                model: "NVIDIA H100 80GB HBM3".parse()?,
                memory_bytes: 80 << 30,
                cordoned: false,
            })
        }
        _ => {
            let nth = position - founding - nodes - DEVICES - 1;
            let device = device(nth % DEVICES);
            Event::Device(match nth / DEVICES % 2 {
                0 => device::Event::Cordoned { device },
                _ => device::Event::Uncordoned { device },
            })
        }
    })
}

/// Fills a log in full blocks, on behalf of a hundred people. Answers its size in bytes.
fn fill(folder: &Path, events: u64) -> Result<u64> {
    let (mut writer, reader, keyring) = open(folder)?;
    let mut block = Vec::with_capacity(COMMIT);
    for position in 1..=events {
        let at = Timestamp::from_micros(1_772_366_400_000_000 + i64::try_from(position)? * 1000);
        let command = command_id(at, &SystemEntropy);
        let (id, actor) = (command.event(0), Actor::User(UserId(Uuid::from_u128(u128::from(position % 100)))));
        let event = event(position)?;
        let particulars = Particulars { address: Some([10, 1, 2, 3].into()), reason: None };
        let recorded = Recorded {
            position: Position(position),
            id,
            recorded_at: at,
            particulars: particulars.seal(&*keyring, Owner::from(&actor), id, &BTreeSet::new())?,
            actor,
            token: None,
            origin: None,
            index: 0,
            count: 1,
            correlation: command.uuid(),
            subjects: event.subjects(),
            event,
        };
        block.push(stored::encode(&recorded, &*keyring)?);
        if block.len() == COMMIT || position == events {
            keyring.persist()?;
            writer.commit(&block, &[])?;
            block.clear();
        }
    }
    writer.close()?;
    Ok(reader.stats()?.bytes)
}

/// What a fold took.
#[derive(serde::Serialize, serde::Deserialize)]
struct Folded {
    seconds: f64,
    peak_kib: u64,
}

fn fold_in_child(folder: &Path, fresh: bool) -> Result<Folded> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.arg("fold").arg(folder).args(fresh.then_some("--fresh"));
    let output = command.output()?;
    ensure!(output.status.success(), "a fold failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// What `bench fold` runs: every read model up to the log's end, from its beginning or from snapshots.
pub(crate) fn fold(folder: &Path, fresh: bool) -> Result<()> {
    let start = Instant::now();
    let (writer, reader, keyring) = open(folder)?;
    let files = writer.files();
    if fresh {
        for name in files.names()?.iter().filter(|name| name.starts_with("snapshot.")) {
            files.destroy(name)?;
        }
    }
    let end = Position(reader.tip().size);
    let committed = Committed::new(reader, Arc::clone(&keyring));
    let ports = Ports { events: Arc::new(committed), store: Arc::new(Snapshots(files)), vault: keyring };
    let (_watermark, watched) = watch::channel(end);
    let live = Live::new();
    let feeder = projections::start(live.clone(), ports, watched, Settings::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(live.wait_for(end, Duration::from_mins(30))).context("the read models did not catch up")?;
    let seconds = start.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("the kernel tells the peak")?;
    let peak_kib = peak.trim().trim_end_matches(" kB").parse()?;
    feeder.stop();
    drop(writer);
    println!("{}", serde_json::to_string(&Folded { seconds, peak_kib })?);
    Ok(())
}
