//! The session cookie.
use super::SessionSecret;
use crate::http::app::{App, HttpSettings};
use axum::http::{HeaderMap, HeaderValue, header};

/// `__Host-` makes browsers refuse the cookie from anything but this very host over TLS.
fn name(settings: &HttpSettings) -> &'static str {
    if settings.over_tls() { "__Host-dkube_session" } else { "dkube_session" }
}

fn attributes(settings: &HttpSettings) -> &'static str {
    if settings.over_tls() { "Path=/; HttpOnly; SameSite=Lax; Secure" } else { "Path=/; HttpOnly; SameSite=Lax" }
}

fn header(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).expect("a cookie is made of base64url and fixed words");
    value.set_sensitive(true);
    value
}

/// The cookie that holds a session's secret.
pub(crate) fn session_cookie(settings: &HttpSettings, secret: &SessionSecret) -> HeaderValue {
    let age = settings.session_life.as_secs();
    header(&format!("{}={}; {}; Max-Age={age}", name(settings), secret.reveal(), attributes(settings)))
}

/// The cookie that makes a browser forget its session.
pub(crate) fn clear_cookie(settings: &HttpSettings) -> HeaderValue {
    header(&format!("{}=; {}; Max-Age=0", name(settings), attributes(settings)))
}

/// `SameSite=Lax` lets it come along when the provider sends the browser back.
fn flow_name(settings: &HttpSettings) -> &'static str {
    if settings.over_tls() { "__Host-dkube_sign_in" } else { "dkube_sign_in" }
}

/// The cookie by which the browser that began a sign-in is known when it is back.
pub(crate) fn flow_cookie(settings: &HttpSettings, secret: &SessionSecret) -> HeaderValue {
    header(&format!("{}={}; {}; Max-Age=600", flow_name(settings), secret.reveal(), attributes(settings)))
}

/// The secret of the sign-in that the browser began, if it did.
pub(crate) fn presented_flow(settings: &HttpSettings, headers: &HeaderMap) -> Option<SessionSecret> {
    presented(flow_name(settings), headers)
}

/// Ends the session that the request came with, if it did: another begins in its place.
pub(crate) fn clear_presented(app: &App, headers: &HeaderMap) {
    if let Some(secret) = presented_secret(app.settings(), headers) {
        app.sessions.end(&secret.key());
    }
}

/// The secret in the request's cookie, if it has one.
pub(crate) fn presented_secret(settings: &HttpSettings, headers: &HeaderMap) -> Option<SessionSecret> {
    presented(name(settings), headers)
}

fn presented(name: &str, headers: &HeaderMap) -> Option<SessionSecret> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, value)| *key == name && !value.is_empty()).map(|(_, value)| SessionSecret::presented(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_back_and_is_secure_behind_tls() {
        for (url, is_secure) in [(None, false), (Some("http://dkube"), false), (Some("HTTPS://dkube.example"), true)] {
            let settings = HttpSettings { public_url: url.map(str::to_owned), ..HttpSettings::default() };
            let secret = SessionSecret::generate();
            let cookie = session_cookie(&settings, &secret);
            let text = cookie.to_str().unwrap();
            assert!(text.contains("HttpOnly; SameSite=Lax"));
            assert_eq!(text.contains("; Secure") && text.starts_with("__Host-"), is_secure);
            let mut headers = HeaderMap::new();
            let pair = text.split(';').next().unwrap();
            headers.append(header::COOKIE, HeaderValue::from_str(&format!("a=b; {pair}")).unwrap());
            assert_eq!(presented_secret(&settings, &headers).unwrap().key(), secret.key());
            assert!(presented_secret(&settings, &HeaderMap::new()).is_none());
        }
    }
}
