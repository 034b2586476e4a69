//! `dkube token …`
use super::{
    answer,
    args::{InPerson, List, Write},
    call::Call,
    client::Reply,
    console::Format,
    context::Context,
    error::CliError,
    sign_in,
    table::{As, Column},
};
use clap::{Subcommand, ValueEnum};
use domain::{Login, TokenId, TokenName};
use serde_json::json;

pub(super) const COLUMNS: [Column; 7] = [
    ("TOKEN", "id", As::Text),
    ("NAME", "name", As::Text),
    ("OWNER", "user.login", As::Text),
    ("SCOPE", "scope", As::Text),
    ("ISSUED", "issued_at", As::Time),
    ("EXPIRES", "expires_at", As::Time),
    ("LAST USE", "last_use", As::Text),
];

/// What a token may be used for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    /// Looking
    Read,
    /// All that its owner may do, but make tokens, passwords and operators
    Full,
    /// /metrics alone
    Metrics,
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Full => "full",
            Self::Metrics => "metrics",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List a user's tokens: as operator everybody's, unless one is named
    List {
        /// Whose
        #[arg(long, value_name = "LOGIN")]
        user: Option<Login>,
        #[command(flatten)]
        list: List,
    },
    /// Make a token for yourself; needs you to sign in, and shows the secret this once
    Create(Create),
    /// Revoke a token, or all of a user's
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["id", "all"]))]
pub(crate) struct Revoke {
    /// The token's id
    id: Option<TokenId>,
    /// All of yours, or of --user: whoever is signed in here by one of them has to sign in again
    #[arg(long)]
    all: bool,
    /// Whose
    #[arg(long, value_name = "LOGIN", conflicts_with = "id")]
    user: Option<Login>,
    #[command(flatten)]
    write: Write,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Create {
    name: TokenName,
    /// What it may be used for
    #[arg(long, value_enum, default_value = "read")]
    scope: Scope,
    /// After how many days it ends
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    expires_in_days: u32,
    #[command(flatten)]
    session: InPerson,
    #[command(flatten)]
    write: Write,
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { user, list } => {
                let call = match &user {
                    Some(login) => Call::get(["users", login.as_str(), "tokens"]),
                    None => Call::get(["tokens"]),
                };
                context.list(call, &list, &COLUMNS).await
            }
            Self::Create(create) => create.run(context).await,
            Self::Revoke(revoke) => revoke.run(context).await,
        }
    }
}

impl Revoke {
    async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let call = match (self.id, self.user) {
            (Some(id), _) => Call::delete(["tokens", &id.to_string()]),
            (None, Some(login)) => Call::delete(["users", login.as_str(), "tokens"]),
            (None, None) => {
                let Reply { body, .. } = context.client.send(&Call::get(["session"])).await?;
                let login = body["login"].as_str();
                let login = login.ok_or_else(|| anyhow::anyhow!("the server does not say who is signed in"))?;
                Call::delete(["users", login, "tokens"])
            }
        };
        context.command(call, &self.write).await
    }
}

impl Create {
    async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let body = json!({"name": self.name, "scope": self.scope.as_str(), "expires_in_days": self.expires_in_days});
        let body = self.session.give(&self.write.apply(Call::post(["tokens"], body)), context).await?;
        let secret = sign_in::secret(&body);
        if context.console.format == Format::Json || self.write.is_dry_run() {
            answer::tell(context.console, &body)?;
        } else if let Some(secret) = &secret {
            // The secret alone on standard output, so that it can go straight into a file.
            context.console.note("this is the token's secret; it is shown this once:")?;
            context.console.line(secret.reveal())?;
        }
        if secret.is_none() && !self.write.is_dry_run() {
            context
                .console
                .note("warning: the secret was lost with an earlier answer: revoke this token and make another")?;
        }
        Ok(())
    }
}
