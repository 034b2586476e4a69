//! The page on which a person lets an app in: `/login/oauth/authorize`.
use super::{
    Shared, Site,
    apps::{Code, Scopes},
};
use axum::{
    Form,
    extract::{Query, State},
    http::{
        HeaderMap, StatusCode,
        header::{COOKIE, LOCATION, SET_COOKIE},
    },
    response::{Html, IntoResponse, Response},
};
use reqwest::Url;
use serde::Deserialize;

const SESSION: &str = "user_session";

/// What an app asks for, and what the form says besides.
#[derive(Debug, Deserialize)]
pub(super) struct Wish {
    client_id: String,
    redirect_uri: Option<String>,
    state: Option<String>,
    #[serde(default)]
    scope: String,
    code_challenge: Option<String>,
    code_challenge_method: Option<String>,
    prompt: Option<String>,
    /// The account that is suggested; in the form, the one that was chosen.
    #[serde(default)]
    login: String,
    cancel: Option<String>,
}

/// What is answered to a wish that can't be granted.
enum Refusal {
    /// There is no such app.
    Unknown,
    /// The browser is sent here.
    To(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => {
                (StatusCode::NOT_FOUND, Html("This is not the web page you are looking for.")).into_response()
            }
            Self::To(url) => to(&url),
        }
    }
}

/// Shows the form; or answers at once, where a person who is signed in has let this app in before.
pub(super) async fn ask(State(shared): State<Shared>, Query(wish): Query<Wish>, headers: HeaderMap) -> Response {
    let mut site = shared.site();
    let redirect = match checked(&site, &wish) {
        Ok(redirect) => redirect,
        Err(refusal) => return refusal.into_response(),
    };
    let user = session(&headers).and_then(|cookie| site.apps.session(&cookie));
    let again = wish.prompt.as_deref() != Some("select_account");
    match user.filter(|user| again && site.apps.granted(&wish.client_id, *user, &Scopes::parse(&wish.scope))) {
        Some(user) => let_in(&mut site, &wish, redirect, user),
        None => form(&wish, user.and_then(|user| site.people.login(user))),
    }
}

/// Takes the form.
pub(super) async fn decide(State(shared): State<Shared>, Form(wish): Form<Wish>) -> Response {
    let mut site = shared.site();
    let mut redirect = match checked(&site, &wish) {
        Ok(redirect) => redirect,
        Err(refusal) => return refusal.into_response(),
    };
    if wish.cancel.is_some() {
        let said = "The user has denied your application access.";
        refuse(&mut redirect, &wish, "access_denied", said);
        return to(redirect.as_str());
    }
    let Some(user) = site.people.find(&wish.login) else {
        return (StatusCode::UNPROCESSABLE_ENTITY, Html("Incorrect username or password.")).into_response();
    };
    let cookie = site.apps.sign_in(user);
    let mut answer = let_in(&mut site, &wish, redirect, user);
    let cookie = format!("{SESSION}={cookie}; Path=/; HttpOnly; SameSite=Lax");
    answer.headers_mut().extend(cookie.try_into().ok().map(|cookie| (SET_COOKIE, cookie)));
    answer
}

/// Where to answer; or what is answered to a wish that can't be granted.
fn checked(site: &Site, wish: &Wish) -> Result<Url, Refusal> {
    let app = site.apps.app(&wish.client_id).ok_or(Refusal::Unknown)?;
    let mut callback: Url = app.callback.parse().map_err(|_| Refusal::Unknown)?;
    let wanted = wish.redirect_uri.as_ref().map_or_else(|| Some(callback.clone()), |uri| uri.parse().ok());
    let Some(mut redirect) = wanted.filter(|wanted| registered(&callback, wanted)) else {
        let said = "The redirect_uri MUST match the registered callback URL for this application.";
        refuse(&mut callback, wish, "redirect_uri_mismatch", said);
        return Err(Refusal::To(callback.into()));
    };
    // GitHub does not say what it does with other methods than the only one that it has.
    if wish.code_challenge.is_some() && wish.code_challenge_method.as_deref() != Some("S256") {
        refuse(&mut redirect, wish, "invalid_request", "code_challenge_method must be S256.");
        return Err(Refusal::To(redirect.into()));
    }
    Ok(redirect)
}

/// Whether it is the registered callback or below it; on the machine itself, the port may be another.
fn registered(callback: &Url, wanted: &Url) -> bool {
    let loopback = ["127.0.0.1", "[::1]"].iter().any(|host| callback.host_str() == Some(host));
    let port = loopback || callback.port_or_known_default() == wanted.port_or_known_default();
    let below = wanted.path().strip_prefix(callback.path().trim_end_matches('/'));
    let below = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    callback.scheme() == wanted.scheme() && callback.host_str() == wanted.host_str() && port && below
}

fn let_in(site: &mut Site, wish: &Wish, mut redirect: Url, user: u64) -> Response {
    let code = site.apps.code(Code {
        client: wish.client_id.clone(),
        user,
        scopes: Scopes::parse(&wish.scope),
        redirect: redirect.to_string(),
        challenge: wish.code_challenge.clone(),
    });
    redirect.query_pairs_mut().append_pair("code", &code);
    say_state(&mut redirect, wish);
    to(redirect.as_str())
}

fn refuse(redirect: &mut Url, wish: &Wish, error: &str, description: &str) {
    let page = "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-authorization-request-errors/";
    let mut query = redirect.query_pairs_mut();
    query.append_pair("error", error).append_pair("error_description", description).append_pair("error_uri", page);
    drop(query);
    say_state(redirect, wish);
}

fn say_state(redirect: &mut Url, wish: &Wish) {
    if let Some(state) = &wish.state {
        redirect.query_pairs_mut().append_pair("state", state);
    }
}

fn to(url: &str) -> Response {
    (StatusCode::FOUND, [(LOCATION, url)]).into_response()
}

fn form(wish: &Wish, signed_in: Option<&str>) -> Response {
    let fields = [
        ("client_id", Some(&wish.client_id)),
        ("redirect_uri", wish.redirect_uri.as_ref()),
        ("state", wish.state.as_ref()),
        ("scope", Some(&wish.scope)),
        ("code_challenge", wish.code_challenge.as_ref()),
        ("code_challenge_method", wish.code_challenge_method.as_ref()),
    ];
    let hidden = |(name, value): (&str, Option<&String>)| {
        Some(format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escaped(value?)))
    };
    let hidden = fields.into_iter().filter_map(hidden).collect::<Vec<_>>().join("\n");
    let login = escaped(signed_in.unwrap_or(&wish.login));
    Html(format!(
        "<!DOCTYPE html>\n<title>Authorize application</title>\n<form method=\"post\" action=\"/login/oauth/authorize\">\n\
         {hidden}\n<input name=\"login\" value=\"{login}\">\n<button name=\"authorize\" value=\"1\">Authorize</button>\n\
         <button name=\"cancel\" value=\"1\">Cancel</button>\n</form>\n"
    ))
    .into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn session(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    let found = cookies.split("; ").find_map(|cookie| cookie.strip_prefix(SESSION)?.strip_prefix('='));
    found.map(str::to_owned)
}
