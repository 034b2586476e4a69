use super::EgressError;
use crate::secret_bytes::SecretBytes;
use reqwest::{Response, StatusCode, Url, header::HeaderMap};
use std::fmt;

/// What came back, with its whole body.
pub struct Answer {
    /// Its status, whatever it is.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Who answered: another address than that which was asked, where redirects led there.
    pub url: Url,
    /// Its body: there may be a token in it.
    pub body: SecretBytes,
}

impl fmt::Debug for Answer {
    // The rest may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    pub(super) async fn read(mut response: Response, limit: usize) -> Result<Self, EgressError> {
        let host = response.url().host_str().unwrap_or_default().to_owned();
        let mut body = SecretBytes::default();
        while let Some(chunk) = response.chunk().await.map_err(|error| EgressError::of(&host, &error))? {
            if body.len() + chunk.len() > limit {
                return Err(EgressError::TooLarge { host });
            }
            body.extend(&chunk);
        }
        let (status, url) = (response.status(), response.url().clone());
        Ok(Self { status, headers: std::mem::take(response.headers_mut()), url, body })
    }
}
