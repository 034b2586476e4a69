use super::{Identity, Provider, Secret};
use crate::{Login, Position, ProviderWord};

/// What may be wished for the sign-in backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// People shall be known there from now on, once that was proven.
    Propose {
        /// Where.
        provider: Provider,
        /// What its operator is called there.
        operator: Login,
        /// The user who that is here already. A switch links nobody else.
        link: Option<Login>,
    },
    /// The operator of the proposal has signed in through it: it takes effect.
    Activate {
        /// Which proposal: where it was recorded.
        proposal: Position,
        /// Who signed in.
        identity: Identity,
        /// What they are called there.
        login: Login,
    },
    /// People shall be known here again. Whoever asks for it has signed in with a password that is kept here.
    Return,
    /// The same backend is spoken to with other credentials.
    UpdateCredentials(Credentials),
}

/// Other credentials for a provider; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// The client's id there.
    pub client_id: Option<ProviderWord>,
    /// The client's secret.
    pub client_secret: Option<Secret>,
    /// The token that lists an organization's members (`Some(None)`: none any more).
    pub directory_token: Option<Option<Secret>>,
}
