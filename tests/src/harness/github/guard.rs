//! What stands before every answer: counting, limits, and who asks.
use super::{Shared, apps::Token, problem::Problem};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header::AUTHORIZATION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// Who asks the API: somebody's token, or nobody.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub(super) Option<Token>);

impl Caller {
    pub(super) fn token(&self) -> Result<&Token, Problem> {
        self.0.as_ref().ok_or_else(|| Problem::new(401, "Requires authentication", "users/users"))
    }
}

/// Before everything.
pub(super) async fn site(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let down = {
        let mut site = shared.site();
        let path = request.uri().path();
        let path = path.strip_prefix("/api/v3").unwrap_or(path).to_owned();
        *site.requests.entry(path).or_default() += 1;
        site.limits.down()
    };
    match down {
        Some(answer) => answer,
        None => next.run(request).await,
    }
}

/// Before the API.
pub(super) async fn api(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    if !request.headers().contains_key("user-agent") {
        let said = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
        return Problem::new(403, said, "using-the-rest-api/getting-started-with-the-rest-api").into_response();
    }
    let (caller, refused) = {
        let mut site = shared.site();
        let name = bearer(request.headers());
        let token = name.and_then(|name| site.apps.token(name).cloned());
        if name.is_some() && token.is_none() {
            return Problem::new(401, "Bad credentials", "").into_response();
        }
        let refused = site.limits.count(token.as_ref().map(|token| token.user));
        (Caller(token), refused)
    };
    let answer = if let Some(problem) = refused {
        problem.into_response()
    } else {
        request.extensions_mut().insert(caller.clone());
        next.run(request).await
    };
    told(&shared, &caller, answer)
}

/// Adds what every answer of the API says.
fn told(shared: &Shared, caller: &Caller, mut answer: Response) -> Response {
    shared.site().limits.tell(caller.0.as_ref().map(|token| token.user), &mut answer);
    let headers = answer.headers_mut();
    headers.insert("x-github-media-type", HeaderValue::from_static("github.v3; format=json"));
    if let Some(scopes) = caller.0.as_ref().and_then(|token| HeaderValue::try_from(token.scopes.joined(", ")).ok()) {
        headers.insert("x-oauth-scopes", scopes);
    }
    answer
}

/// Whether an app has said who it is, with HTTP Basic.
pub(super) fn app(shared: &Shared, client: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let said = headers.get(AUTHORIZATION).and_then(|said| said.to_str().ok()?.strip_prefix("Basic "));
    let said = said.and_then(|said| String::from_utf8(BASE64_STANDARD.decode(said).ok()?).ok());
    let known = said.as_deref().and_then(|said| said.split_once(':'));
    let is = known.is_some_and(|(id, secret)| id == client && shared.site().apps.is(id, secret));
    if is { Ok(()) } else { Err(Problem::not_found()) }
}

/// The token of a request: `Bearer …`, or `token …` as of old.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let said = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = said.split_once(' ')?;
    ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(token)
}
