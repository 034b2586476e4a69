//! Lists as tables: plain columns, whose titles are bold where a person looks.
use super::{
    console::Console,
    text::{at, beside, bytes, inline, one_line, shortened, time},
};
use comfy_table::{Attribute, Cell, CellAlignment, Table, presets};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::io;

/// How a column's value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// As it is; a list as its items.
    Text,
    /// A number, or how many items a list has.
    Count,
    /// Local time.
    Time,
    /// A number of bytes.
    Bytes,
    /// `yes`, or nothing.
    Mark,
    /// What an event says besides its subject.
    What,
    /// Jobs with their owners: the first few, and how many more there are.
    Jobs,
    /// Overridden conditions, each with its end and what was seen.
    Overrides,
}

/// The longest that a cell of [`As::What`] may be, in characters: a large job names hundreds of devices.
const WHAT_MAX: usize = 200;

/// A column: its title, where in each item its value is (`a.b`), and how it is written.
pub(super) type Column = (&'static str, &'static str, As);

/// Writes items as a table.
pub(super) fn table(console: &mut Console, columns: &[Column], items: &[Value]) -> io::Result<()> {
    let titles: Vec<_> = columns.iter().map(|(title, _, form)| ((*title).to_owned(), alignment(*form))).collect();
    let zone = console.zone.clone();
    let cell = |item: &Value, path: &str, form: As| match form {
        As::What => shortened(beside(&item["subject"], at(item, path), &zone), WHAT_MAX),
        form => written(at(item, path), form, &zone),
    };
    let row = |item| columns.iter().map(|(_, path, form)| cell(item, path, *form)).collect();
    rows(console, &titles, items.iter().map(row).collect())
}

/// Writes rows under these titles.
pub(super) fn rows(
    console: &mut Console,
    titles: &[(String, CellAlignment)],
    rows: Vec<Vec<String>>,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    if !console.terminal {
        table.force_no_tty();
    }
    let title = |(title, alignment): &(String, CellAlignment)| {
        let cell = Cell::new(title).set_alignment(*alignment);
        if console.terminal { cell.add_attribute(Attribute::Bold) } else { cell }
    };
    table.set_header(titles.iter().map(title).collect::<Vec<_>>());
    for row in rows {
        let cells = row.into_iter().zip(titles).map(|(text, (_, alignment))| Cell::new(text).set_alignment(*alignment));
        table.add_row(cells.collect::<Vec<_>>());
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for line in table.lines() {
        console.line(line.trim_end())?;
    }
    Ok(())
}

const fn alignment(form: As) -> CellAlignment {
    match form {
        As::Count | As::Bytes => CellAlignment::Right,
        As::Text | As::Time | As::Mark | As::What | As::Jobs | As::Overrides => CellAlignment::Left,
    }
}

fn written(value: &Value, form: As, zone: &TimeZone) -> String {
    match (form, value) {
        (As::Mark, Value::Bool(true)) => "yes".to_owned(),
        (As::Mark, _) => String::new(),
        (_, Value::Null) => "-".to_owned(),
        (As::Jobs, jobs) => with_owners(jobs),
        (As::Overrides, Value::Array(overrides)) if !overrides.is_empty() => {
            overrides.iter().map(|wish| overridden(wish, zone)).collect::<Vec<_>>().join("; ")
        }
        (As::Count, Value::Array(items)) => items.len().to_string(),
        (As::Time, Value::String(text)) => time(text, zone).unwrap_or_else(|| one_line(text)),
        (As::Bytes, Value::Number(number)) => number.as_u64().map_or_else(|| number.to_string(), bytes),
        _ => inline(value, zone),
    }
}

fn overridden(wish: &Value, zone: &TimeZone) -> String {
    let told = format!("{} until {}", inline(&wish["condition"], zone), inline(&wish["until"], zone));
    match wish["reason"].as_str() {
        Some(reason) => format!("{told}: {}", one_line(reason)),
        None => told,
    }
}

fn with_owners(jobs: &Value) -> String {
    let first = jobs["first"].as_array().map_or(&[][..], Vec::as_slice);
    let text = |value: &Value| value.as_str().map(one_line);
    let owned = first.iter().filter_map(|job| {
        let owner = text(&job["user"]["login"]).unwrap_or_else(|| "owner unknown".to_owned());
        Some(format!("{} ({owner})", text(&job["name"])?))
    });
    let more = jobs["total"].as_u64().unwrap_or_default().saturating_sub(first.len() as u64);
    let named: Vec<String> = owned.chain((more > 0).then(|| format!("{more} more"))).collect();
    if named.is_empty() { "-".to_owned() } else { named.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{console::Format, testing::Buffer};
    use serde_json::json;

    #[test]
    fn a_table_is_plain_when_no_person_looks() {
        let out = Buffer::default();
        let mut console = Console::of(Format::Table, out.clone(), Buffer::default());
        let items = [
            json!({"name": "vision", "devices": ["a", "b"], "memory": 85_899_345_920_u64, "at": "2026-03-01T12:00:00.000001Z", "on": true}),
            json!({"name": "x\u{1b}[31m", "devices": [], "memory": 1536, "at": null, "on": false}),
        ];
        let columns = [
            ("NAME", "name", As::Text),
            ("DEVICES", "devices", As::Count),
            ("MEMORY", "memory", As::Bytes),
            ("SINCE", "at", As::Time),
            ("ON", "on", As::Mark),
        ];
        table(&mut console, &columns, &items).unwrap();
        let expected = "\
NAME         DEVICES   MEMORY  SINCE                    ON
vision             2   80 GiB  2026-03-01 12:00:00 UTC  yes
x\\u{1b}[31m        0  1.5 KiB  -
";
        assert_eq!(out.text(), expected);
    }

    #[test]
    fn overrides_are_told_with_their_ends_and_what_was_seen() {
        let wish = |condition: &str, reason: Value| json!({"condition": condition, "until": "2026-03-01T12:00:00.000001Z", "reason": reason});
        let told = written(
            &json!([wish("gpu.lost", json!("XID 79")), wish("xid.fatal", Value::Null)]),
            As::Overrides,
            &TimeZone::UTC,
        );
        assert_eq!(told, "gpu.lost until 2026-03-01 12:00:00 UTC: XID 79; xid.fatal until 2026-03-01 12:00:00 UTC");
        assert_eq!(written(&json!([]), As::Overrides, &TimeZone::UTC), "-");
    }

    #[test]
    fn jobs_are_told_with_their_owners() {
        let job = |name: &str, user: Value| json!({"id": "0199", "name": name, "user": user, "source": null});
        let ada = json!({"id": "0199", "login": "ada"});
        let jobs = json!({"total": 9, "first": [job("train", ada), job("serve", Value::Null)]});
        assert_eq!(with_owners(&jobs), "train (ada), serve (owner unknown), 7 more");
        assert_eq!(with_owners(&json!({"total": 0, "first": []})), "-");
    }
}
