//! What the node agent takes of a host: the program itself, with eight fake GPUs, a look a second, and a real NATS server.
use crate::{
    table::{Line, Report},
    usage::{Usage, mebibytes, threads},
};
use anyhow::{Context, Result};
use std::time::{Duration, Instant};
use tests::harness::{Host, NatsServer};

/// GPUs of the host, as the budget has them.
const GPUS: u8 = 8;

/// The thread that waits for NVML's events: a real driver lets it sleep, where the fake looks at a file again and again.
const WAITING: &str = "nvml-events";

/// Before it is measured: the first looks read what is read once.
const SETTLED: Duration = Duration::from_secs(10);

/// Lets an agent run for so many seconds.
pub(crate) async fn run(seconds: u64) -> Result<Report> {
    let host = Host::new("bench", GPUS)?;
    let nats = NatsServer::start()?;
    let agent = host.agent(&nats.url(), &["--frame-every", "10"])?;
    let pid = agent.pid().context("the agent has ended")?;
    tokio::time::sleep(SETTLED).await;
    let (began, before, waited) = (Instant::now(), Usage::of(pid)?, threads(pid, WAITING)?);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (took, after, waiting) = (began.elapsed(), Usage::of(pid)?, threads(pid, WAITING)?.saturating_sub(waited));
    agent.stop().await?;
    let notes = vec![
        ("of a core", format!("{:.2} %", after.share(before, took))),
        ("of it the fake's", format!("{:.2} %", waiting.as_secs_f64() / took.as_secs_f64() * 100.0)),
        ("resident", mebibytes(after.resident)),
        ("at most", mebibytes(after.most)),
    ];
    let (what, load) = ("the node agent".to_owned(), format!("{GPUS} GPUs at 1 Hz"));
    Ok(Report { lines: vec![Line { what, load, rounds: vec![], notes }], ratios: vec![] })
}
