use crate::http::problem::{MEDIA_TYPE, Problem};
use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use std::any::Any;

/// Makes a problem document of every failure that is not one yet: those that the router itself answers.
pub(super) fn tidy(response: Response) -> Response {
    let status = response.status();
    let told = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        // Pages are for browsers that come back from a sign-in provider.
        kind == MEDIA_TYPE.as_bytes() || kind == b"application/json" || kind.starts_with(b"text/html")
    });
    if told || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).cloned();
    let mut problem = Problem::of_status(status);
    if let Some(allow) = allow {
        problem = problem.header(header::ALLOW, allow);
    }
    problem.into_response()
}

/// The answer to whom a handler panicked.
pub(super) fn panicked(cause: &(dyn Any + Send)) -> Response {
    let said = cause.downcast_ref::<String>().map(String::as_str).or_else(|| cause.downcast_ref::<&str>().copied());
    tracing::error!(panic = said.unwrap_or("unknown"), "a handler panicked");
    Problem::new("server.fault", "the server failed; its log says more").into_response()
}
