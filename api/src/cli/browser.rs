//! Signing in where people sign in through a browser: the browser brings the session back to a port on loopback (RFC 8252 §7.3),
//! and only this program, which began it, can take it (RFC 7636).
use super::{
    call::Call,
    client::{Client, Reply},
    console::Console,
    error::CliError,
    problem::Problem,
};
use crate::{http::Challenge, settings::Secret};
use axum::{Router, extract::Query, routing::get};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Url;
use serde::Deserialize;
use serde_json::json;
use std::{net::Ipv4Addr, sync::Mutex, time::Duration};
use tokio::{net::TcpListener, sync::oneshot};

/// How long somebody may take to sign in.
const LIMIT: Duration = Duration::from_mins(10);

/// What the browser brings: a code, or why there is none (RFC 6749 §4.1.2.1).
#[derive(Deserialize)]
#[serde(untagged)]
enum Brought {
    Code { code: String },
    Refused { error: String, error_description: Option<String> },
}

/// Has somebody sign in with their browser, and gives the server's answer to that.
///
/// # Errors
/// Nobody does, or the server refuses.
pub(super) async fn sign_in(client: &Client, start: &str, console: &mut Console) -> Result<Reply, CliError> {
    let failed = |error| CliError::failed("listen for the browser on loopback", error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let verifier = verifier();
    let challenge = Challenge::of(verifier.reveal());
    let check = challenge.check();
    let challenge = URL_SAFE_NO_PAD.encode(challenge.0);
    let address = address(client.server(), start, port, &challenge)?;
    console.note(&format!(
        "open this address in the browser on this machine, sign in there, and agree to the check {check}:"
    ))?;
    console.note(address.as_str())?;
    let brought = tokio::time::timeout(LIMIT, brought(listener)).await;
    let code = brought.map_err(|_| CliError::NotSignedIn("nobody signed in within ten minutes".to_owned()))??;
    client.send(&Call::post(["session", "code"], json!({"code": code, "verifier": verifier.reveal()}))).await
}

fn verifier() -> Secret {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes).expect("Linux gives random bytes once it has booted");
    Secret::new(URL_SAFE_NO_PAD.encode(*bytes))
}

/// Where the browser begins: `start` is an address, or a path of the server's.
fn address(server: &Url, start: &str, port: u16, challenge: &str) -> Result<Url, CliError> {
    let mut url = server.join(start).map_err(|error| CliError::failed("read where one signs in there", error))?;
    url.query_pairs_mut().append_pair("port", &port.to_string()).append_pair("challenge", challenge);
    Ok(url)
}

/// What the browser brings, once it does.
async fn brought(listener: TcpListener) -> Result<String, CliError> {
    let (tell, told) = oneshot::channel();
    let tell = std::sync::Arc::new(Mutex::new(Some(tell)));
    let taken = async move |Query(brought): Query<Brought>| {
        if let Some(tell) = tell.lock().ok().and_then(|mut tell| tell.take()) {
            // Nobody waits any more: then the time is over.
            let _ = tell.send(brought);
        }
        "Go back to the terminal: it says what came of it."
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let serving = axum::serve(listener, Router::new().route("/", get(taken))).with_graceful_shutdown(stopped);
    let serving = tokio::spawn(serving.into_future());
    let brought = told.await;
    drop(stop);
    // The browser is shown the answer before this goes on, unless it keeps its connection open.
    drop(tokio::time::timeout(Duration::from_secs(1), serving).await);
    match brought {
        Ok(Brought::Code { code }) => Ok(code),
        Ok(Brought::Refused { error, error_description }) => Err(Problem::told(error, error_description).into()),
        Err(_) => Err(CliError::NotSignedIn("the browser brought nothing".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_the_one_that_the_server_tells() {
        let server = "https://dkube.example/ops/".parse().unwrap();
        for start in ["/ops/auth/oidc/start", "https://dkube.example/ops/auth/oidc/start"] {
            let address = address(&server, start, 4000, "abc").unwrap();
            assert_eq!(address.as_str(), "https://dkube.example/ops/auth/oidc/start?port=4000&challenge=abc");
        }
    }

    #[tokio::test]
    async fn a_refusal_ends_the_wait_and_is_told() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let waiting = tokio::spawn(brought(listener));
        let query = "error=user.not_onboarded&error_description=nobody%20has%20on-boarded%20you";
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        assert_eq!(client.get(format!("http://127.0.0.1:{port}/?{query}")).send().await.unwrap().status(), 200);
        drop(client);
        let told = waiting.await.unwrap().unwrap_err().to_string();
        assert_eq!(told, "nobody has on-boarded you (user.not_onboarded)");
    }

    #[tokio::test]
    async fn what_the_browser_brings_is_taken_once() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let waiting = tokio::spawn(brought(listener));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async |query: &str| client.get(format!("http://127.0.0.1:{port}/{query}")).send().await.unwrap();
        assert_eq!(get("").await.status(), 400);
        let told = get("?code=the-code").await;
        assert_eq!(told.status(), 200);
        assert!(told.text().await.unwrap().contains("the terminal"));
        drop(client);
        assert_eq!(waiting.await.unwrap().unwrap(), "the-code");
    }
}
