//! `dkube device telemetry`: a GPU's past as a table.
use super::{
    args::Read,
    call::Call,
    client::Reply,
    console::{Console, Format},
    context::Context,
    device_id::Named,
    error::CliError,
    table,
    text::{bytes, time},
};
use clap::Args;
use comfy_table::CellAlignment;
use domain::Timestamp;
use serde_json::Value;
use std::io;

/// What was measured of a device.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Its UUID, the beginning of it, or node/index or node/slot
    #[arg(value_name = "GPU")]
    device: Named,
    /// From this time on, as 2026-03-01T12:00:00Z; left out: the last hour
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Up to this time; left out: now
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Seconds from one line to the next
    #[arg(long, value_name = "SECONDS", default_value = "300")]
    step: u32,
}

impl Arguments {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let device = self.device.id(context, &Read::default()).await?;
        let call = Call::get(["devices", &device, "telemetry"])
            .query_some("from", self.from)
            .query_some("to", self.to)
            .query("step", &self.step);
        let Reply { body, .. } = context.client.send(&call).await?;
        match context.console.format {
            Format::Json => context.console.json(&body)?,
            Format::Table => told(context.console, &body)?,
        }
        Ok(())
    }
}

const TITLES: [(&str, CellAlignment); 5] = [
    ("TIME", CellAlignment::Left),
    ("UTILIZATION", CellAlignment::Right),
    ("MEMORY", CellAlignment::Right),
    ("TEMPERATURE", CellAlignment::Right),
    ("POWER", CellAlignment::Right),
];

/// A line for each step: means, and the most of the temperature. A gap is a dash.
fn told(console: &mut Console, body: &Value) -> io::Result<()> {
    if body["latest"].is_null() {
        console.note("nothing was measured of this device since the server's start")?;
    }
    let zone = console.zone.clone();
    let steps = body["time"].as_array().into_iter().flatten().enumerate();
    let rows = steps.map(|(nth, at)| {
        let value = |curve: &str, of: &str| body[curve][of][nth].as_f64();
        let written =
            |value: Option<f64>, unit: &str| value.map_or_else(|| "-".to_owned(), |it| format!("{it:.0} {unit}"));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes are whole and not negative")]
        let memory = value("memory_used", "mean").map_or_else(|| "-".to_owned(), |used| bytes(used as u64));
        vec![
            at.as_str().and_then(|at| time(at, &zone)).unwrap_or_default(),
            written(value("utilization", "mean"), "%"),
            memory,
            written(value("temperature", "max"), "C"),
            written(value("power", "mean"), "W"),
        ]
    });
    let titles = TITLES.map(|(title, alignment)| (title.to_owned(), alignment));
    table::rows(console, &titles, rows.collect())
}
