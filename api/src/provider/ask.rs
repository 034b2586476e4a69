//! Requests to providers, and what they answer.
use super::ProviderError;
use crate::{egress, secret_bytes::SecretBytes, settings::Secret};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{
    Method, Request, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A request for JSON.
pub(super) fn request(method: Method, url: Url) -> Request {
    let mut request = Request::new(method, url);
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

/// A request that sends these fields as a form.
pub(super) fn form(url: Url, fields: &[(&str, &str)]) -> Request {
    let mut request = request(Method::POST, url);
    // With room for all of it, each byte as %XX: what it grew out of would not be wiped.
    let most = fields.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let body = form_urlencoded::Serializer::new(String::with_capacity(most)).extend_pairs(fields).finish();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    *request.body_mut() = Some(SecretBytes::from(body).into_shared().into());
    request
}

/// The request with a JSON object that has this secret in a field of that name.
pub(super) fn with_json(mut request: Request, name: &'static str, secret: &Secret) -> Request {
    let mut body = SecretBytes::with_capacity(name.len() + 2 * secret.reveal().len() + 16);
    serde_json::to_writer(&mut body, &BTreeMap::from([(name, secret.reveal())])).expect("texts are JSON");
    *request.body_mut() = Some(body.into_shared().into());
    request
}

/// Shows a token (RFC 6750).
pub(super) fn bearer(request: &mut Request, token: &Secret) -> Result<(), ProviderError> {
    authorize(request, &Zeroizing::new(format!("Bearer {}", token.reveal())))
}

/// Shows a client's id and secret (RFC 7617).
pub(super) fn basic(request: &mut Request, id: &str, secret: &str) -> Result<(), ProviderError> {
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    authorize(request, &Zeroizing::new(format!("Basic {}", BASE64_STANDARD.encode(&*pair))))
}

fn authorize(request: &mut Request, value: &str) -> Result<(), ProviderError> {
    let value = HeaderValue::from_str(value);
    let mut value = value.map_err(|_| ProviderError::Refused("the token holds what can't be sent: copy it anew"))?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Ok(())
}

/// What the body says, if it is what it should be. Why it is not would quote it.
pub(super) fn json<T: DeserializeOwned>(answer: &egress::Answer, otherwise: &'static str) -> Result<T, ProviderError> {
    serde_json::from_slice(&answer.body).map_err(|_| ProviderError::Malformed(otherwise))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Planted;

    #[test]
    fn what_was_sent_leaves_no_secret() {
        let planted = Planted::new();
        let url: Url = "https://provider.example/token".parse().unwrap();
        {
            let secret = planted.text();
            let sent = form(url.clone(), &[("code", "a b"), ("client_secret", &secret), ("also", "ü")]);
            let body = sent.body().and_then(reqwest::Body::as_bytes).unwrap();
            assert!(body.starts_with(b"code=a+b&client_secret=") && body.ends_with("&also=%C3%BC".as_bytes()));
            drop(with_json(request(Method::DELETE, url), "access_token", &Secret::from(secret)));
        }
        planted.is_gone();
    }
}
