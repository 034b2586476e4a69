//! A session: what a login and a password open. Commands use tokens; only a session can make those.
use super::{
    call::Call,
    client::{Client, Identity, Reply, fits_header},
    error::CliError,
};
use crate::settings::Secret;
use reqwest::header::SET_COOKIE;
use serde_json::{Value, json};

/// An open session.
#[derive(Debug)]
pub(super) struct Session {
    /// Speaks as the user.
    pub(super) client: Client,
    /// The login, as the server spells it.
    pub(super) login: String,
}

impl Session {
    /// Signs in.
    ///
    /// # Errors
    /// Where the server refuses, or answers what is no session.
    pub(super) async fn open(client: &Client, login: &str, password: &Secret) -> Result<Self, CliError> {
        let call = Call::post(["session"], json!({"login": login, "password": password.reveal()}));
        let Reply { headers, body } = client.send(&call).await?;
        let pair = |value: &str| value.split(';').next().map(|pair| Secret::new(pair.trim().to_owned()));
        let cookie = headers.get_all(SET_COOKIE).iter().find_map(|value| value.to_str().ok().and_then(pair));
        let csrf = body["csrf_token"].as_str().map(|token| Secret::new(token.to_owned()));
        match (cookie.filter(fits_header), csrf.filter(fits_header)) {
            (Some(cookie), Some(csrf)) => Ok(Self {
                client: client.acting_as(Identity::Session { cookie, csrf }),
                login: body["login"].as_str().unwrap_or(login).to_owned(),
            }),
            _ => Err(anyhow::anyhow!("the server's answer to the sign-in holds no session").into()),
        }
    }

    /// Signs out.
    pub(super) async fn close(self) -> Result<(), CliError> {
        self.client.send(&Call::delete(["session"]).repeatable()).await.map(drop)
    }
}

/// A token's answer: its parts, and its secret if it was told.
pub(super) fn secret(answer: &Value) -> Option<Secret> {
    answer["token"]["secret"].as_str().map(|secret| Secret::new(secret.to_owned())).filter(fits_header)
}
