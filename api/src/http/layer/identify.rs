use crate::http::{app::App, auth::random_id};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue},
    response::Response,
};
use tokio::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What log and metrics are told of a request. Neither path nor query nor any header is: there are logins in them.
pub(super) struct Identity {
    began: Instant,
    id: HeaderValue,
    method: &'static str,
    path: Option<MatchedPath>,
}

impl Identity {
    /// That of a request: the client's own id where it is a sound one.
    pub(super) fn of(request: &Request) -> Self {
        let id = request.headers().get(&REQUEST_ID).filter(|id| sound(id)).cloned();
        let fresh = || HeaderValue::from_str(&random_id().to_string()).expect("a UUID is a header value");
        Self {
            began: Instant::now(),
            id: id.unwrap_or_else(fresh),
            method: known(request.method().as_str()),
            path: request.extensions().get::<MatchedPath>().cloned(),
        }
    }

    /// Tells log and metrics what became of it, and the client its id.
    pub(super) fn tell(self, app: &App, response: &mut Response) {
        let route = self.path.as_ref().map_or("unmatched", MatchedPath::as_str);
        let (took, status) = (self.began.elapsed(), response.status().as_u16());
        app.metrics.answered(route, self.method, status, took);
        tracing::debug!(
            request.id = self.id.to_str().unwrap_or_default(),
            http.method = self.method,
            http.route = route,
            http.status = status,
            took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            "answered"
        );
        response.headers_mut().insert(REQUEST_ID, self.id);
    }
}

fn sound(id: &HeaderValue) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"-_.".contains(b);
    (1..=128).contains(&id.len()) && id.as_bytes().iter().all(allowed)
}

/// The method, or one word for all that clients make up.
fn known(method: &str) -> &'static str {
    const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
