//! The counterparts that sign-in is tested with, tried with the browser that tries it: a certified OIDC provider, and
//! the stand-in for GitHub.
mod github;
mod oidc;

use anyhow::Context;
use axum::{
    Router,
    response::{AppendHeaders, Html},
    routing::get,
};
use reqwest::{Client, Response, Url};
use serde_json::Value;
use std::net::Ipv4Addr;
use tests::harness::LIMIT;
use tokio::{net::TcpListener, task::JoinHandle};

const CLIENT: &str = "dkube";
/// With what has to be escaped in HTTP Basic (RFC 6749, 2.3.1).
const SECRET: &str = "a secret: 100% & more";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Where people are sent back to: a server that sets a cookie of each kind, and takes what comes.
struct Callback {
    url: String,
    task: JoinHandle<()>,
}

impl Callback {
    async fn serve() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/callback", listener.local_addr()?);
        let cookies = ["__Host-lax=1; SameSite=Lax", "__Host-strict=1; SameSite=Strict"];
        let cookies = cookies.map(|cookie| ("set-cookie", format!("{cookie}; Path=/; Secure; HttpOnly")));
        let begin = || async move { (AppendHeaders(cookies), Html("Sign in")) };
        let router = Router::new().route("/", get(begin)).route("/callback", get(|| async { "back" }));
        let task = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
        Ok(Self { url, task })
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn client() -> anyhow::Result<Client> {
    Ok(Client::builder().no_proxy().timeout(LIMIT).user_agent("dkube-tests").build()?)
}

fn with_query(url: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Url> {
    Ok(Url::parse_with_params(url, pairs)?)
}

fn form(pairs: &[(&str, &str)]) -> anyhow::Result<String> {
    Ok(with_query("form:", pairs)?.query().unwrap_or_default().to_owned())
}

fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value[name].as_str().with_context(|| format!("there is no {name} in {value}"))
}

/// Posts a form, as a client that says its name and secret in the way that is wanted.
async fn post(url: &str, pairs: &[(&str, &str)], basic: Option<(&str, &str)>) -> anyhow::Result<Response> {
    let mut request = client()?.post(url).header("accept", "application/json");
    if let Some((id, secret)) = basic {
        let escaped = |text| anyhow::Ok(form(&[("", text)])?.trim_start_matches('=').to_owned());
        request = request.basic_auth(escaped(id)?, Some(escaped(secret)?));
    }
    Ok(request.header("content-type", "application/x-www-form-urlencoded").body(form(pairs)?).send().await?)
}
