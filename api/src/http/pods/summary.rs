use crate::http::{answer::Shown, app::App, auth::Asker, input::Query};
use axum::extract::State;
use domain::{ClusterName, NodeName};
use projections::mirror::{PodFilter, PodSummary};
use serde::Deserialize;

/// Which pods are counted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only pods of this Kubernetes cluster.
    #[param(value_type = Option<String>)]
    cluster: Option<ClusterName>,
    /// Only pods in this namespace.
    namespace: Option<String>,
    /// Only pods on this node.
    #[param(value_type = Option<String>)]
    node: Option<NodeName>,
}

/// Pods counted by namespace and component; and how well the clusters are known.
#[utoipa::path(get, path = "/v1/pods/summary", tag = "pods", operation_id = "summarize_pods", params(Filter),
    responses((status = 200, body = PodSummary)))]
pub(super) async fn summary(
    State(app): State<App>,
    asker: Asker,
    Query(Filter { cluster, namespace, node }): Query<Filter>,
) -> Shown<PodSummary> {
    let filter = super::of(&asker, PodFilter { cluster, namespace, node, ..PodFilter::default() });
    let mut summary = app.parts.mirrors.summary(&filter);
    let own = summary.items.iter().map(|row| row.cluster.clone()).collect();
    super::leave_own(&asker, &mut summary.mirrors, &own);
    Shown::at(app.parts.live.position(), summary)
}
