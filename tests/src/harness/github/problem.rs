//! Failures as the API tells them.
use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A failure, with the page of the documentation that it points to.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    message: String,
    page: &'static str,
    header: Option<(&'static str, String)>,
}

impl Problem {
    pub(super) fn new(status: u16, message: impl Into<String>, page: &'static str) -> Self {
        Self { status, message: message.into(), page, header: None }
    }

    /// What is not there, or not for this caller to know of.
    pub(super) fn not_found() -> Self {
        Self::new(404, "Not Found", "")
    }

    pub(super) fn with(mut self, header: &'static str, value: String) -> Self {
        self.header = Some((header, value));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let page = format!("https://docs.github.com/rest/{}", self.page);
        let body = json!({ "message": self.message, "documentation_url": page, "status": self.status.to_string() });
        let mut answer = (status(self.status), Json(body)).into_response();
        let header = self.header.and_then(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
        answer.headers_mut().extend(header.map(|(name, value)| (HeaderName::from_static(name), value)));
        answer
    }
}

/// A status that a test has named.
pub(super) fn status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("it is a status")
}
