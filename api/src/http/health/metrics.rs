use crate::http::{app::App, metrics::CONTENT_TYPE, port::LogSize, problem::Problem};
use axum::{extract::State, http::header, response::IntoResponse};
use std::sync::Arc;

/// Metrics in Prometheus' text format: the server's own, and the GPUs' under the names and labels of NVIDIA's DCGM exporter.
/// Scrape it with `honor_labels: true`, which keeps `instance` as each node's.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let size = log_size(&app).await?;
    let text = app.metrics.encode(&app, size).map_err(|error| Problem::fault("metrics can't be written", &error))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}

/// How big the log is.
///
/// # Errors
/// It can't be measured.
pub(in crate::http) async fn log_size(app: &App) -> Result<LogSize, Problem> {
    let log = Arc::clone(&app.parts.log);
    let size = tokio::task::spawn_blocking(move || log.size()).await;
    let size = size.map_err(|error| Problem::fault("the log can't be measured", &error))?;
    size.map_err(|error| Problem::fault("the log can't be measured", &error))
}
