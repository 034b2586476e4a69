//! One thing: a line for each field, and a table for each list of things in it.
use super::{
    audit,
    console::{Console, clean},
    table::{self, As, Column},
    text::{inline, last_seen, login, named},
};
use comfy_table::CellAlignment;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::io;

/// What a thing is known by comes first; the server's JSON is in no order.
const FIRST: [&str; 6] = ["position", "name", "login", "id", "type", "kind"];

/// Events are told as everywhere; what they are about is said where it is not the thing that is shown.
const EVENTS: [Column; 7] = [
    ("POSITION", "position", As::Count),
    ("TIME", "time", As::Time),
    ("EVENT", "type", As::Text),
    ("ABOUT", "about", As::Text),
    ("WHAT", "data", As::What),
    ("ACTOR", "actor", As::Text),
    audit::WHY,
];

/// Writes one thing.
pub(super) fn details(console: &mut Console, thing: &Value) -> io::Result<()> {
    let (mut lines, mut sections) = (vec![], vec![]);
    collect(&mut lines, &mut sections, "", thing, &console.zone);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in lines {
        console.line(format!("{name:width$}  {value}").trim_end())?;
    }
    for (name, items) in sections {
        console.line("")?;
        console.line(&format!("{name}:"))?;
        if items.iter().all(|item| is_event(item)) {
            events(console, thing, &items)?;
        } else {
            section(console, &items)?;
        }
    }
    Ok(())
}

fn is_event(item: &Map<String, Value>) -> bool {
    ["position", "type", "subject", "data"].into_iter().all(|field| item.contains_key(field))
}

fn events(console: &mut Console, thing: &Value, items: &[&Map<String, Value>]) -> io::Result<()> {
    let own = thing["uuid"].as_str().map(|id| format!("device/{id}"));
    let told = items.iter().map(|item| {
        let mut item = (*item).clone();
        let about = item["subject"].as_str().filter(|subject| own.as_deref() != Some(subject)).unwrap_or_default();
        item.insert("about".to_owned(), about.into());
        Value::Object(item)
    });
    // The other events of a command have its reason, which stands above them.
    let has_reasons = items.iter().any(|item| item.contains_key("reason"));
    let columns = if has_reasons { &EVENTS[..] } else { &EVENTS[..EVENTS.len() - 1] };
    table::table(console, columns, &told.collect::<Vec<_>>())
}

/// A field's full name with its value.
type Line = (String, String);
/// A list of things with its full name.
type Section<'a> = (String, Vec<&'a Map<String, Value>>);

fn collect<'a>(lines: &mut Vec<Line>, sections: &mut Vec<Section<'a>>, name: &str, value: &'a Value, zone: &TimeZone) {
    match value {
        Value::Object(fields) if login(fields).is_none() && last_seen(fields, zone).is_none() => {
            for field in ordered(fields.keys()) {
                let inner = if name.is_empty() { clean(field) } else { format!("{name}.{}", clean(field)) };
                collect(lines, sections, &inner, &fields[field], zone);
            }
        }
        Value::Array(items) if !items.is_empty() => match things(items) {
            Some(things) => sections.push((name.to_owned(), things)),
            None => {
                for (nth, item) in items.iter().enumerate() {
                    let name = if nth == 0 { name.to_owned() } else { String::new() };
                    lines.push((name, inline(item, zone)));
                }
            }
        },
        _ => lines.push((name.to_owned(), named(name, value, zone))),
    }
}

/// The items, where each is a thing with fields.
fn things(items: &[Value]) -> Option<Vec<&Map<String, Value>>> {
    items.iter().map(|item| item.as_object().filter(|fields| login(fields).is_none())).collect()
}

fn section(console: &mut Console, items: &[&Map<String, Value>]) -> io::Result<()> {
    let mut names: Vec<&String> = vec![];
    for name in items.iter().flat_map(|fields| fields.keys()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let names: Vec<&String> = ordered(names.into_iter()).collect();
    let number = |name: &String| items.iter().all(|fields| fields.get(name).is_none_or(Value::is_number));
    let title = |name: &&String| {
        let alignment = if number(name) { CellAlignment::Right } else { CellAlignment::Left };
        (clean(name).replace('_', " ").to_uppercase(), alignment)
    };
    let titles: Vec<_> = names.iter().map(title).collect();
    let zone = console.zone.clone();
    let cell = |fields: &Map<String, Value>, name: &str| named(name, fields.get(name).unwrap_or(&Value::Null), &zone);
    let rows = items.iter().map(|fields| names.iter().map(|name| cell(fields, name)).collect());
    table::rows(console, &titles, rows.collect())
}

fn ordered<'a>(names: impl Iterator<Item = &'a String> + Clone) -> impl Iterator<Item = &'a String> {
    let first = |name: &&String| FIRST.contains(&name.as_str());
    let mut known: Vec<_> = names.clone().filter(first).collect();
    known.sort_by_key(|name| FIRST.iter().position(|first| *first == name.as_str()));
    known.into_iter().chain(names.filter(move |name| !first(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{console::Format, testing::Buffer};
    use serde_json::json;

    #[test]
    fn a_history_is_told_as_events_are() {
        let out = Buffer::default();
        let mut console = Console::of(Format::Table, out.clone(), Buffer::default());
        let event = |position: u32, name: &str, subject: &str, data: Value| {
            json!({"position": position, "id": "0199", "type": name, "subject": subject, "data": data,
                "time": "2026-03-01T12:00:00.000001Z", "actor": "user/ada"})
        };
        let thing = json!({"uuid": "GPU-1", "node": "n1", "history": [
            event(9, "JobStarted", "job/7", json!({"job": "7", "name": "train", "devices": ["GPU-1"]})),
            event(4, "DeviceAssigned", "device/GPU-1", json!({"device": "GPU-1", "from": "default", "pool": "vision"})),
        ]});
        let without = thing.clone();
        let mut thing = thing;
        thing["history"][1]["reason"] = "the vision team starts".into();
        details(&mut console, &thing).unwrap();
        let expected = "\
node  n1
uuid  GPU-1

history:
POSITION  TIME                     EVENT           ABOUT  WHAT                      ACTOR     WHY
       9  2026-03-01 12:00:00 UTC  JobStarted      job/7  devices=GPU-1 name=train  user/ada  -
       4  2026-03-01 12:00:00 UTC  DeviceAssigned         from=default pool=vision  user/ada  the vision team starts
";
        assert_eq!(out.text(), expected);
        let out = Buffer::default();
        details(&mut Console::of(Format::Table, out.clone(), Buffer::default()), &without).unwrap();
        assert!(!out.text().contains("WHY"), "where no event has a reason of its own: {}", out.text());
    }

    #[test]
    fn one_thing_is_a_line_for_each_field() {
        let out = Buffer::default();
        let mut console = Console::of(Format::Table, out.clone(), Buffer::default());
        let thing = json!({
            "name": "n1", "facts": {"memory_bytes": 1024, "os": null}, "devices": ["a", "b"], "jobs": [],
            "users": [{"id": "1", "login": "ada"}],
            "conditions": [
                {"kind": "gpu.lost", "since": "2026-03-01T12:00:00.000001Z", "xid": 79},
                {"kind": "row_remap.pending", "since": "2026-03-01T12:00:00.000001Z", "xid": null, "note": "x"},
            ],
        });
        details(&mut console, &thing).unwrap();
        let expected = "\
name                n1
devices             a
                    b
facts.memory_bytes  1 KiB
facts.os            -
jobs                -
users               ada

conditions:
KIND               SINCE                    XID  NOTE
gpu.lost           2026-03-01 12:00:00 UTC  79   -
row_remap.pending  2026-03-01 12:00:00 UTC  -    x
";
        assert_eq!(out.text(), expected);
    }
}
