use crate::http::{app::App, problem::Problem};
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// Takes no more requests at a time than may be, and lets none take longer than it may.
pub(super) async fn limit(app: &App, request: Request, next: Next) -> Response {
    // Who watches the server must see it when it is full.
    let watcher = matches!(request.uri().path(), "/livez" | "/readyz");
    let permit = Arc::clone(&app.requests).try_acquire_owned();
    if permit.is_err() && !watcher {
        return Problem::new("server.overloaded", "too many requests at a time").retry_after(1).into_response();
    }
    let answer = tokio::time::timeout(app.settings().handler_timeout, next.run(request)).await;
    drop(permit);
    answer.unwrap_or_else(|_| Problem::new("server.timeout", "the answer took too long").retry_after(1).into_response())
}
