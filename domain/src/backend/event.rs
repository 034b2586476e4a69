use super::{BackendKind, Provider, Shown};
use crate::{
    Login, UserId,
    published::{Shape, Shaped, events},
};
use serde::{Serialize, Serializer};

events! {
    /// What happened to the sign-in backend. Serialised for publication, so logins and secrets are left out.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// People shall be known elsewhere, as soon as its operator has signed in through it.
        Proposed = "AuthBackendProposed" {
            /// Where, without secrets.
            provider: Box<Provider>,
            /// Its operator: who they are, or will be.
            operator: UserId,
            /// Whether they are said to be that user already: then whoever signs in is.
            linked: bool,
            /// What they are called there: personal.
            #[serde(skip)]
            login: Login,
        },
        /// What was proposed is wished for no more.
        Withdrawn = "AuthBackendProposalWithdrawn" {
            /// Who would have been its operator.
            operator: UserId,
        },
        /// Another backend holds, proven by a sign-in through it. The sessions and tokens of all but the break-glass operator end.
        Activated = "AuthBackendActivated" {
            /// The sort of backend.
            kind: BackendKind,
            /// Who proved it.
            operator: UserId,
        },
        /// The same backend is spoken to with other credentials, which are secret.
        CredentialsUpdated = "CredentialsUpdated" {
            /// The backend as it is spoken to now, without secrets.
            provider: Box<Provider>,
            /// Whether the client's secret is another one.
            client_secret: bool,
            /// Whether the token that lists an organization's members is another one, or gone.
            directory_token: bool,
        },
    }
}

impl Serialize for Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.shown().serialize(serializer)
    }
}

impl Shaped for Box<Provider> {
    const SHAPE: Shape = Shown::SHAPE;
}
