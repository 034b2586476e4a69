use crate::http::app::App;
use axum::{
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    response::Response,
};

/// The page at `/docs` runs its own scripts; its style sheet sets styles in place.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                           img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What an answer may do in a browser.
pub(super) struct Policy {
    content: &'static str,
    over_tls: bool,
}

impl Policy {
    /// That of the answer to this request.
    pub(super) fn of(app: &App, request: &Request) -> Self {
        let content = if request.uri().path().starts_with("/docs") { DOCS_POLICY } else { POLICY };
        Self { content, over_tls: app.settings().over_tls() }
    }

    /// Says to browsers what they must not do with the answer.
    pub(super) fn harden(&self, response: &mut Response) {
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &'static str| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::X_FRAME_OPTIONS, "DENY");
        set(header::REFERRER_POLICY, "no-referrer");
        set(header::CONTENT_SECURITY_POLICY, self.content);
        set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        set(header::CACHE_CONTROL, "no-store");
        if self.over_tls {
            set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
    }
}
