//! Sign-in providers: who somebody is at GitHub, or at any provider of `OpenID` Connect.
//!
//! A sign-in has two halves. [`Provider::begin`] says where the browser goes, and what is kept until it is back;
//! [`Provider::finish`] takes what it came back with, asks the provider, and says who it is. What that person may do here, and
//! whether their login is one, is the caller's to judge. Everything is asked through [`Egress`](crate::egress::Egress).
mod ask;
mod error;
mod github;
mod limits;
mod oidc;
mod outside;
mod pending;
#[cfg(test)]
mod testing;

pub use error::ProviderError;
pub use github::GitHub;
pub use oidc::Oidc;
pub use outside::Outside;
pub use pending::{Answer, Pending};

use reqwest::Url;

/// Who somebody is at a provider.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person {
    /// What never changes: GitHub's numeric id, or the `sub` of an issuer.
    pub subject: String,
    /// What they are called there now.
    pub login: String,
}

/// Who is asked who somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// GitHub, for the members of one organization.
    GitHub(GitHub),
    /// A provider of `OpenID` Connect, for everybody whom it lets through.
    Oidc(Oidc),
}

impl Provider {
    /// Begins a sign-in: where the browser goes, and what is kept on the server until it is back at `callback`.
    ///
    /// # Errors
    /// The provider's address is out of bounds, or it can't be asked what it supports.
    pub async fn begin(&self, outside: &Outside, callback: &Url) -> Result<(Url, Pending), ProviderError> {
        let pending = Pending::new(self.identity(), outside.entropy());
        let address = match self {
            Self::GitHub(github) => github.begin(outside, callback, &pending)?,
            Self::Oidc(oidc) => oidc.begin(outside, callback, &pending).await?,
        };
        Ok((address, pending))
    }

    /// Ends a sign-in: who it was. `callback` is that of its beginning.
    ///
    /// # Errors
    /// The answer does not belong to this beginning, the provider refuses or fails, or they are not to come in.
    pub async fn finish(
        &self,
        outside: &Outside,
        callback: &Url,
        pending: Pending,
        answer: Answer,
    ) -> Result<Person, ProviderError> {
        pending.fits(&self.identity(), &answer)?;
        match self {
            Self::GitHub(github) => github.finish(outside, callback, &pending, &answer).await,
            Self::Oidc(oidc) => oidc.finish(outside, callback, &pending, &answer).await,
        }
    }

    /// What tells it from every other, so that one provider's answer is never taken for another's.
    fn identity(&self) -> String {
        match self {
            Self::GitHub(github) => format!("github {} {}", github.base_url, github.client_id),
            Self::Oidc(oidc) => format!("oidc {} {}", oidc.issuer, oidc.client_id),
        }
    }
}
