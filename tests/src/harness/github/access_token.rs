//! A token for a code: `/login/oauth/access_token`.
use super::{
    Shared, Site,
    apps::{Token, s256},
};
use axum::{
    Json,
    extract::State,
    http::{
        HeaderMap,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use reqwest::Url;
use serde_json::{Value, json};
use std::collections::HashMap;

/// The refusals of this endpoint, all of them with the status 200.
#[derive(Clone, Copy)]
enum Refusal {
    Credentials,
    Code,
    Redirect,
}

/// Answers in JSON or, unless that is accepted, as a form.
pub(super) async fn exchange(State(shared): State<Shared>, headers: HeaderMap, body: String) -> Response {
    let is = |name, value: &str| {
        headers.get(name).and_then(|said| said.to_str().ok()).is_some_and(|said| said.contains(value))
    };
    let sent = if is(CONTENT_TYPE, "json") { serde_json::from_str(&body).ok() } else { pairs(&body) };
    let answer = token(&mut shared.site(), &sent.unwrap_or_default()).unwrap_or_else(refused);
    if is(ACCEPT, "application/json") {
        return Json(answer).into_response();
    }
    let mut form = Url::parse("form:").expect("this is an address");
    let fields = answer.as_object().into_iter().flatten();
    form.query_pairs_mut().extend_pairs(fields.filter_map(|(name, value)| Some((name, value.as_str()?))));
    let kind = [(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")];
    (kind, form.query().unwrap_or_default().to_owned()).into_response()
}

fn token(site: &mut Site, sent: &HashMap<String, String>) -> Result<Value, Refusal> {
    let get = |name: &str| sent.get(name).map(String::as_str);
    let client = get("client_id").unwrap_or_default();
    if !site.apps.is(client, get("client_secret").unwrap_or_default()) {
        return Err(Refusal::Credentials);
    }
    let code = site.apps.redeem(get("code").unwrap_or_default()).ok_or(Refusal::Code)?;
    let proven =
        code.challenge.as_ref().is_none_or(|challenge| get("code_verifier").is_some_and(|it| s256(it) == *challenge));
    if code.client != client || !proven {
        return Err(Refusal::Code);
    }
    if get("redirect_uri").is_some_and(|uri| uri.parse::<Url>().map(String::from).ok().as_ref() != Some(&code.redirect))
    {
        return Err(Refusal::Redirect);
    }
    let scope = code.scopes.joined(",");
    let token = site.apps.issue(Token { client: Some(code.client), user: code.user, scopes: code.scopes });
    Ok(json!({ "access_token": token, "token_type": "bearer", "scope": scope }))
}

fn refused(refusal: Refusal) -> Value {
    let (error, description) = match refusal {
        Refusal::Credentials => {
            ("incorrect_client_credentials", "The client_id and/or client_secret passed are incorrect.")
        }
        Refusal::Code => ("bad_verification_code", "The code passed is incorrect or expired."),
        Refusal::Redirect => {
            ("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL for this application.")
        }
    };
    let page =
        "https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/";
    json!({ "error": error, "error_description": description, "error_uri": format!("{page}#{}", error.replace('_', "-")) })
}

fn pairs(body: &str) -> Option<HashMap<String, String>> {
    let form = Url::parse(&format!("form:?{body}")).ok()?;
    Some(form.query_pairs().into_owned().collect())
}
