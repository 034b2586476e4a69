use super::{
    consent::not_to_come,
    flow::{Aim, Browser, Flow, Then},
    page,
    provider::{active, asking, callback_address, unavailable_to_visitor},
};
use crate::http::{
    app::App,
    auth::{Address, Challenge, SessionSecret, flow_cookie, presented_flow},
    input::{Query, Segment},
    problem::Problem,
};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::backend::BackendKind;
use serde::Deserialize;
use std::net::IpAddr;

/// Where to go after the sign-in.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Begin {
    /// The path of this server to go on at: `/docs/` where it is left out.
    then: Option<String>,
    /// For a program on the browser's machine: the port on loopback that it listens at.
    port: Option<u16>,
    /// For a program: the base64url of the SHA-256 of what it will show for the session (RFC 7636).
    challenge: Option<String>,
}

/// Sends the browser to the active sign-in provider. It comes back with a session cookie; for a program, with a page that asks
/// whether that program may have the session instead.
#[utoipa::path(get, path = "/auth/{kind}/start", tag = "session", operation_id = "start_sign_in",
    params(("kind" = String, Path, description = "`github` or `oidc`: the active backend"), Begin),
    responses((status = 303, description = "The browser goes to the provider")), security(()))]
pub(super) async fn start(
    State(app): State<App>,
    Address(address): Address,
    Segment(kind): Segment<String>,
    Query(begin): Query<Begin>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shown = |problem| if page::wanted(&headers) { Ok(page::failed(&problem)) } else { Err(problem) };
    let then = match begin.then() {
        Ok(then) => then,
        Err(problem) => return shown(problem),
    };
    match begun(&app, address, &kind, then.clone(), &headers).await {
        Err(problem) => match then {
            Then::Program { port, .. } => Ok(not_to_come(port, &problem)),
            Then::Path(_) => shown(problem),
        },
        answer => answer,
    }
}

async fn begun(
    app: &App,
    address: Option<IpAddr>,
    kind: &str,
    then: Then,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    app.catch_up().await;
    let other = || Problem::new("auth.not_active", "people do not sign in this way here: GET /v1/auth says how");
    let (stored, provider) = active(app)?.filter(|(stored, _)| stored.kind().as_str() == kind).ok_or_else(other)?;
    let kind: BackendKind = stored.kind();
    let callback = callback_address(app, kind)?;
    let _place = asking(app, address)?;
    let begun = provider.begin(&app.parts.outside, &callback).await;
    let (to, pending) = begun.map_err(|error| unavailable_to_visitor(app, &error))?;
    // A browser that begins twice, in two windows, may end both.
    let secret = presented_flow(app.settings(), headers).unwrap_or_else(SessionSecret::generate);
    let aim = Aim::Session { browser: Browser::of(&secret), then };
    app.flows.keep(Flow { kind, pending, aim }, address, app.now());
    let cookie = flow_cookie(app.settings(), &secret);
    Ok((StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie)], [(header::LOCATION, to.as_str())]).into_response())
}

impl Begin {
    fn then(self) -> Result<Then, Problem> {
        let wrong = |detail: &'static str| Problem::new("request.query", detail);
        match (self.then, self.port, self.challenge) {
            (then, None, None) => {
                let path = then.unwrap_or_else(|| "/docs/".to_owned());
                // Browsers read `//host` and `/\host` as another server's address.
                let own = path.starts_with('/')
                    && !path.starts_with("//")
                    && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
                if own && path.len() <= 1024 { Ok(Then::Path(path)) } else { Err(wrong("then: a path of this server")) }
            }
            (None, Some(port), Some(challenge)) => {
                let mut bytes = [0; 32];
                let length = URL_SAFE_NO_PAD.decode_slice(challenge, &mut bytes);
                match length {
                    Ok(32) if port != 0 => Ok(Then::Program { port, challenge: Challenge(bytes) }),
                    _ => Err(wrong("challenge: the base64url of a SHA-256, and port: the one to come back to")),
                }
            }
            _ => Err(wrong("port and challenge go together, and without then")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn then(path: &str) -> Result<Then, Problem> {
        Begin { then: Some(path.to_owned()), port: None, challenge: None }.then()
    }

    #[test]
    fn a_sign_in_goes_on_at_this_server_alone() {
        for good in ["/", "/docs", "/pools/vision?as_of=4#x"] {
            assert_eq!(then(good).unwrap(), Then::Path(good.to_owned()));
        }
        for bad in ["", "docs", "//evil.example", "/\\evil.example", "https://evil.example", "/a\nb", "/ä"] {
            assert!(then(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_program_names_a_port_and_a_challenge() {
        let challenge = URL_SAFE_NO_PAD.encode([7; 32]);
        let program = |port, challenge: &str| Begin { then: None, port, challenge: Some(challenge.to_owned()) }.then();
        assert_eq!(
            program(Some(4000), &challenge).unwrap(),
            Then::Program { port: 4000, challenge: Challenge([7; 32]) }
        );
        assert!(program(Some(4000), "short").is_err() && program(None, &challenge).is_err());
        assert!(program(Some(0), &challenge).is_err());
    }
}
