//! Single headers.
use crate::http::problem::Problem;
use axum::http::HeaderMap;
use domain::{Position, Reason};

fn problem(detail: impl Into<String>) -> Problem {
    Problem::new("request.header", detail)
}

/// The one value of a header, as ASCII text.
///
/// # Errors
/// It is given twice, or holds other bytes.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut lines = headers.get_all(name).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(problem(format!("{name} is given twice")));
    }
    line.to_str().map(Some).map_err(|_| problem(format!("{name} is visible ASCII: percent-encode everything else")))
}

/// A position in a header.
///
/// # Errors
/// It is no number.
pub(super) fn position(headers: &HeaderMap, name: &str) -> Result<Option<Position>, Problem> {
    let parse = |text: &str| text.parse().map(Position).map_err(|_| problem(format!("{name} is a position: a number")));
    text(headers, name)?.map(parse).transpose()
}

/// What `If-Match` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfMatch {
    /// That there is such a thing.
    Exists,
    /// That it was last configured at this position.
    Revision(Position),
}

/// The condition of the request.
///
/// # Errors
/// It is not `*` and not one strong tag with a revision in it.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, Problem> {
    let parse = |text: &str| {
        if text == "*" {
            return Ok(IfMatch::Exists);
        }
        let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let revision =
            inner.filter(|inner| inner.bytes().all(|b| b.is_ascii_digit())).and_then(|inner| inner.parse().ok());
        let wrong = || problem("If-Match is one revision in double quotes, as ETag gave it, or *");
        revision.map(|revision| IfMatch::Revision(Position(revision))).ok_or_else(wrong)
    };
    text(headers, "if-match")?.map(parse).transpose()
}

/// Why: percent-encoded UTF-8. Plain ASCII text without `%` stands for itself.
///
/// # Errors
/// It is not so encoded, or not a reason.
pub(super) fn reason(headers: &HeaderMap) -> Result<Option<Reason>, Problem> {
    let parse = |text: &str| {
        let bad_escape = text.match_indices('%').any(|(at, _)| {
            let digits = text.as_bytes().get(at + 1..at + 3);
            digits.is_none_or(|digits| !digits.iter().all(u8::is_ascii_hexdigit))
        });
        if bad_escape {
            return Err(problem("Dkube-Reason is percent-encoded UTF-8: write % as %25"));
        }
        let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
        let decoded = decoded.map_err(|_| problem("Dkube-Reason is percent-encoded UTF-8"))?;
        decoded.parse().map_err(|error: domain::WordError| problem(format!("Dkube-Reason: {error}")))
    };
    text(headers, "dkube-reason")?.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn if_match_is_one_strong_revision_or_a_star() {
        let parse = |value: &str| if_match(&headers("if-match", &[value]));
        assert_eq!(parse("\"41\"").unwrap(), Some(IfMatch::Revision(Position(41))));
        assert_eq!(parse("*").unwrap(), Some(IfMatch::Exists));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
        for bad in ["41", "W/\"41\"", "\"41\", \"42\"", "\"\"", "\"+1\"", "\"", "\"99999999999999999999\""] {
            assert_eq!(parse(bad).unwrap_err().status(), 400, "{bad}");
        }
        assert!(if_match(&headers("if-match", &["\"1\"", "\"2\""])).is_err());
    }

    #[test]
    fn a_reason_is_percent_encoded_utf_8() {
        let parse = |value: &str| reason(&headers("dkube-reason", &[value]));
        assert_eq!(parse("node is lost").unwrap().unwrap().as_str(), "node is lost");
        assert_eq!(parse("Knoten f%C3%A4llt aus: 100%25").unwrap().unwrap().as_str(), "Knoten fällt aus: 100%");
        for bad in ["100%", "%zz", "%ff", "%00", "%20"] {
            assert_eq!(parse(bad).unwrap_err().status(), 400, "{bad}");
        }
    }

    #[test]
    fn a_position_is_a_number() {
        assert_eq!(position(&headers("dkube-planned-at", &["7"]), "dkube-planned-at").unwrap(), Some(Position(7)));
        assert!(position(&headers("dkube-planned-at", &["-7"]), "dkube-planned-at").is_err());
    }
}
