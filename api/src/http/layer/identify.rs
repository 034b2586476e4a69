use crate::http::{app::App, auth::random_id};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use tokio::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives each request an id, the client's own where it is a sound one, and tells log and metrics what became of it.
/// Neither path nor query nor any header is told: there are logins in them.
pub(crate) async fn identify(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request.headers().get(&REQUEST_ID).filter(|id| sound(id)).cloned();
    let fresh = || HeaderValue::from_str(&random_id().to_string()).expect("a UUID is a header value");
    let id = id.unwrap_or_else(fresh);
    let method = known(request.method().as_str());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", |path| path.as_str()).to_owned();
    let mut response = next.run(request).await;
    let (took, status) = (began.elapsed(), response.status().as_u16());
    app.metrics.answered(&route, method, status, took);
    let shown = id.to_str().unwrap_or_default();
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(
        request.id = shown,
        http.method = method,
        http.route = route,
        http.status = status,
        took_ms,
        "answered"
    );
    response.headers_mut().insert(REQUEST_ID, id);
    response
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
