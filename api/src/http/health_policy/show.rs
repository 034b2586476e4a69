use crate::http::{
    answer::Shown,
    input::{AsOf, Look},
};
use projections::view::HealthPolicyView;

/// The health policy: what operators see differently from what agents say.
#[utoipa::path(get, path = "/v1/health/policy", tag = "health policy", operation_id = "health_policy", params(AsOf),
    responses((status = 200, body = HealthPolicyView)))]
pub(super) async fn show(look: Look) -> Shown<HealthPolicyView> {
    let (policy, position) = look.view(|view| (view.health_policy(), view.position()));
    Shown::one(position, policy.revision, policy)
}
