use crate::http::app::App;
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method},
    response::Response,
};

/// The header that says since when no agent can be heard, so that what is shown of nodes and devices is as it was then.
const UNHEARD: HeaderName = HeaderName::from_static("dkube-unheard-since");

/// The queries whose answers depend on what agents tell.
const QUERIES: [&str; 11] = [
    "/v1/alerts",
    "/v1/devices",
    "/v1/devices/{uuid}",
    "/v1/idle-devices",
    "/v1/jobs",
    "/v1/jobs/{id}",
    "/v1/nodes",
    "/v1/nodes/{name}",
    "/v1/overview",
    "/v1/pools",
    "/v1/pools/{name}",
];

/// Whether the answers to this query say since when no agent can be heard.
pub(in crate::http) fn tells_unheard(method: &Method, route: &str) -> bool {
    *method == Method::GET && QUERIES.contains(&route)
}

/// Whether a request asks how nodes and devices are at present.
pub(super) struct Present(bool);

impl Present {
    /// Of this request: the past is told whoever is heard now.
    pub(super) fn of(request: &Request) -> Self {
        let route = request.extensions().get::<MatchedPath>();
        let tells = route.is_some_and(|route| tells_unheard(request.method(), route.as_str()));
        let query = request.uri().query().unwrap_or_default();
        Self(tells && form_urlencoded::parse(query.as_bytes()).all(|(name, _)| name != "as_of"))
    }

    /// Says since when no agent can be heard, if that is so.
    pub(super) fn tell(self, app: &App, response: &mut Response) {
        let since = app.parts.vitals.unheard_since().filter(|_| self.0 && response.status().is_success());
        if let Some(since) = since {
            let since = HeaderValue::from_str(&since.to_string()).expect("a time is a header value");
            response.headers_mut().insert(UNHEARD, since);
        }
    }
}
