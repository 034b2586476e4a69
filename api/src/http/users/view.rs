use crate::http::{auth::LastSeenView, input::Look};
use projections::view::UserView;
use serde::Serialize;

/// A user as they stand, and what is measured of them.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct UserWithSignIn {
    /// The user.
    #[serde(flatten)]
    user: UserView,
    /// When they last signed in with a password, since the server's start. Left out of a look at the past.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in: Option<LastSeenView>,
}

impl UserWithSignIn {
    /// The user, as they are looked at.
    pub(super) fn of<Q>(look: &Look<Q>, user: UserView) -> Self {
        let last_sign_in = look.is_present().then(|| look.app().last_seen.sign_in(user.id));
        Self { user, last_sign_in }
    }
}
