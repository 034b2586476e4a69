//! Audit events as lines of CSV (RFC 4180).
use super::view::AuditEvent;
use serde_json::Value;

/// The first line.
pub(super) const HEAD: &str =
    "position,time,type,subject,actor,token,address,reason,command,index,count,correlation,data,unreadable\r\n";

/// One event's line.
pub(super) fn line(event: &AuditEvent) -> String {
    let value = serde_json::to_value(event).unwrap_or(Value::Null);
    let names = HEAD.trim_end().split(',');
    let cells: Vec<String> = names.map(|name| cell(&value[name])).collect();
    cells.join(",") + "\r\n"
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    // A spreadsheet would take these for a formula, and free text may hold one.
    let formula = matches!(value, Value::String(_)) && text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_are_no_formulas() {
        for (value, told) in [
            (json!(null), ""),
            (json!(41), "41"),
            (json!(-1), "-1"),
            (json!("plain"), "plain"),
            (json!("two\nlines, one \"quote\""), "\"two\nlines, one \"\"quote\"\"\""),
            (json!("=HYPERLINK(1)"), "'=HYPERLINK(1)"),
            (json!({"a": 1}), "\"{\"\"a\"\":1}\""),
        ] {
            assert_eq!(cell(&value), told);
        }
    }
}
