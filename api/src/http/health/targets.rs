use crate::http::{app::App, problem::Problem};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, header},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// One target of Prometheus' HTTP service discovery.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Target {
    /// Where to scrape: this server.
    targets: [String; 1],
    /// The path of that node's page, and its name.
    labels: BTreeMap<&'static str, String>,
}

/// Every node's page of metrics, as Prometheus' `http_sd_configs` takes it.
#[utoipa::path(get, path = "/metrics/targets", tag = "health", operation_id = "metrics_targets",
    responses((status = 200, body = Vec<Target>)))]
pub(super) async fn targets(State(app): State<App>, headers: HeaderMap) -> Result<Json<Vec<Target>>, Problem> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.ok_or_else(|| Problem::new("request.header", "Host says where this server is"))?;
    let target = |name: &str| Target {
        targets: [host.to_owned()],
        labels: [("__metrics_path__", format!("/metrics/nodes/{name}")), ("node", name.to_owned())].into(),
    };
    let nodes = app.present(|state| {
        let in_service = state.cluster().nodes().values().filter(|node| !node.retired);
        in_service.map(|node| target(node.name.as_str())).collect()
    });
    Ok(Json(nodes))
}
