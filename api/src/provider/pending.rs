use super::ProviderError;
use crate::settings::Secret;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use bus::clock::Entropy;
use reqwest::Url;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What is kept on the server between the two halves of a sign-in. It serves once; how long it is kept is the caller's to bound,
/// and that it is the same browser which comes back.
pub struct Pending {
    provider: String,
    state: Secret,
    verifier: Secret,
    nonce: Secret,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending(…)")
    }
}

impl Pending {
    pub(super) fn new(provider: String, entropy: &dyn Entropy) -> Self {
        let [state, verifier, nonce] = std::array::from_fn(|_| unguessable(entropy));
        Self { provider, state, verifier, nonce }
    }

    /// What the provider sends back with its answer, by which this is found again.
    pub fn state(&self) -> &str {
        self.state.reveal()
    }

    /// The PKCE verifier (RFC 7636).
    pub(super) const fn verifier(&self) -> &Secret {
        &self.verifier
    }

    pub(super) const fn nonce(&self) -> &Secret {
        &self.nonce
    }

    /// Writes what every authorization request says into its address (RFC 6749 §4.1.1, RFC 7636 §4.3).
    pub(super) fn write(&self, address: &mut Url, client_id: &str, callback: &Url, scope: &str) {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.reveal()));
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client_id)
            .append_pair("redirect_uri", callback.as_str())
            .append_pair("scope", scope)
            .append_pair("state", self.state.reveal())
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
    }

    /// Whether this answer is that to this beginning.
    pub(super) fn fits(&self, provider: &str, answer: &Answer) -> Result<(), ProviderError> {
        if self.provider != provider {
            return Err(ProviderError::Answer("the provider's settings have changed meanwhile"));
        }
        match &answer.state {
            Some(state) if same(state, &self.state) => Ok(()),
            _ => Err(ProviderError::Answer("the answer is not that to the sign-in which was begun here")),
        }
    }
}

/// Compares without telling by its time how much of it is right.
pub(super) fn same(text: &str, secret: &Secret) -> bool {
    text.as_bytes().ct_eq(secret.reveal().as_bytes()).into()
}

/// 256 bits as text.
fn unguessable(entropy: &dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(&mut *bytes);
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(*bytes))
}

/// What the browser came back with, as the query has it (RFC 6749 §4.1.2, RFC 9207).
#[derive(Clone, Default, Deserialize)]
pub struct Answer {
    /// What the provider is asked with who it was.
    pub code: Option<String>,
    /// What it was given when this was begun.
    pub state: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(…)")
    }
}

impl Answer {
    /// The code, or why there is none.
    pub(super) fn code(&self) -> Result<&str, ProviderError> {
        match (&self.error, &self.code) {
            // What they are is in RFC 6749 §4.1.2.1 and OpenID Connect Core §3.1.2.6; anybody may write anything there.
            (Some(error), _) => Err(match error.as_str() {
                "access_denied" => ProviderError::Refused("they did not agree, or may not sign in"),
                "temporarily_unavailable" | "server_error" => ProviderError::Refused("it can't now, try again"),
                "redirect_uri_mismatch" => {
                    ProviderError::Refused("it does not know the callback address of this server")
                }
                "unauthorized_client" | "application_suspended" => {
                    ProviderError::Refused("this client may not ask who somebody is")
                }
                "invalid_scope" => ProviderError::Refused("it does not know the scopes that are asked for"),
                "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
                    ProviderError::Refused("they have to sign in there first")
                }
                _ => ProviderError::Refused("it gives no code; its own log may say why"),
            }),
            (None, Some(code)) if !code.is_empty() => Ok(code),
            (None, _) => Err(ProviderError::Answer("the answer holds no code")),
        }
    }
}
