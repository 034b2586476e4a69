//! Users: on-boarded people.
use super::{BackendKind, Listed, Look, Page, PageError, Role, Sight};
use domain::{GroupName, JobId, Login, Position, Timestamp, UserId, user::User};
use serde::Serialize;
use std::ops::Bound;
use utoipa::ToSchema;

/// A user, named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserRef {
    /// Their id, for ever.
    #[schema(value_type = String, format = Uuid)]
    pub id: UserId,
    /// Their login at that position; null for one who never was.
    #[schema(value_type = Option<String>)]
    pub login: Option<Login>,
}

/// A user as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that clients read by name")]
pub struct UserView {
    /// Their id, for ever.
    #[schema(value_type = String, format = Uuid)]
    pub id: UserId,
    /// The login at the sign-in backend.
    #[schema(value_type = String)]
    pub login: Login,
    /// What they may do.
    pub role: Role,
    /// Their group.
    #[schema(value_type = Option<String>)]
    pub group: Option<GroupName>,
    /// The pool that they may claim devices of: their group's.
    #[schema(value_type = Option<String>)]
    pub pool: Option<domain::PoolName>,
    /// Whether they are shut out.
    pub suspended: bool,
    /// Whether this is the operator who remains when single sign-on is wrong.
    pub break_glass: bool,
    /// The sort of sign-in backend that they belong to.
    pub backend: BackendKind,
    /// Whether they can sign in: they belong to the active backend, or remain under every one, have
    /// a password where they are known here, and are not shut out.
    pub can_sign_in: bool,
    /// Whether they have a local password.
    pub has_password: bool,
    /// Until when they may choose a local password by their invitation; null without one that holds.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub invited_until: Option<Timestamp>,
    /// Their active jobs, the oldest first.
    #[schema(value_type = Vec<String>)]
    pub jobs: Vec<JobId>,
    /// When they last signed in; null if that was never recorded. Of many sign-ins within minutes not each is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_sign_in: Option<Timestamp>,
    /// When they were on-boarded.
    #[schema(value_type = String, format = DateTime)]
    pub onboarded_at: Timestamp,
    /// Where they were last configured: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// Which users: those that meet all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// In this group; `Some(None)`: in none.
    pub group: Option<Option<GroupName>>,
    /// Of this role.
    pub role: Option<Role>,
    /// Shut out, or not.
    pub suspended: Option<bool>,
}

impl Look<'_> {
    /// The user with this login.
    pub fn user(&self, login: &Login) -> Option<UserView> {
        let user = self.cluster().user_by_login(login)?;
        self.sees_of(Some(user.id)).then(|| self.show_user(user))
    }

    /// Users by login.
    ///
    /// # Errors
    /// The cursor leads nowhere: the user that it names was erased.
    pub fn users(&self, filter: &UserFilter, page: &Page) -> Result<Listed<UserView>, PageError> {
        // The cursor is an id, so that no login stands in an address.
        let after = match page.after_id::<UserId>()? {
            Some(id) => Some(self.names().last_login(id).ok_or(PageError::Cursor)?),
            None => None,
        };
        if after.is_some_and(|login| login.as_str().starts_with("erased-")) {
            return Err(PageError::Cursor);
        }
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let ids: Box<dyn Iterator<Item = UserId>> = match self.sight {
            Sight::All => {
                Box::new(self.cluster().logins().range::<Login, _>((from, Bound::Unbounded)).map(|(_, id)| *id))
            }
            Sight::Own(me) => Box::new((after.is_none()).then_some(me).into_iter()),
        };
        let users = ids.filter_map(|id| self.cluster().user(id)).filter(|user| filter.admits(user));
        Ok(page.take(self.position(), users, |user| user.id.to_string(), |user| self.show_user(user)))
    }

    pub(super) fn user_ref(&self, id: UserId) -> UserRef {
        UserRef { id, login: self.names().login(id, self.position()).cloned() }
    }

    fn show_user(&self, user: &User) -> UserView {
        UserView {
            id: user.id,
            login: user.login.clone(),
            role: user.role.into(),
            group: user.group.clone(),
            pool: self.pool_of(user.id).cloned(),
            suspended: user.suspended,
            break_glass: user.break_glass,
            backend: user.identity.as_ref().map_or(BackendKind::Local, |identity| identity.realm.kind.into()),
            can_sign_in: !user.suspended
                && self.cluster().sign_in().knows(user)
                && (user.identity.is_some() || user.password.is_some()),
            has_password: user.password.is_some(),
            invited_until: user
                .invitation
                .as_ref()
                .map(|invitation| invitation.until)
                .filter(|until| self.time < *until && !user.suspended),
            jobs: user.jobs.iter().copied().collect(),
            last_sign_in: user.signed_in_at,
            onboarded_at: user.onboarded_at,
            revision: user.revision,
        }
    }
}

impl UserFilter {
    fn admits(&self, user: &User) -> bool {
        self.group.as_ref().is_none_or(|group| *group == user.group)
            && self.role.is_none_or(|role| role == user.role.into())
            && self.suspended.is_none_or(|suspended| suspended == user.suspended)
    }
}
