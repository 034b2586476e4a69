//! What is shown once: wiped from memory when it was sent.
use crate::{http::problem::Problem, secret_bytes::SecretBytes};
use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::{Serialize, Serializer};
use std::fmt;
use zeroize::Zeroizing;

/// A secret in the one answer that shows it: it can be sent and not printed.
#[derive(Clone)]
pub(crate) struct Revealed(Zeroizing<String>);

impl Revealed {
    /// This one.
    pub(crate) fn new(secret: &str) -> Self {
        Self(Zeroizing::new(secret.to_owned()))
    }
}

impl Serialize for Revealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Debug for Revealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Revealed(…)")
    }
}

/// An answer in JSON that may hold a secret.
#[derive(Debug)]
pub(crate) struct SecretJson<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for SecretJson<T> {
    fn into_response(self) -> Response {
        let mut body = SecretBytes::default();
        match serde_json::to_writer(&mut body, &self.0) {
            Ok(()) => {
                let json = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, json)], body.into_shared()).into_response()
            }
            Err(error) => Problem::fault("an answer can't be written", &error).into_response(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Planted;

    #[test]
    fn an_answer_that_was_sent_leaves_no_secret() {
        #[derive(Debug, Serialize)]
        struct Answer {
            code: Revealed,
        }
        let planted = Planted::new();
        {
            let answer = SecretJson(Answer { code: Revealed::new(&planted.text()) });
            assert_eq!(format!("{answer:?}"), "SecretJson(Answer { code: Revealed(…) })");
            let response = answer.into_response();
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        }
        planted.is_gone();
    }
}
