use crate::http::{app::App, auth::Address, problem::Problem};
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::sync::Arc;

/// Takes no more requests at a time than may be, of all and of one address, and lets none take longer than it may.
pub(super) async fn limit(app: &App, request: Request, next: Next) -> Response {
    // Who watches the server must see it when it is full.
    let watcher = matches!(request.uri().path(), "/livez" | "/readyz");
    let permit = Arc::clone(&app.requests).try_acquire_owned();
    if permit.is_err() && !watcher {
        return Problem::new("server.overloaded", "too many requests at a time").retry_after(1).into_response();
    }
    let network = Address::of(app.settings(), request.extensions(), request.headers()).network();
    let share = network.map(|network| app.shares.take(network));
    if matches!(share, Some(None)) && !watcher {
        let detail =
            "too many requests of this address are under way: of all behind a proxy that is not trusted, as well";
        return Problem::new("request.too_many", detail).retry_after(1).into_response();
    }
    let answer = tokio::time::timeout(app.settings().handler_timeout, next.run(request)).await;
    drop((permit, share));
    answer.unwrap_or_else(|_| Problem::new("server.timeout", "the answer took too long").retry_after(1).into_response())
}
