//! What the server does with telemetry: a frame read and taken into what is kept, on one core. What the bus takes of it is not
//! in this, nor readers that hold it up.
use crate::{
    Plan,
    table::{Line, Report, Round},
};
use agents::{
    source::{
        Tick,
        simulated::{Faults, Fleet, Size},
    },
    telemetry::Recorder,
};
use anyhow::{Context, Result};
use bus::wire;
use bytes::Bytes;
use domain::{AgentRun, Incarnation, Timestamp, device::DeviceId};
use projections::Telemetry;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Samples of a frame: one a second, a frame every ten.
const SAMPLES: u64 = 10;

/// The fleet that one core is to take: GPUs, each sampled once a second.
const BUDGET: f64 = 100_000.0;

/// One frame of each of so many nodes of eight simulated GPUs.
fn frames(nodes: u32) -> Result<Vec<Bytes>> {
    let size = Size { nodes, gpus_per_node: 8 };
    let fleet = Fleet { size, seed: 1, began: Timestamp::default(), faults: Faults::Never };
    let frame = |mut node: agents::source::simulated::SimulatedNode| {
        let every = Duration::from_secs(SAMPLES);
        let life = Incarnation(Uuid::nil());
        let mut recorder = Recorder::new(
            node.name().clone(),
            AgentRun(Uuid::nil()),
            every,
            Duration::from_secs(1),
            Duration::from_secs(SAMPLES - 1),
        );
        let made = (0..SAMPLES).find_map(|second| {
            let elapsed = Duration::from_secs(3600 + second);
            recorder.note(Tick { elapsed, wall: Timestamp::default() }, life, &node.look(elapsed)?, std::iter::empty())
        });
        Ok(wire::encode_frame(&made.context("a frame is due")?)?)
    };
    fleet.nodes().map(frame).collect()
}

/// Takes the frames of the whole fleet again and again, as if ten seconds had passed each time.
pub(crate) fn run(plan: &Plan, nodes: u32) -> Result<Report> {
    let frames = frames(nodes)?;
    let bytes: usize = frames.iter().map(Bytes::len).sum();
    let telemetry = Telemetry::new(256 << 20);
    let before = resident()?;
    let mut rounds = vec![];
    let mut now = Timestamp::from_micros(1_772_366_400_000_000);
    for _ in 0..plan.rounds {
        let (began, mut latencies) = (Instant::now(), vec![]);
        while began.elapsed() < plan.round {
            now = now.plus_seconds(i64::try_from(SAMPLES)?);
            for payload in &frames {
                let start = Instant::now();
                telemetry.take(&wire::decode_frame(payload)?, now);
                latencies.push(start.elapsed());
            }
        }
        rounds.push(Round::of(latencies, began.elapsed(), 8 * usize::try_from(SAMPLES)?));
    }
    let known = wire::decode_frame(&frames[0])?.devices.first().map(|device| device.device);
    anyhow::ensure!(telemetry.latest(known.unwrap_or(DeviceId::from_uuid(uuid::Uuid::nil()))).is_some(), "it is kept");
    let middle = crate::table::median(rounds.iter().map(|round| round.per_second));
    let told = vec![
        ("share of a core for 100,000 GPUs at 1 Hz", format!("{:.1} %", BUDGET / middle * 100.0)),
        ("bytes of a frame", format!("{}", bytes / frames.len())),
        ("memory of what is kept", format!("{} MiB", (resident()?.saturating_sub(before)) >> 20)),
    ];
    let load = format!("{nodes} nodes of 8");
    let line = Line { what: "samples of a GPU, read and kept".to_owned(), load, rounds, notes: told };
    Ok(Report { lines: vec![line], ratios: vec![] })
}

/// The process's memory, in bytes.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS is not told")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib * 1024)
}
