//! The code, given for tokens (`OpenID` Connect Core 1.0 §3.1.3).
use super::{
    Oidc,
    metadata::{Metadata, SecretIn},
};
use crate::{
    provider::{Outside, Pending, ProviderError, ask},
    settings::Secret,
};
use reqwest::Url;
use serde::Deserialize;
use zeroize::Zeroizing;

/// What the code was good for.
pub(super) struct Tokens {
    pub(super) id: Secret,
    pub(super) access: Option<Secret>,
}

#[derive(Deserialize)]
struct Given {
    id_token: Option<Secret>,
    access_token: Option<Secret>,
}

#[derive(Deserialize, Default)]
struct Refusal {
    #[serde(default)]
    error: String,
}

impl Oidc {
    pub(super) async fn exchange(
        &self,
        outside: &Outside,
        metadata: &Metadata,
        callback: &Url,
        pending: &Pending,
        code: &str,
    ) -> Result<Tokens, ProviderError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", callback.as_str()),
            ("code_verifier", pending.verifier().reveal()),
        ];
        if metadata.secret_in == SecretIn::Body {
            fields.extend([("client_id", self.client_id.as_str()), ("client_secret", self.client_secret.reveal())]);
        }
        let mut request = ask::form(metadata.token.clone(), &fields);
        if metadata.secret_in == SecretIn::Header {
            // RFC 6749 §2.3.1: each is encoded like a form's field first.
            let (id, secret) = (encoded(&self.client_id), encoded(self.client_secret.reveal()));
            ask::basic(&mut request, &id, &secret)?;
        }
        let answer = outside.ask(request).await?;
        if !answer.status.is_success() {
            // Some refuse with a page.
            let refusal: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
            return Err(refused(&refusal.error));
        }
        let given: Given = ask::json(&answer, "the provider's answer to the code has not its form")?;
        let id =
            given.id_token.ok_or(ProviderError::Malformed("the provider's answer to the code holds no ID token"))?;
        Ok(Tokens { id, access: given.access_token })
    }
}

fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(form_urlencoded::byte_serialize(text.as_bytes()).collect())
}

/// The errors of RFC 6749 §5.2.
fn refused(error: &str) -> ProviderError {
    match error {
        "invalid_grant" => ProviderError::Answer("the code is wrong, spent or too old"),
        "invalid_client" => ProviderError::Refused("the client id or the client secret is wrong"),
        "unauthorized_client" | "unsupported_grant_type" => {
            ProviderError::Refused("this client may not exchange a code for tokens")
        }
        "invalid_scope" => ProviderError::Refused("it does not know the scopes that are asked for"),
        _ => ProviderError::Refused("it gives no tokens for the code; its own log may say why"),
    }
}
