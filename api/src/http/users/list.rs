use crate::http::{
    answer::{Belongs, Paging, Shown, no_page},
    audit,
    input::{AsOf, Look},
    problem::Problem,
};
use domain::{GroupName, Subject};
use projections::view::{Listed, Role, UserFilter, UserView};
use serde::Deserialize;

/// Which users.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only members of this group; `none`: only users in no group.
    #[param(value_type = Option<String>)]
    group: Option<Belongs<GroupName>>,
    /// Only users of this role.
    role: Option<Role>,
    /// Only users who are, or are not, suspended.
    suspended: Option<bool>,
    /// At most so many: 1 to 1000.
    #[serde(default)]
    #[param(value_type = Option<u32>)]
    limit: Paging,
    /// Only what comes after this: `next` of the last page.
    after: Option<String>,
}

/// Every user, by login.
#[utoipa::path(get, path = "/v1/users", tag = "users", operation_id = "list_users", params(Filter, AsOf),
    responses((status = 200, body = Listed<UserView>)))]
pub(super) async fn list(look: Look<Filter>) -> Result<Shown<Listed<UserView>>, Problem> {
    let Filter { group, role, suspended, limit, after } = &look.query;
    let filter = UserFilter { group: group.clone().map(|group| group.0), role: *role, suspended: *suspended };
    let members = group.as_ref().and_then(|group| group.0.clone());
    audit::known(&look, "group", members.map(Subject::Group)).await?;
    let page = limit.page(after.as_ref())?;
    let users = look.view(|view| view.users(&filter, &page)).map_err(no_page);
    Shown::list(users)
}
