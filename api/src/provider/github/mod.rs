//! GitHub, on github.com, on a company's own ghe.com, and as Enterprise Server: an OAuth app's web flow.
mod address;
mod api;
mod members;
mod sign_in;
#[cfg(test)]
mod tests;

use crate::settings::Secret;
use reqwest::Url;

/// An OAuth app on GitHub, and the organization whose members may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHub {
    /// The organization's name, as its address has it.
    pub organization: String,
    /// The OAuth app's client id.
    pub client_id: String,
    /// The OAuth app's client secret.
    pub client_secret: Secret,
    /// A token of one of the organization's members that may read it (`read:org`): without it only public members are listed.
    pub directory_token: Option<Secret>,
    /// Where GitHub is: `https://github.com`, or a company's own.
    pub base_url: Url,
}
