use super::{BackendKind, Identity, Provider};
use crate::{Login, Position, Timestamp, UserId, user::User};

/// A backend that waits for its operator to sign in through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The backend.
    pub provider: Provider,
    /// Its operator: who they are here already, or will be.
    pub operator: UserId,
    /// Whether they are said to be that user already: then whoever signs in is.
    pub linked: bool,
    /// What they are called there.
    pub login: Login,
    /// When it was proposed.
    pub proposed_at: Timestamp,
    /// Where: which proposal this is.
    pub revision: Position,
}

/// How people sign in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SignIn {
    /// Where they are known; none: here.
    pub provider: Option<Provider>,
    /// Since when; none: since the founding.
    pub since: Option<Timestamp>,
    /// When its credentials were last set.
    pub credentials_at: Option<Timestamp>,
    /// What shall take its place.
    pub proposal: Option<Proposal>,
    /// Where it was last configured.
    pub revision: Position,
}

impl SignIn {
    /// The sort of backend.
    pub fn kind(&self) -> BackendKind {
        self.provider.as_ref().map_or(BackendKind::Local, Provider::kind)
    }

    /// Whether the user is one of this backend's, or remains under every one.
    pub fn knows(&self, user: &User) -> bool {
        Self::knows_at(self.provider.as_ref(), user)
    }

    /// Likewise, were people known by that provider (none: here).
    pub(crate) fn knows_at(provider: Option<&Provider>, user: &User) -> bool {
        user.break_glass || belongs(provider, user.identity.as_ref())
    }

    /// Whether somebody with this identity (none: whose password is kept here) belongs to this backend.
    pub(crate) fn is_of(&self, identity: Option<&Identity>) -> bool {
        belongs(self.provider.as_ref(), identity)
    }
}

fn belongs(provider: Option<&Provider>, identity: Option<&Identity>) -> bool {
    match (provider, identity) {
        (None, None) => true,
        (Some(provider), Some(identity)) => provider.realm() == identity.realm,
        (None, Some(_)) | (Some(_), None) => false,
    }
}
