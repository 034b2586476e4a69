//! A failure as the server tells it (RFC 9457).
use super::{console::clean, hint};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fmt;

/// The most refs that are shown to a person.
const REFS_SHOWN: usize = 20;

/// A problem document.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The stable code.
    pub(crate) code: String,
    /// What happened.
    pub(crate) detail: String,
    #[serde(default)]
    refs: Vec<Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", clean(&self.detail), clean(&self.code))
    }
}

impl Problem {
    /// The problem of that code, told without its document.
    pub(super) fn told(code: String, detail: Option<String>) -> Self {
        let known = crate::http::problem_kind(&code);
        let detail = detail.or_else(|| known.map(|kind| kind.title.to_owned())).unwrap_or_else(|| code.clone());
        Self { status: known.map_or(403, |kind| kind.status), code, detail, refs: vec![], rest: Map::new() }
    }

    /// The problem in this body, if it is one.
    pub(crate) fn read(status: u16, body: &[u8]) -> Option<Self> {
        let mut document: Map<String, Value> = serde_json::from_slice(body).ok()?;
        document.insert("status".to_owned(), status.into());
        if !document.contains_key("detail") {
            let title = document.get("title")?.clone();
            document.insert("detail".to_owned(), title);
        }
        serde_json::from_value(document.into()).ok()
    }

    /// What a person reads: what happened, what stands in the way, what to do.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("error: {self}")];
        lines.extend(self.refs.iter().take(REFS_SHOWN).map(|reference| format!("  {}", word(reference))));
        if self.refs.len() > REFS_SHOWN {
            lines.push(format!("  … and {} more", self.refs.len() - REFS_SHOWN));
        }
        if let Some(Value::Object(shortage)) = self.rest.get("shortage") {
            let counts = ["asked", "free", "busy", "cordoned", "quarantined", "unknown", "missing"];
            let says = |name: &&str, count: &Value| *count != 0 || ["asked", "free"].contains(name);
            let counted = |name: &&str| {
                shortage.get(*name).filter(|count| says(name, count)).map(|count| format!("{name} {count}"))
            };
            lines.push(format!("  devices: {}", counts.iter().filter_map(counted).collect::<Vec<_>>().join(", ")));
        }
        lines.extend(hint::of(&self.code).map(|hint| format!("  {hint}")));
        lines
    }

    /// The document as the server gave it, on one line.
    pub(super) fn document(&self) -> String {
        let mut document = self.rest.clone();
        document.insert("status".to_owned(), self.status.into());
        document.insert("code".to_owned(), self.code.clone().into());
        document.insert("detail".to_owned(), self.detail.clone().into());
        if !self.refs.is_empty() {
            document.insert("refs".to_owned(), self.refs.clone().into());
        }
        Value::Object(document).to_string()
    }
}

fn word(value: &Value) -> String {
    clean(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_happened_what_is_in_the_way_and_what_to_do() {
        let body = br#"{"type":"/problems/pool.busy","title":"t","status":409,"code":"pool.busy",
            "detail":"1 of the devices have active jobs","refs":["job/0199c0de-0000-7000-8000-000000008000"]}"#;
        let problem = Problem::read(409, body).unwrap();
        assert_eq!(
            problem.lines(),
            [
                "error: 1 of the devices have active jobs (pool.busy)",
                "  job/0199c0de-0000-7000-8000-000000008000",
                "  finish these jobs first: dkube job finish ID; somebody else's: with --force --reason TEXT",
            ]
        );
    }

    #[test]
    fn a_shortage_is_counted() {
        let body = br#"{"status":409,"code":"pool.shortage","detail":"4 devices were asked for, and 1 are free",
            "shortage":{"asked":4,"busy":2,"missing":0,"unknown":0,"quarantined":1,"cordoned":0,"free":1}}"#;
        let lines = Problem::read(409, body).unwrap().lines();
        assert_eq!(lines[1], "  devices: asked 4, free 1, busy 2, quarantined 1");
    }

    #[test]
    fn what_could_move_the_cursor_is_made_harmless() {
        let body = "{\"code\":\"a.b\",\"detail\":\"x\\u001b[2Jy\\u202e\"}";
        assert_eq!(Problem::read(500, body.as_bytes()).unwrap().to_string(), "x\\u{1b}[2Jy\\u{202e} (a.b)");
    }

    #[test]
    fn what_is_no_problem_document_is_none() {
        assert!(Problem::read(502, b"<html>Bad Gateway</html>").is_none());
        assert!(Problem::read(502, b"{}").is_none());
        assert!(Problem::read(502, b"[]").is_none());
    }
}
