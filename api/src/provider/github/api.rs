use super::GitHub;
use crate::{
    egress::Answer,
    provider::{Outside, ProviderError, ask},
    settings::Secret,
};
use reqwest::{
    Method, Request, Url,
    header::{ACCEPT, HeaderName, HeaderValue},
};

const VERSION: HeaderName = HeaderName::from_static("x-github-api-version");

/// A request to the API, in the version that this is written for.
pub(super) fn request(method: Method, url: Url) -> Request {
    let mut request = ask::request(method, url);
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    headers.insert(VERSION, HeaderValue::from_static("2022-11-28"));
    request
}

impl GitHub {
    /// Reads something of the API, as whom the token belongs to.
    pub(super) async fn read(
        &self,
        outside: &Outside,
        url: Url,
        token: Option<&Secret>,
    ) -> Result<Answer, ProviderError> {
        let mut request = request(Method::GET, url);
        if let Some(token) = token {
            ask::bearer(&mut request, token)?;
        }
        outside.ask(request).await
    }
}
