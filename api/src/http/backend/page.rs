//! The few pages that a browser sees on its way back from a provider.
use crate::http::problem::Problem;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::fmt::Write as _;

/// A page of plain text, without scripts, styles or links to elsewhere.
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) title: &'static str,
    /// Paragraphs.
    pub(super) text: Vec<String>,
    /// What may be answered.
    pub(super) form: Option<Form>,
}

/// One button.
pub(super) struct Form {
    pub(super) action: String,
    pub(super) button: &'static str,
}

/// The page of a failure, with the headers that say when to try again.
pub(super) fn failed(problem: &Problem) -> Response {
    let text = vec![problem.detail().to_owned(), problem.advice().to_owned()];
    let page = Page { status: problem.status(), title: "That did not work: nothing has changed", text, form: None };
    (problem.headers(), page).into_response()
}

/// Whether whoever asks is a browser that will show the answer to somebody.
pub(super) fn wanted(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|kinds| kinds.to_str().is_ok_and(|kinds| kinds.contains("text/html")))
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut html = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{0}</title><h1>{0}</h1>",
            escaped(self.title)
        );
        for paragraph in &self.text {
            // Writing to a string never fails.
            let _ = write!(html, "<p>{}</p>", escaped(paragraph));
        }
        if let Some(Form { action, button }) = &self.form {
            let (action, button) = (escaped(action), escaped(button));
            let _ = write!(html, "<form method=\"post\" action=\"{action}\"><button>{button}</button></form>");
        }
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        (self.status, [kind], html).into_response()
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_provider_says_is_text() {
        assert_eq!(escaped("<a href='x'>&\"</a>"), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
    }
}
