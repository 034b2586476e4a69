use crate::http::{
    answer::{Belongs, Paging, Shown, no_page},
    audit,
    input::{AsOf, Look},
    problem::Problem,
};
use domain::{Login, NodeName, PoolName, Subject, UserId, device::DeviceId};
use projections::view::{JobFilter, JobView, Listed};
use serde::Deserialize;

/// Which jobs.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only jobs of this user, by login; `none`: only jobs of nobody known. `user` is the same.
    #[serde(alias = "user")]
    #[param(value_type = Option<String>)]
    owner: Option<Belongs<Login>>,
    /// Only jobs of this pool, or on its devices.
    #[param(value_type = Option<String>)]
    pool: Option<PoolName>,
    /// Only jobs with devices on this node.
    #[param(value_type = Option<String>)]
    node: Option<NodeName>,
    /// Only jobs on this device.
    #[param(value_type = Option<String>)]
    device: Option<DeviceId>,
    /// Only jobs that were, or were not, observed elsewhere.
    observed: Option<bool>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

/// Every active job, the oldest first.
#[utoipa::path(get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs", params(Filter, AsOf),
    responses((status = 200, body = Listed<JobView>)))]
pub(super) async fn list(look: Look<Filter>) -> Result<Shown<Listed<JobView>>, Problem> {
    let Filter { owner, pool, node, device, observed, limit, after } = &look.query;
    if let Some(Belongs(Some(login))) = owner
        && look.asker.sees_all()
        && !audit::is_so(look.app(), |state| !state.names().users_called(login).is_empty()).await
    {
        return Err(Problem::new("request.query", format!("owner: there is no user/{login}, and there never was")));
    }
    // A login that nobody has any more is the owner of no job.
    let nobody = UserId(uuid::Uuid::nil());
    let find = |login: &Login| look.read(|state| state.cluster().user_by_login(login).map_or(nobody, |user| user.id));
    let filter = JobFilter {
        user: owner.as_ref().map(|owner| owner.0.as_ref().map(find)),
        pool: pool.clone(),
        node: node.clone(),
        device: *device,
        observed: *observed,
    };
    audit::known(&look, "pool", pool.clone().map(Subject::Pool)).await?;
    audit::known(&look, "node", node.clone().map(Subject::Node)).await?;
    let page = limit.page(after.as_ref())?;
    Shown::list(look.view(|view| view.jobs(&filter, &page)).map_err(no_page))
}
