//! `OpenID` Connect: the authorization code flow with PKCE, a nonce and RFC 9207's `iss`, for a client that has a secret.
mod exchange;
mod issuers;
mod keys;
mod login;
mod metadata;
mod sign_in;
#[cfg(test)]
mod tests;
mod token;

pub(super) use issuers::Issuers;

use crate::settings::Secret;
use reqwest::Url;

/// A client of a provider of `OpenID` Connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// Who vouches for people, exactly as it names itself: a slash at the end counts. Only where it is a bare host, it does not.
    pub issuer: Url,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// What is asked for: `openid`, which is always asked for, and whatever makes the provider say the login.
    pub scopes: Vec<String>,
    /// The claim that holds the login, as `preferred_username`; `email` counts only where the provider verified it.
    pub login_claim: String,
}
