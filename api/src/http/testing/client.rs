use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
};
use futures::StreamExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// A request to be made.
#[derive(Clone)]
pub(crate) struct Call {
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// An answer, read whole.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Call {
    pub(crate) fn new(method: &'static str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: vec![], body: None }
    }

    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub(crate) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).json(body)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string()).with("content-type", "application/json")
    }

    pub(crate) fn raw(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn token(self, secret: &str) -> Self {
        self.with("authorization", format!("Bearer {secret}"))
    }

    /// Sends it, and leaves the body to come.
    pub(crate) async fn begin(self, router: &Router) -> axum::response::Response {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let request = request.body(self.body.map_or_else(Body::empty, Body::from)).unwrap();
        router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(self, router: &Router) -> Answered {
        let response = self.begin(router).await;
        let (parts, body) = response.into_parts();
        let mut bytes = vec![];
        let mut chunks = body.into_data_stream();
        while let Some(Ok(chunk)) = chunks.next().await {
            bytes.extend_from_slice(&chunk);
        }
        Answered { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes).unwrap() }
    }
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    /// The body, if it was accepted.
    pub(crate) fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self.json()
    }

    /// That it is a problem document of this code, with the status of the table.
    pub(crate) fn problem(&self, code: &str) -> Value {
        assert_eq!(self.headers[header::CONTENT_TYPE], "application/problem+json", "{} {}", self.status, self.text);
        let document = self.json();
        assert_eq!(document["code"], code, "{document}");
        let entry = crate::http::problem::find(code).expect("the code is in the table");
        assert_eq!(self.status.as_u16(), entry.status, "{code}");
        assert_eq!(document["status"], entry.status);
        document
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}
