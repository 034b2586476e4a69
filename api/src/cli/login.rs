//! `dkube login`, `logout` and `whoami`.
use super::{
    call::Call,
    chance,
    client::{Client, Identity, Reply},
    console::{Console, Format},
    context::Context,
    credentials::{Credentials, Kept},
    error::CliError,
    password,
    sign_in::{self, Session},
    text::{at, inline},
};
use crate::settings::Environment;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// How often a token is made anew whose secret was lost with the server's first answer.
const ATTEMPTS: u32 = 3;

/// Signs in and keeps a token.
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// Who you are, to sign in with a password; left out: as people sign in there, by browser or asked for
    #[arg(long = "login", value_name = "LOGIN")]
    who: Option<String>,
    #[command(flatten)]
    password: password::Source,
    /// After how many days to sign in anew
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    expires_in_days: u32,
}

impl Login {
    pub(super) async fn run(
        self,
        client: &Client,
        environment: &Environment,
        console: &mut Console,
    ) -> Result<(), CliError> {
        let credentials = Credentials::of(environment)?;
        let server = client.server().to_string();
        let former = credentials.find(&server)?;
        let session = Session::of(client, self.who, None, &self.password, console).await?;
        let kept = make_token(&session, self.expires_in_days).await;
        if let (Ok(_), Some(former)) = (&kept, former) {
            // It would lie about unused until it ends; gone already is as good.
            let revoked = session.client.send(&revocation(&former.token_id)).await;
            if revoked.as_ref().is_err_and(|error| error.exit_code() != 3) {
                console.note("warning: the token of the sign-in before could not be revoked: see dkube token list")?;
            }
        }
        let login = session.login.clone();
        if session.close().await.is_err() {
            console.note("warning: the session could not be closed; it ends by itself")?;
        }
        let kept = kept?;
        let expires_at = kept.expires_at.clone();
        credentials.keep(&server, kept)?;
        match console.format {
            Format::Json => console.json(&json!({"server": server, "login": login, "expires_at": expires_at}))?,
            Format::Table => {
                let until = expires_at.and_then(|at| super::text::time(&at, &console.zone));
                let until = until.map(|at| format!(" until {at}")).unwrap_or_default();
                console.line(&format!("signed in to {server} as {login}{until}"))?;
            }
        }
        if environment.get("DKUBE_TOKEN").is_some() {
            console.note("warning: DKUBE_TOKEN is set, and goes before this sign-in")?;
        }
        Ok(())
    }
}

/// A token named after this machine and this moment.
async fn make_token(session: &Session, days: u32) -> Result<Kept, CliError> {
    for _ in 0..ATTEMPTS {
        let body = json!({"name": token_name(), "scope": "full", "expires_in_days": days});
        let Reply { body, .. } = session.client.send(&Call::post(["tokens"], body).keyed(chance::key())).await?;
        let text = |field: &str| body["token"][field].as_str().map(str::to_owned);
        let id = text("id").ok_or_else(|| anyhow::anyhow!("the server's answer names no token"))?;
        if let Some(secret) = sign_in::secret(&body) {
            return Ok(Kept::new(session.login.clone(), id, text("expires_at"), &secret));
        }
        // The first answer was lost, and the secret with it: nobody can use that token.
        session.client.send(&revocation(&id)).await?;
    }
    Err(anyhow::anyhow!("the token's secret was lost {ATTEMPTS} times: the connection is too bad").into())
}

fn revocation(token: &str) -> Call {
    Call::delete(["tokens", token]).keyed(chance::key())
}

/// At most 64 characters on one line.
fn token_name() -> String {
    let name = rustix::system::uname();
    let host: String = name.nodename().to_string_lossy().chars().filter(|c| !c.is_control()).take(32).collect();
    // So that two sign-ins within a second do not take each other's name.
    format!("cli {} {} {:03x}", host.trim(), chance::now(), chance::below(0x1000))
}

/// Revokes the kept token and forgets it.
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {}

impl Logout {
    pub(super) async fn run(
        self,
        client: &Client,
        environment: &Environment,
        console: &mut Console,
    ) -> Result<(), CliError> {
        let credentials = Credentials::of(environment)?;
        let server = client.server().to_string();
        let Some(kept) = credentials.find(&server)? else {
            return Err(CliError::NotSignedIn(format!("not signed in to {server}")));
        };
        let client = client.acting_as(Identity::Token(kept.token()));
        match client.send(&revocation(&kept.token_id)).await {
            // Gone already (404), or worth nothing already (401): as good as revoked.
            Ok(_) => {}
            Err(CliError::Problem(problem)) if matches!(problem.status, 401 | 404) => {}
            Err(error) => return Err(error),
        }
        credentials.forget(&server)?;
        match console.format {
            Format::Json => console.json(&json!({"server": server, "login": kept.login}))?,
            Format::Table => console.line(&format!("signed out of {server}"))?,
        }
        Ok(())
    }
}

/// Shows who is signed in.
#[derive(Debug, clap::Args)]
pub(crate) struct Whoami {}

impl Whoami {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let Reply { body, .. } = context.client.send(&Call::get(["session"])).await?;
        match context.console.format {
            Format::Json => context.console.json(&body)?,
            Format::Table => {
                for (name, value) in told(&body, &context.console.zone) {
                    context.console.line(&format!("{name:<12}  {value}"))?;
                }
            }
        }
        Ok(())
    }
}

/// What a person asks of a sign-in: who, what they may do, by which token, and until when.
fn told(session: &Value, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let word = |path: &str| inline(at(session, path), zone);
    let mut lines = vec![("login", word("login")), ("role", word("user_role"))];
    if session["token"].is_object() {
        lines.push(("token", word("token.name")));
        lines.push(("scope", word("token.scope")));
        let role = word("token.role");
        let less = if role == word("user_role") { "" } else { ": a promotion raises no token that is there" };
        lines.push(("token's role", format!("{role}{less}")));
    }
    lines.push(("until", word("expires_at")));
    lines
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_token_that_keeps_another_role_is_told() {
        let session = serde_json::json!({"login": "ada", "role": "data-scientist", "user_role": "operator",
            "token": {"name": "ci", "scope": "full", "role": "data-scientist"}, "expires_at": "2026-03-01T12:00:00.000000Z"});
        let told = super::told(&session, &jiff::tz::TimeZone::UTC);
        assert_eq!(told[1], ("role", "operator".to_owned()));
        assert_eq!(told[4], ("token's role", "data-scientist: a promotion raises no token that is there".to_owned()));
        assert_eq!(told[5], ("until", "2026-03-01 12:00:00 UTC".to_owned()));
    }

    #[test]
    fn the_name_of_a_token_is_one() {
        let name = super::token_name();
        assert!(name.parse::<domain::TokenName>().is_ok(), "{name}");
        assert_ne!(name, super::token_name());
    }
}
