//! What the node agent takes of a host: the program itself, with eight fake GPUs, a look a second, and a real NATS server.
use crate::{
    table::{Line, Report},
    usage::{Usage, mebibytes},
};
use anyhow::{Context, Result};
use std::time::{Duration, Instant};
use tests::harness::{Host, NatsServer};

/// GPUs of the host, as the budget has them.
const GPUS: u8 = 8;

/// Before it is measured: the first looks read what is read once.
const SETTLED: Duration = Duration::from_secs(10);

/// Lets an agent run for so many seconds.
pub(crate) async fn run(seconds: u64) -> Result<Report> {
    let host = Host::new("bench", GPUS)?;
    let nats = NatsServer::start()?;
    let agent = host.agent(&nats.url(), &["--frame-every", "10"])?;
    let pid = agent.pid().context("the agent has ended")?;
    tokio::time::sleep(SETTLED).await;
    let (began, before) = (Instant::now(), Usage::of(pid)?);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let (took, after) = (began.elapsed(), Usage::of(pid)?);
    agent.stop().await?;
    let notes = vec![
        ("of a core", format!("{:.2} %", after.share(before, took))),
        ("resident", mebibytes(after.resident)),
        ("at most", mebibytes(after.most)),
    ];
    let (what, load) = ("the node agent".to_owned(), format!("{GPUS} GPUs at 1 Hz"));
    Ok(Report { lines: vec![Line { what, load, rounds: vec![], notes }], ratios: vec![] })
}
