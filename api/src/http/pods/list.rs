use crate::http::{
    answer::{Paging, Shown, no_page},
    app::App,
    auth::Asker,
    input::Query,
    problem::Problem,
};
use axum::extract::State;
use domain::{ClusterName, NodeName};
use projections::mirror::{PodFilter, PodList, PodPhase};
use serde::Deserialize;

/// Which pods.
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
    /// Only pods that are so far in their life.
    phase: Option<PodPhase>,
    /// Only pods that were made by something of this name, as by a job or a replica set.
    owner: Option<String>,
    /// Only pods of this component.
    component: Option<String>,
    /// Only pods that name this user.
    user: Option<String>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

/// Every pod, by cluster, namespace and name, as it was last seen; and how well the clusters are known.
#[utoipa::path(get, path = "/v1/pods", tag = "pods", operation_id = "list_pods", params(Filter),
    responses((status = 200, body = PodList)))]
pub(super) async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(query): Query<Filter>,
) -> Result<Shown<PodList>, Problem> {
    let Filter { cluster, namespace, node, phase, owner, component, user, limit, after } = query;
    let filter = super::of(&asker, PodFilter { cluster, namespace, node, phase, owner, component, user });
    let page = limit.page(after.as_ref())?;
    let mut list = app.parts.mirrors.pods(&filter, &page).map_err(no_page)?;
    let own = list.items.iter().map(|pod| pod.cluster.clone()).collect();
    super::leave_own(&asker, &mut list.mirrors, &own);
    Ok(Shown::at(app.parts.live.position(), list))
}
