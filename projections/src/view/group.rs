//! Groups: named sets of users that share one pool.
use super::{Listed, Look, Page, PageError, UserRef};
use domain::{GroupName, PoolName, Position, group::Group};
use serde::Serialize;
use std::ops::Bound;
use utoipa::ToSchema;

/// A group as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupView {
    /// Its name.
    #[schema(value_type = String)]
    pub name: GroupName,
    /// Its members, by login.
    pub users: Vec<UserRef>,
    /// The pool that they may claim devices of.
    #[schema(value_type = Option<String>)]
    pub pool: Option<PoolName>,
    /// Where it was last configured: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// Which groups.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupFilter {
    /// Bound to this pool; `Some(None)`: to none.
    pub pool: Option<Option<PoolName>>,
}

impl Look<'_> {
    /// The group of this name.
    pub fn group(&self, name: &GroupName) -> Option<GroupView> {
        let group = self.cluster().group(name)?;
        self.sees_group(name).then(|| self.show_group(group))
    }

    /// Groups by name.
    ///
    /// # Errors
    /// None at present.
    pub fn groups(&self, filter: &GroupFilter, page: &Page) -> Result<Listed<GroupView>, PageError> {
        let from = page.after().map_or(Bound::Unbounded, Bound::Excluded);
        let groups = self.cluster().groups().range::<str, _>((from, Bound::Unbounded)).map(|(_, group)| group);
        let groups = groups.filter(|group| self.sees_group(&group.name));
        let groups = groups.filter(|group| filter.pool.as_ref().is_none_or(|pool| *pool == group.pool));
        Ok(page.take(self.position(), groups, |group| group.name.to_string(), |group| self.show_group(group)))
    }

    fn show_group(&self, group: &Group) -> GroupView {
        let mut users: Vec<UserRef> = group.users.iter().map(|id| self.user_ref(*id)).collect();
        users.sort_unstable_by(|a, b| a.login.cmp(&b.login));
        GroupView { name: group.name.clone(), users, pool: group.pool.clone(), revision: group.revision }
    }
}
