//! `GET /problems` and `GET /problems/{code}`: what each failure means and what to do, for people.
use super::{Problem, TABLE, find};
use crate::http::input::Segment;
use axum::{http::header, response::IntoResponse};
use std::fmt::Write as _;

const TYPE: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];

/// Every failure on one page: the text of `docs/problems.md`.
pub(crate) fn all() -> String {
    let mut page = String::from(
        "# Problems\n\nEvery failure is answered as a problem document (RFC 9457) with one of these codes. \
         Codes are stable.\n\n| code | status | what it is | what to do |\n|---|---|---|---|\n",
    );
    for entry in TABLE {
        let _ = writeln!(page, "| `{}` | {} | {} | {} |", entry.code, entry.status, entry.title, entry.advice);
    }
    page
}

/// All of them.
pub(crate) async fn list() -> impl IntoResponse {
    (TYPE, all())
}

/// One of them.
pub(crate) async fn show(Segment(code): Segment<String>) -> Result<impl IntoResponse, Problem> {
    let entry = find(&code).ok_or_else(|| Problem::new("request.not_found", "there is no problem of that code"))?;
    Ok((TYPE, format!("# `{}` ({})\n\n{}.\n\n{}\n", entry.code, entry.status, entry.title, entry.advice)))
}

#[cfg(test)]
mod tests {
    /// `DKUBE_BLESS=1 cargo test -p api problems_page` writes the page anew.
    #[test]
    fn the_problems_page_in_docs_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/problems.md");
        if std::env::var_os("DKUBE_BLESS").is_some() {
            std::fs::write(path, super::all()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == super::all(), "docs/problems.md is not what the table says: run with DKUBE_BLESS=1");
    }
}
