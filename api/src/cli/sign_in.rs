//! A session: what a login and a password open. Commands use tokens; only a session can make those.
use super::{
    browser,
    call::Call,
    client::{Client, Identity, Reply, fits_header},
    console::Console,
    error::CliError,
    password,
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
    /// Signs in, as people do there: with login and password, or with the browser. Who names a login, or has a password at hand,
    /// signs in with these, as the break-glass operator does under every backend.
    ///
    /// # Errors
    /// Where the server refuses, or answers what is no session.
    pub(super) async fn of(
        client: &Client,
        who: Option<String>,
        likely: Option<String>,
        password: &password::Source,
        console: &mut Console,
    ) -> Result<Self, CliError> {
        let client = &client.acting_as(Identity::Nobody);
        if who.is_none() && !password.is_given() {
            let Reply { body, .. } = client.send(&Call::get(["auth"])).await?;
            if let Some(start) = body["start"].as_str() {
                return Self::from(client, browser::sign_in(client, start, console).await?, "");
            }
        }
        let login = who.or(likely).map_or_else(|| password::ask("Login: ", password::NO_TERMINAL), Ok)?;
        let password = password.read(&format!("Password of {login}: "))?;
        Self::open(client, &login, &password).await
    }

    /// Signs in with login and password.
    ///
    /// # Errors
    /// Where the server refuses, or answers what is no session.
    pub(super) async fn open(client: &Client, login: &str, password: &Secret) -> Result<Self, CliError> {
        let call = Call::post(["session"], json!({"login": login, "password": password.reveal()}));
        let client = &client.acting_as(Identity::Nobody);
        Self::from(client, client.send(&call).await?, login)
    }

    fn from(client: &Client, Reply { headers, body }: Reply, login: &str) -> Result<Self, CliError> {
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

    /// Gives a command as this session, which ends with it.
    ///
    /// # Errors
    /// Where the server refuses the command.
    pub(super) async fn give(self, call: &Call, console: &mut Console) -> Result<Reply, CliError> {
        let reply = self.client.send(call).await;
        if self.close().await.is_err() {
            console.note("warning: the session could not be closed; it ends by itself")?;
        }
        reply
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
