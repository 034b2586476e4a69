//! What came of a command, for people: the events that it recorded, or would record, and what else follows.
use super::{
    console::{Console, Format, clean},
    table::{self, As, Column},
    text,
};
use jiff::tz::TimeZone;
use serde_json::Value;
use std::io;

/// The most events that are shown to a person.
const SHOWN: usize = 40;

const RECORDED: [Column; 4] = [
    ("POSITION", "position", As::Count),
    ("EVENT", "type", As::Text),
    ("SUBJECT", "subject", As::Text),
    ("WHAT", "data", As::What),
];

/// Tells a command's answer.
pub(super) fn tell(console: &mut Console, answer: &Value) -> io::Result<()> {
    if console.format == Format::Json {
        return console.json(answer);
    }
    let dry_run = answer["dry_run"] == true;
    let events = answer["events"].as_array().map_or(&[][..], Vec::as_slice);
    if events.is_empty() {
        let at = text::inline(&answer["position"], &console.zone);
        console.line(&format!("nothing changes: it is so already (at position {at})"))?;
    } else {
        if dry_run {
            console.line("a dry run: nothing was recorded; this would be")?;
        }
        let columns = if dry_run { &RECORDED[1..] } else { &RECORDED[..] };
        table::table(console, columns, &events[..events.len().min(SHOWN)])?;
        if events.len() > SHOWN {
            console.line(&format!("… and {} more: -o json shows all", events.len() - SHOWN))?;
        }
    }
    for warning in answer["warnings"].as_array().into_iter().flatten() {
        let text = warned(warning, &console.zone);
        console.note(&text)?;
    }
    Ok(())
}

/// What else follows, and for whom.
fn warned(warning: &Value, zone: &TimeZone) -> String {
    let mut about = warning.as_object().cloned().unwrap_or_default();
    about.remove("code");
    let detail = about.remove("detail").unwrap_or_else(|| warning["code"].clone());
    let detail = detail.as_str().map_or_else(|| text::inline(warning, zone), clean);
    if about.is_empty() {
        format!("warning: {detail}")
    } else {
        format!("warning: {detail}: {}", text::pairs(&about, zone))
    }
}
