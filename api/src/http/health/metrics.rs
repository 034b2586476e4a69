use crate::http::{app::App, metrics::CONTENT_TYPE, problem::Problem};
use axum::{extract::State, http::header, response::IntoResponse};
use std::sync::Arc;

/// Metrics in Prometheus' text format: the server's own, and the GPUs' under the names and labels of NVIDIA's DCGM exporter.
/// Scrape it with `honor_labels: true`, which keeps `instance` as each node's.
#[utoipa::path(get, path = "/metrics", tag = "health", operation_id = "metrics",
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let log = Arc::clone(&app.parts.log);
    let size = tokio::task::spawn_blocking(move || log.size()).await;
    let size = size.map_err(|error| Problem::fault("the log can't be measured", &error))?;
    let size = size.map_err(|error| Problem::fault("the log can't be measured", &error))?;
    let text = app.metrics.encode(&app, size).map_err(|error| Problem::fault("metrics can't be written", &error))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text))
}
