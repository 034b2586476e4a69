//! One request to the server, before it is sent.
use crate::secret_bytes::SecretBytes;
use reqwest::{
    Method, Url,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::Value;
use zeroize::Zeroize as _;

/// A request: what to ask, and whether asking twice is harmless.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(super) method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Content>,
    pub(super) repeatable: bool,
    pub(super) key: Option<String>,
}

/// What a request says. There may be a password in it: its texts are wiped from memory, and never printed.
#[derive(Clone)]
pub(super) struct Content(Value);

impl Content {
    /// As it is sent.
    pub(super) fn to_json(&self) -> SecretBytes {
        let mut json = SecretBytes::default();
        serde_json::to_writer(&mut json, &self.0).expect("a JSON value is JSON");
        json
    }
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content(…)")
    }
}

impl Drop for Content {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

impl Call {
    /// A request with this method for `/v1/…`; the parts of the path are taken literally.
    pub(super) fn new<const N: usize>(method: Method, path: [&str; N]) -> Self {
        let repeatable = method == Method::GET;
        let path = std::iter::once("v1").chain(path).map(str::to_owned).collect();
        Self { method, path, query: vec![], headers: HeaderMap::new(), body: None, repeatable, key: None }
    }

    /// Reads.
    pub(super) fn get<const N: usize>(path: [&str; N]) -> Self {
        Self::new(Method::GET, path)
    }

    /// Makes something.
    pub(super) fn post<const N: usize>(path: [&str; N], body: Value) -> Self {
        Self::new(Method::POST, path).body(body)
    }

    /// Changes something.
    pub(super) fn patch<const N: usize>(path: [&str; N], body: Value) -> Self {
        Self::new(Method::PATCH, path).body(body)
    }

    /// Replaces something.
    pub(super) fn put<const N: usize>(path: [&str; N], body: Value) -> Self {
        Self::new(Method::PUT, path).body(body)
    }

    /// Ends something.
    pub(super) fn delete<const N: usize>(path: [&str; N]) -> Self {
        Self::new(Method::DELETE, path)
    }

    fn body(mut self, body: Value) -> Self {
        self.body = Some(Content(body));
        self
    }

    /// With a parameter.
    pub(super) fn query(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// With a parameter, if it has a value.
    pub(super) fn query_some(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, &value),
            None => self,
        }
    }

    /// With this parameter alone of its name.
    pub(super) fn query_instead(mut self, name: &'static str, value: &impl ToString) -> Self {
        self.query.retain(|(other, _)| *other != name);
        self.query(name, value)
    }

    /// With a header.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Says that asking twice is harmless.
    pub(super) const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Under an idempotency key, which makes asking twice harmless.
    pub(super) fn keyed(mut self, key: String) -> Self {
        let value =
            HeaderValue::from_str(&key).expect("a key is visible ASCII: made so, or checked when it was parsed");
        self.key = Some(key);
        self.header(HeaderName::from_static("idempotency-key"), value).repeatable()
    }

    /// Its address on that server.
    pub(super) fn url(&self, server: &Url) -> Url {
        let mut url = server.clone();
        url.path_segments_mut()
            .expect("an http address has a path: checked when it was parsed")
            .pop_if_empty()
            .extend(&self.path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Planted;
    use serde_json::json;

    #[test]
    fn a_secret_that_was_sent_is_not_left_in_memory() {
        let planted = Planted::new();
        {
            let call = Call::put(["auth", "backend"], json!({ "kind": "oidc", "in": [planted.text().as_str()] }));
            let sent = call.clone().body.unwrap().to_json();
            assert!(sent.starts_with(b"{") && sent.len() > planted.text().len());
            assert!(format!("{call:?}").contains("body: Some(Content(…))"));
        }
        planted.is_gone();
    }

    #[test]
    fn parts_of_a_path_are_taken_literally() {
        let url = Call::get(["users", "a/b?c#d"]).query("group", &"x&y").url(&"https://host/base/".parse().unwrap());
        assert_eq!(url.as_str(), "https://host/base/v1/users/a%2Fb%3Fc%23d?group=x%26y");
        let url = Call::get(["pools"]).url(&"http://127.0.0.1:8080".parse().unwrap());
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/v1/pools");
    }

    #[test]
    fn what_is_keyed_may_be_repeated() {
        assert!(!Call::delete(["pools", "x"]).repeatable);
        assert!(Call::delete(["pools", "x"]).keyed("k".to_owned()).repeatable);
        assert!(Call::get(["pools"]).repeatable);
    }
}
