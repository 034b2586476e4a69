//! Values of the server's JSON as people read them: lists as tables, single things as named lines.
use super::console::{Console, clean};
use comfy_table::{Attribute, Cell as TableCell, CellAlignment, Table, presets};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
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
}

/// A column: its title, where in each item its value is (`a.b`), and how it is written.
pub(super) type Column = (&'static str, &'static str, As);

/// Writes items as a table.
pub(super) fn table(console: &mut Console, columns: &[Column], items: &[Value]) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let title = |(title, _, form): &Column| {
        let cell = TableCell::new(title).set_alignment(alignment(*form));
        if console.terminal { cell.add_attribute(Attribute::Bold) } else { cell }
    };
    if !console.terminal {
        table.force_no_tty();
    }
    table.set_header(columns.iter().map(title).collect::<Vec<_>>());
    for item in items {
        let cell = |(_, path, form): &Column| {
            TableCell::new(written(at(item, path), *form, &console.zone)).set_alignment(alignment(*form))
        };
        table.add_row(columns.iter().map(cell).collect::<Vec<_>>());
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
        As::Text | As::Time | As::Mark => CellAlignment::Left,
    }
}

/// The value at a dotted path.
pub(super) fn at<'a>(item: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(item, |value, name| &value[name])
}

fn written(value: &Value, form: As, zone: &TimeZone) -> String {
    match (form, value) {
        (As::Mark, Value::Bool(true)) => "yes".to_owned(),
        (As::Mark, _) => String::new(),
        (_, Value::Null) => "-".to_owned(),
        (As::Count, Value::Array(items)) => items.len().to_string(),
        (As::Time, Value::String(text)) => time(text, zone).unwrap_or_else(|| one_line(text)),
        (As::Bytes, Value::Number(number)) => number.as_u64().map_or_else(|| number.to_string(), bytes),
        _ => inline(value, zone),
    }
}

/// A value on one line.
pub(super) fn inline(value: &Value, zone: &TimeZone) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => time(text, zone).unwrap_or_else(|| one_line(text)),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(|item| inline(item, zone)).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => pairs(fields, zone),
    }
}

/// The fields that say something, as `name=value`.
pub(super) fn pairs(fields: &Map<String, Value>, zone: &TimeZone) -> String {
    let said = fields.iter().filter(|(_, value)| !value.is_null());
    said.map(|(name, value)| format!("{}={}", clean(name), amount(name, value, zone))).collect::<Vec<_>>().join(" ")
}

fn amount(name: &str, value: &Value, zone: &TimeZone) -> String {
    match value.as_u64().filter(|_| name.ends_with("_bytes")) {
        Some(number) => bytes(number),
        None => inline(value, zone),
    }
}

/// Writes one thing: a line for each field, and one for each item of its lists.
pub(super) fn details(console: &mut Console, thing: &Value) -> io::Result<()> {
    let mut lines = vec![];
    collect(&mut lines, "", thing, &console.zone);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in lines {
        console.line(format!("{name:width$}  {value}").trim_end())?;
    }
    Ok(())
}

fn collect(lines: &mut Vec<(String, String)>, name: &str, value: &Value, zone: &TimeZone) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { clean(field) } else { format!("{name}.{}", clean(field)) };
                collect(lines, &name, value, zone);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (nth, item) in items.iter().enumerate() {
                let name = if nth == 0 { name.to_owned() } else { String::new() };
                lines.push((name, inline(item, zone)));
            }
        }
        _ => lines.push((name.to_owned(), amount(name, value, zone))),
    }
}

/// A time of the server's, in this time zone; none, if the text is no time.
pub(super) fn time(text: &str, zone: &TimeZone) -> Option<String> {
    // Shorter than any RFC 3339 time, or not beginning with a year: not worth parsing.
    if text.len() < 20 || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string())
}

fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// Bytes in the unit that suits them.
fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = (number.max(1).ilog2() / 10).min(4);
    let scale = 1_u64 << (10 * unit);
    let (whole, tenth) = (number / scale, u128::from(number % scale) * 10 / u128::from(scale));
    let name = UNITS[unit as usize];
    if unit == 0 || tenth == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
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
    fn one_thing_is_a_line_for_each_field() {
        let out = Buffer::default();
        let mut console = Console::of(Format::Table, out.clone(), Buffer::default());
        let thing =
            json!({"name": "n1", "facts": {"memory_bytes": 1024, "os": null}, "devices": ["a", "b"], "jobs": []});
        details(&mut console, &thing).unwrap();
        assert_eq!(
            out.text(),
            "devices             a\n                    b\nfacts.memory_bytes  1 KiB\nfacts.os            -\njobs                -\nname                n1\n"
        );
    }

    #[test]
    fn bytes_are_never_rounded_up() {
        let cases =
            [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1_048_575, "1023.9 KiB"), (u64::MAX, "16777215.9 TiB")];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }
}
