use super::{BackendKind, Credentials, Realm, Secret};
use crate::{ProviderUrl, ProviderWord, published::record};
use serde::Serialize;

/// A GitHub organization, through an OAuth app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHub {
    /// GitHub's address: `https://github.com`, or an Enterprise server's.
    pub base_url: ProviderUrl,
    /// Whose members may be on-boarded.
    pub organization: ProviderWord,
    /// The OAuth app's id.
    pub client_id: ProviderWord,
    /// The OAuth app's secret.
    pub client_secret: Secret,
    /// A member's token that may read the organization: with it, private members are listed too.
    pub directory_token: Option<Secret>,
}

/// An OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// The issuer, exactly as the provider writes it.
    pub issuer: ProviderUrl,
    /// The client's id.
    pub client_id: ProviderWord,
    /// The client's secret.
    pub client_secret: Secret,
    /// What is asked for besides `openid`.
    pub scopes: Vec<ProviderWord>,
    /// The claim that is somebody's login.
    pub login_claim: ProviderWord,
}

/// Where people are known, if not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// A GitHub organization.
    GitHub(GitHub),
    /// An OpenID provider.
    Oidc(Oidc),
}

record! {
    /// A sign-in provider, without its secrets.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct Shown {
        /// The sort of provider.
        pub kind: BackendKind,
        /// GitHub's address, or the issuer.
        pub address: ProviderUrl,
        /// The client's id there.
        pub client_id: ProviderWord,
        /// GitHub's organization; null for others.
        pub organization: Option<ProviderWord>,
        /// What is asked for of an OpenID provider.
        pub scopes: Vec<ProviderWord>,
        /// The claim that is somebody's login; null for GitHub.
        pub login_claim: Option<ProviderWord>,
        /// Whether there is a token that lists an organization's private members.
        pub directory_token: bool,
    }
}

impl Provider {
    /// The most scopes that are asked for.
    pub(super) const SCOPES_MAX: usize = 16;

    /// The sort.
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::GitHub(_) => BackendKind::GitHub,
            Self::Oidc(_) => BackendKind::Oidc,
        }
    }

    /// Where its people mean something.
    pub fn realm(&self) -> Realm {
        Realm { kind: self.kind(), address: self.address().clone() }
    }

    const fn address(&self) -> &ProviderUrl {
        match self {
            Self::GitHub(github) => &github.base_url,
            Self::Oidc(oidc) => &oidc.issuer,
        }
    }

    /// What proves this server to it.
    pub const fn client_secret(&self) -> &Secret {
        match self {
            Self::GitHub(GitHub { client_secret, .. }) | Self::Oidc(Oidc { client_secret, .. }) => client_secret,
        }
    }

    /// The token that lists an organization's members.
    pub const fn directory_token(&self) -> Option<&Secret> {
        match self {
            Self::GitHub(github) => github.directory_token.as_ref(),
            Self::Oidc(_) => None,
        }
    }

    /// All of it that may be shown.
    pub fn shown(&self) -> Shown {
        let (kind, address) = (self.kind(), self.address().clone());
        match self {
            Self::GitHub(GitHub { organization, client_id, directory_token, .. }) => Shown {
                kind,
                address,
                client_id: client_id.clone(),
                organization: Some(organization.clone()),
                scopes: vec![],
                login_claim: None,
                directory_token: directory_token.is_some(),
            },
            Self::Oidc(Oidc { client_id, scopes, login_claim, .. }) => Shown {
                kind,
                address,
                client_id: client_id.clone(),
                organization: None,
                scopes: scopes.clone(),
                login_claim: Some(login_claim.clone()),
                directory_token: false,
            },
        }
    }

    /// With other credentials.
    pub(super) fn with(&self, credentials: &Credentials) -> Self {
        let mut changed = self.clone();
        let (id, secret) = match &mut changed {
            Self::GitHub(GitHub { client_id, client_secret, .. })
            | Self::Oidc(Oidc { client_id, client_secret, .. }) => (client_id, client_secret),
        };
        if let Some(client_id) = &credentials.client_id {
            id.clone_from(client_id);
        }
        if let Some(client_secret) = &credentials.client_secret {
            secret.clone_from(client_secret);
        }
        if let (Self::GitHub(github), Some(token)) = (&mut changed, &credentials.directory_token) {
            github.directory_token.clone_from(token);
        }
        changed
    }
}
