//! Values of the server's JSON as words of a line.
use super::console::clean;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

/// The value at a dotted path.
pub(super) fn at<'a>(item: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(item, |value, name| &value[name])
}

/// A value on one line; a user by login.
pub(super) fn inline(value: &Value, zone: &TimeZone) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => time(text, zone).unwrap_or_else(|| one_line(text)),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(|item| inline(item, zone)).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => login(fields)
            .map(one_line)
            .or_else(|| last_seen(fields, zone))
            .or_else(|| condition(fields))
            .unwrap_or_else(|| pairs(fields, zone)),
    }
}

/// The login, where this is how the server names a user: `{"id", "login"}`.
pub(super) fn login(fields: &Map<String, Value>) -> Option<&str> {
    fields.get("login")?.as_str().filter(|_| fields.len() == 2 && fields.contains_key("id"))
}

/// When something was last seen, where this is how the server says it: `{"at", "since"}`. It measures since its start.
pub(super) fn last_seen(fields: &Map<String, Value>, zone: &TimeZone) -> Option<String> {
    let (at, since) = (fields.get("at")?, fields.get("since")?.as_str().filter(|_| fields.len() == 2)?);
    match at {
        Value::String(at) => time(at, zone),
        _ => time(since, zone).map(|since| format!("not since the server's start, {since}")),
    }
}

/// A device's condition in a line: which, how bad, and why.
fn condition(fields: &Map<String, Value>) -> Option<String> {
    let text = |field| fields.get(field).and_then(Value::as_str);
    let (kind, severity, reason) = (text("kind")?, text("severity")?, text("reason")?);
    Some(one_line(&format!("{kind} ({severity}): {reason}")))
}

/// The fields that say something, as `name=value`.
pub(super) fn pairs(fields: &Map<String, Value>, zone: &TimeZone) -> String {
    let said = fields.iter().filter(|(_, value)| !value.is_null());
    said.map(|(name, value)| format!("{}={}", clean(name), named(name, value, zone))).collect::<Vec<_>>().join(" ")
}

/// What an event says besides its subject.
pub(super) fn beside(subject: &Value, data: &Value, zone: &TimeZone) -> String {
    let Value::Object(fields) = data else { return inline(data, zone) };
    let (entity, name) = subject.as_str().and_then(|subject| subject.split_once('/')).unwrap_or_default();
    // A field that is called as the subject is says no more than its name, unless there is something in it.
    let said = |field: &str, value: &Value| {
        field == entity && !value.is_object() || value.as_str().is_some_and(|value| value == name)
    };
    let mut rest: Map<String, Value> = fields.clone();
    // People read logins, not the ids that they stand beside.
    if let (true, Some(login)) = (rest.contains_key("user"), fields.get("login")) {
        rest.remove("login");
        rest.insert("user".to_owned(), login.clone());
    }
    rest.retain(|field, value| !said(field, value));
    pairs(&rest, zone)
}

/// The value of a field, whose name tells its unit.
pub(super) fn named(name: &str, value: &Value, zone: &TimeZone) -> String {
    match value.as_u64().filter(|_| name.ends_with("_bytes")) {
        Some(number) => bytes(number),
        None => inline(value, zone),
    }
}

/// The beginning of a text that is longer than so many characters.
pub(super) fn shortened(text: String, max: usize) -> String {
    if text.chars().count() <= max { text } else { text.chars().take(max - 1).chain(['…']).collect() }
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

/// Text of somebody else's, on one line.
pub(super) fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

/// Bytes in the unit that suits them.
pub(super) fn bytes(number: u64) -> String {
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
    use serde_json::json;

    #[test]
    fn bytes_are_never_rounded_up() {
        let cases =
            [(0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (1_048_575, "1023.9 KiB"), (u64::MAX, "16777215.9 TiB")];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn what_the_subject_says_is_not_said_again() {
        let data = json!({"device": "GPU-1", "from": "default", "pool": "vision", "note": null});
        assert_eq!(beside(&json!("device/GPU-1"), &data, &TimeZone::UTC), "from=default pool=vision");
        let data = json!({"policy": {"conditions": [{"kind": "gpu.lost", "dry_run": true}]}});
        let told = beside(&json!("policy/health"), &data, &TimeZone::UTC);
        assert_eq!(told, "policy=conditions=dry_run=yes kind=gpu.lost");
        let data = json!({"name": "vision", "model": "H100"});
        assert_eq!(beside(&json!("pool/vision"), &data, &TimeZone::UTC), "model=H100");
        let data = json!({"group": "seeing", "user": "0199c0de", "login": "ada"});
        assert_eq!(beside(&json!("group/seeing"), &data, &TimeZone::UTC), "user=ada");
        assert_eq!(beside(&json!("user/ada"), &json!({"user": "0199c0de", "login": "ada"}), &TimeZone::UTC), "");
    }

    #[test]
    fn what_was_not_seen_was_not_seen_since_the_servers_start() {
        let never = json!({"at": null, "since": "2026-03-01T12:00:00.000001Z"});
        assert_eq!(inline(&never, &TimeZone::UTC), "not since the server's start, 2026-03-01 12:00:00 UTC");
        let once = json!({"at": "2026-03-01T13:00:00.000001Z", "since": "2026-03-01T12:00:00.000001Z"});
        assert_eq!(inline(&once, &TimeZone::UTC), "2026-03-01 13:00:00 UTC");
    }

    #[test]
    fn a_condition_is_told_with_its_reason() {
        let raised =
            json!([{"kind": "gpu.lost", "severity": "fatal", "reason": "XID 79", "xid": 79, "remedy": "none"}]);
        let data = json!({"device": "GPU-1", "raised": raised, "cleared": []});
        assert_eq!(beside(&json!("device/GPU-1"), &data, &TimeZone::UTC), "cleared=- raised=gpu.lost (fatal): XID 79");
    }

    #[test]
    fn a_user_is_a_login() {
        let job = json!({"user": {"id": "0199", "login": "ada"}, "devices": []});
        assert_eq!(inline(&job, &TimeZone::UTC), "devices=- user=ada");
    }
}
