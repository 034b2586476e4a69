use crate::http::{
    app::App,
    input::Segment,
    metrics::{CONTENT_TYPE, of_node},
    problem::Problem,
};
use axum::{extract::State, http::header, response::IntoResponse};
use domain::NodeName;

/// The metrics of one node's GPUs, for a fleet that is too large for one page.
#[utoipa::path(get, path = "/metrics/nodes/{name}", tag = "health", operation_id = "node_metrics",
    params(("name" = String, Path, description = "The node")),
    responses((status = 200, content_type = "text/plain", body = String)))]
pub(super) async fn node_metrics(
    State(app): State<App>,
    Segment(name): Segment<NodeName>,
) -> Result<impl IntoResponse, Problem> {
    let page = of_node(&app, &name);
    let page = page.ok_or_else(|| Problem::new("node.not_found", format!("there is no node/{name}")))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page))
}
