//! `dkube overview`: a line for each sort of thing, and a table of pools.
use super::{
    args::Read,
    call::Call,
    client::Reply,
    console::{Console, Format},
    context::Context,
    error::CliError,
    table,
    text::{at, inline},
};
use comfy_table::CellAlignment;
use serde_json::Value;
use std::io;

/// Shows counts and shares of everything.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    read: Read,
}

impl Arguments {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let Reply { body, .. } = context.client.send(&self.read.apply(Call::get(["overview"]))).await?;
        match context.console.format {
            Format::Json => context.console.json(&body)?,
            Format::Table => tell(context.console, &body)?,
        }
        Ok(())
    }
}

/// A count under this path of the overview, and its words: of one, and of many.
type Part = (&'static str, &'static str, &'static str);

/// A sort of things: its title, where its number is, and the parts that are told where there are any.
type Sort = (&'static str, &'static str, &'static [Part]);

pub(super) const SORTS: [Sort; 8] = [
    (
        "nodes",
        "nodes.total",
        &[
            ("nodes.reporting", "reporting", "reporting"),
            ("nodes.lost", "lost", "lost"),
            ("nodes.cordoned", "cordoned", "cordoned"),
            ("nodes.short", "with fewer devices than expected", "with fewer devices than expected"),
            ("nodes.surplus", "with more devices than expected", "with more devices than expected"),
            ("nodes.retired", "retired besides", "retired besides"),
        ],
    ),
    (
        "devices",
        "devices.total",
        &[
            ("devices.availability.free", "free", "free"),
            ("devices.availability.busy", "busy", "busy"),
            ("devices.availability.cordoned", "cordoned", "cordoned"),
            ("devices.availability.quarantined", "quarantined", "quarantined"),
            ("devices.availability.unknown", "of unknown health", "of unknown health"),
            ("devices.availability.missing", "missing", "missing"),
            ("devices.retired", "retired besides", "retired besides"),
        ],
    ),
    (
        "their health",
        "",
        &[
            ("devices.health.healthy", "healthy", "healthy"),
            ("devices.health.warning", "warning", "warning"),
            ("devices.health.critical", "critical", "critical"),
            ("devices.health.fatal", "fatal", "fatal"),
            ("devices.health.unknown", "unknown", "unknown"),
        ],
    ),
    (
        "active jobs",
        "jobs.total",
        &[
            ("jobs.started", "started here", "started here"),
            ("jobs.observed", "seen elsewhere", "seen elsewhere"),
            ("jobs.in_breach", "against a rule", "against a rule"),
        ],
    ),
    (
        "users",
        "users.total",
        &[
            ("users.operators", "operator", "operators"),
            ("users.auditors", "auditor", "auditors"),
            ("users.data_scientists", "data scientist", "data scientists"),
            ("users.suspended", "suspended", "suspended"),
            ("users.without_group", "in no group", "in no group"),
        ],
    ),
    ("groups", "groups", &[]),
    ("pools", "pools", &[]),
    (
        "pods",
        "pods.total",
        &[
            ("pods.running", "running", "running"),
            ("pods.pending", "pending", "pending"),
            ("pods.succeeded", "ended", "ended"),
            ("pods.failed", "failed", "failed"),
            ("pods.unknown", "of an unknown state", "of an unknown state"),
            ("pods.clusters_away", "cluster out of sight", "clusters out of sight"),
        ],
    ),
];

/// The columns of the table of pools: title, field, and whether it is a share of 1.
pub(super) const SHARES: [(&str, &str, bool); 8] = [
    ("POOL", "pool", false),
    ("GROUP", "group", false),
    ("DEVICES", "devices", false),
    ("IDLE", "idle", false),
    ("BUSY", "busy", false),
    ("HELD BACK", "held_back", false),
    ("IN USE", "busy_share", true),
    ("OF ALL", "fleet_share", true),
];

fn tell(console: &mut Console, overview: &Value) -> io::Result<()> {
    let mut lines = vec![("cluster", cluster(console, overview))];
    lines.extend(SORTS.map(|(title, total, parts)| (title, counted(overview, total, parts))));
    lines.push(("as of", moment(console, overview)));
    let width = lines.iter().map(|(title, _)| title.len()).max().unwrap_or_default();
    for (title, line) in lines {
        console.line(format!("{title:width$}  {line}").trim_end())?;
    }
    let shares = overview["shares"].as_array().map_or(&[][..], Vec::as_slice);
    if shares.is_empty() {
        return Ok(());
    }
    console.line("")?;
    let number = |field: &str| !matches!(field, "pool" | "group");
    let alignment = |field| if number(field) { CellAlignment::Right } else { CellAlignment::Left };
    let titles = SHARES.map(|(title, field, _)| (title.to_owned(), alignment(field)));
    let zone = console.zone.clone();
    let cell = |share: &Value, field: &str, part: bool| match share[field].as_f64().filter(|_| part) {
        Some(part) => format!("{:.0} %", part * 100.0),
        None => inline(&share[field], &zone),
    };
    let row = |share| SHARES.iter().map(|(_, field, part)| cell(share, field, *part)).collect();
    table::rows(console, &titles, shares.iter().map(row).collect())?;
    match overview["shares_left_out"].as_u64() {
        Some(0) | None => Ok(()),
        Some(more) => console.line(&format!("… and {more} more: dkube pool list shows all")),
    }
}

fn cluster(console: &Console, overview: &Value) -> String {
    let id = inline(at(overview, "cluster.id"), &console.zone);
    if at(overview, "cluster.demonstration") == true { format!("{id} (a demonstration)") } else { id }
}

/// The number, and those of its parts of which there are any.
fn counted(overview: &Value, total: &str, parts: &[Part]) -> String {
    let number = |path: &str| at(overview, path).as_u64().unwrap_or_default();
    let some = parts.iter().map(|(path, one, many)| (number(path), one, many)).filter(|(count, ..)| *count > 0);
    let told: Vec<String> =
        some.map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many })).collect();
    let told = told.join(", ");
    if !total.is_empty() && at(overview, total).is_null() {
        return "not kept of the past".to_owned();
    }
    match (total.is_empty(), told.is_empty()) {
        (true, true) => "-".to_owned(),
        (true, false) => told,
        (false, true) => number(total).to_string(),
        (false, false) => format!("{}: {told}", number(total)),
    }
}

/// Where all this is true, and whether there is more already.
fn moment(console: &Console, overview: &Value) -> String {
    let position = format!("position {}", inline(&overview["position"], &console.zone));
    let lag = &overview["lag"];
    match (lag["events"].as_u64(), lag["stalled"] == true) {
        (_, true) => format!("{position}: what is shown stands still, the server's log says why"),
        (None | Some(0), false) => position,
        (Some(events), false) => format!("{position}, {events} events behind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::testing::Buffer;
    use serde_json::json;

    #[test]
    fn the_overview_says_what_there_is_and_leaves_out_what_there_is_not() {
        let out = Buffer::default();
        let mut console = Console::of(Format::Table, out.clone(), Buffer::default());
        let share = |pool: &str, group: Value, devices: u32| {
            json!({"pool": pool, "group": group, "devices": devices, "idle": 1, "busy": 2, "held_back": 0,
                "busy_share": 0.125, "fleet_share": 0.5})
        };
        let overview = json!({
            "cluster": {"id": "0199c0de", "demonstration": true},
            "nodes": {"total": 2, "reporting": 2, "lost": 0, "cordoned": 0, "short": 1, "surplus": 0, "retired": 1},
            "devices": {"total": 16, "retired": 0,
                "health": {"healthy": 15, "warning": 0, "critical": 0, "fatal": 0, "unknown": 1},
                "availability": {"free": 13, "busy": 2, "missing": 1, "unknown": 0, "quarantined": 0, "cordoned": 0}},
            "jobs": {"total": 0, "started": 0, "observed": 0, "in_breach": 0},
            "users": {"total": 3, "operators": 1, "auditors": 0, "data_scientists": 2, "suspended": 0, "without_group": 1},
            "pods": {"total": 4, "running": 3, "failed": 1, "clusters_away": 1}, "pools": 102, "groups": 1, "position": 41, "lag": {"events": 3, "stalled": false, "unheard_since": "2026-03-01T12:00:00.000001Z"},
            "shares": [share("default", json!("default"), 16), share("vision", Value::Null, 8)], "shares_left_out": 100,
        });
        tell(&mut console, &overview).unwrap();
        let expected = "\
cluster       0199c0de (a demonstration)
nodes         2: 2 reporting, 1 with fewer devices than expected, 1 retired besides
devices       16: 13 free, 2 busy, 1 missing
their health  15 healthy, 1 unknown
active jobs   0
users         3: 1 operator, 2 data scientists, 1 in no group
groups        1
pools         102
pods          4: 3 running, 1 failed, 1 cluster out of sight
as of         position 41, 3 events behind

POOL     GROUP    DEVICES  IDLE  BUSY  HELD BACK  IN USE  OF ALL
default  default       16     1     2          0    12 %    50 %
vision   -              8     1     2          0    12 %    50 %
… and 100 more: dkube pool list shows all
";
        assert_eq!(out.text(), expected);
    }
}
