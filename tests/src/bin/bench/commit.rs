//! Durable commands: how many a second, and how long one takes.
use crate::{
    Plan, closed_loop, disk, http,
    table::{Line, Report, Round},
};
use anyhow::{Context, Result, ensure};
use bus::{
    clock::{SystemClock, SystemEntropy},
    engine::{self, Engine, Options, Recovery, Request},
    keyring::{KeyRing, MasterKey},
    log::{Log, LogReader, OpenOptions},
    storage::sled::SledStorage,
};
use domain::{
    Actor, ClusterId, Command, Incarnation, Login, NodeName, Origin, Position, Principal, Timestamp, UserId, Via,
    device::{self, DeviceId, Slot},
    node::{self, Facts, Seen},
    user::Newcomer,
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use uuid::Uuid;

/// What an event of ours takes, so that the raw file writes as much.
const EVENT_BYTES: usize = 150;
/// One for every caller.
const DEVICES: usize = 256;

pub(crate) fn run(plan: &Plan, callers: &[usize]) -> Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::default();
    for &callers in callers {
        ensure!((1..=DEVICES).contains(&callers), "there are devices for 1 to {DEVICES} callers");
        let load = format!("{callers} callers");
        let mut lines: Vec<Line> = vec![];
        for _ in 0..plan.rounds {
            let bench = runtime.block_on(Bench::open(&plan.folder))?;
            record(&mut lines, "engine, in process", &load, runtime.block_on(bench.round(callers, plan.round)));
            note(&mut lines, bench.notes()?);
            runtime.block_on(bench.close())?;
            record(&mut lines, "raw append + fdatasync", &load, raw(&plan.folder, callers, plan.round)?);
            #[cfg(feature = "tephra")]
            record(&mut lines, "tephra", &load, crate::tephra_store::round(&plan.folder, callers, plan.round)?);
            record(
                &mut lines,
                "commands over HTTP",
                &load,
                runtime.block_on(http::commands(&plan.folder, callers, plan.round))?,
            );
            record(
                &mut lines,
                "axum, a POST that does nothing",
                &load,
                runtime.block_on(http::nothing(callers, plan.round))?,
            );
        }
        report.lines.append(&mut lines);
        report.ratio("engine, in process", "raw append + fdatasync", &load);
        report.ratio("engine, in process", "tephra", &load);
        report.ratio("commands over HTTP", "axum, a POST that does nothing", &load);
    }
    Ok(report)
}

fn record(lines: &mut Vec<Line>, what: &str, load: &str, round: Round) {
    match lines.iter_mut().find(|line| line.what == what) {
        Some(line) => line.rounds.push(round),
        None => {
            lines.push(Line { what: what.to_owned(), load: load.to_owned(), rounds: vec![round], notes: vec![] });
        }
    }
}

fn note(lines: &mut [Line], notes: Vec<(&'static str, String)>) {
    if let Some(line) = lines.iter_mut().find(|line| line.what == "engine, in process") {
        line.notes = notes;
    }
}

fn raw(folder: &Path, callers: usize, lasting: Duration) -> Result<Round> {
    let start = std::time::Instant::now();
    let taken = disk::append_and_sync(folder, usize::MAX, callers * EVENT_BYTES, lasting)?;
    Ok(Round::of(taken, start.elapsed(), callers))
}

/// A founded log with a device for every caller, on the disk.
pub(crate) struct Bench {
    _folder: tempfile::TempDir,
    pub(crate) engine: Engine,
    pub(crate) reader: LogReader,
    operator: UserId,
}

impl Bench {
    pub(crate) async fn open(folder: &Path) -> Result<Self> {
        let folder = tempfile::tempdir_in(folder)?;
        let storage = SledStorage::open(folder.path())?;
        let cluster = Uuid::from_u128(1);
        let (writer, reader, _) = Log::open(Box::new(storage), &OpenOptions::new(Some(cluster)))?;
        let entropy = Arc::new(SystemEntropy);
        let keyring = KeyRing::open(MasterKey::new([7; 32]), writer.files(), Arc::clone(&entropy) as _, true)?;
        let recovery = Recovery::from_log(&reader, &*writer.files(), &keyring, None, |_| {})?;
        let options = Options::new(Arc::new(SystemClock), entropy);
        let engine = engine::start(writer, reader.clone(), Arc::new(keyring), recovery, options)?;
        let operator = Newcomer::new("operator".parse::<Login>()?);
        let found = Command::Found { cluster: ClusterId(cluster), demonstration: false, operator };
        let answer = engine.submit(Request::new(Principal::SYSTEM, found)).await?;
        let engine::Outcome::Recorded(events) = answer.outcome else { anyhow::bail!("founding was a dry run") };
        let operator = events
            .iter()
            .find_map(|recorded| match &recorded.event {
                domain::Event::User(domain::user::Event::Onboarded { user, .. }) => Some(*user),
                _ => None,
            })
            .context("founding on-boards an operator")?;
        for node in 0..4 {
            engine.submit(inventory(node)?).await?;
        }
        Ok(Self { _folder: folder, engine, reader, operator })
    }

    async fn round(&self, callers: usize, lasting: Duration) -> Round {
        let operator = Principal {
            actor: Actor::User(self.operator),
            via: Via::Session { since: Position(u64::MAX) },
            address: Some([10, 1, 2, 3].into()),
        };
        closed_loop::tasks(callers, lasting, |caller| {
            let (engine, operator) = (self.engine.clone(), operator.clone());
            let (device, mut cordoned) = (device_id(caller / 64, caller % 64), false);
            move || {
                cordoned = !cordoned;
                let command = Command::Device(device::Command::Cordon { device, cordoned });
                let (engine, request) = (engine.clone(), Request::new(operator.clone(), command));
                async move {
                    engine.submit(request).await.expect("a cordon is accepted");
                }
            }
        })
        .await
    }

    fn notes(&self) -> Result<Vec<(&'static str, String)>> {
        let counters = self.engine.counters();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        let stats = self.reader.stats()?;
        Ok(vec![
            ("events a commit", format!("{:.1}", count(&counters.events) / count(&counters.commits))),
            ("stored bytes an event", format!("{:.0}", count(&counters.bytes) / count(&counters.events))),
            ("disk bytes an event", format!("{:.0}", stats.bytes as f64 / count(&counters.events))),
        ])
    }

    async fn close(self) -> Result<()> {
        self.engine.stop().await.map_err(|halt| anyhow::anyhow!("{halt:?}"))
    }
}

fn device_id(node: usize, slot: usize) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(0xb000_0000 + (node * 64 + slot) as u128))
}

/// A node of 64 devices.
pub(crate) fn inventory(index: usize) -> Result<Request> {
    let node: NodeName = format!("n{index}").parse()?;
    let seen = |slot: usize| -> Result<Seen> {
        Ok(Seen {
            device: device_id(index, slot),
            slot: Slot { domain: 0, bus: u8::try_from(slot)?, device: 0, function: 0 },
            model: "NVIDIA H100 80GB HBM3".parse()?,
            memory_bytes: 80 << 30,
            instances: vec![],
        })
    };
    let observed_at = Timestamp::from_micros(0);
    let command = node::Command::ReportInventory {
        node: node.clone(),
        origin: Origin { incarnation: Incarnation(Uuid::from_u128(5)), sequence: 1, observed_at },
        facts: Facts::default(),
        devices: Some((0..64).map(seen).collect::<Result<_>>()?),
        settled: true,
    };
    Ok(Request::new(Principal { actor: Actor::Agent(node), via: Via::Internal, address: None }, Command::Node(command)))
}
