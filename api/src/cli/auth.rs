//! `dkube auth …`: how people sign in.
use super::{
    answer,
    args::{InPerson, Match, Read, Write},
    call::Call,
    console::{Console, Format},
    context::Context,
    error::CliError,
};
use crate::{
    serve::{FirstPassword, Reset, reset_operator},
    settings::{Environment, Flags, Settings, read_password},
};
use clap::Subcommand;
use domain::{Login, ProviderUrl, ProviderWord};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show where people sign in, and what is proposed
    Show {
        #[command(flatten)]
        read: Read,
    },
    /// Propose that people sign in with GitHub: members of an organization, through an OAuth app
    Github(Box<Github>),
    /// Propose that people sign in with an OpenID provider: Keycloak, Okta, Entra ID, Google, Dex, …
    Oidc(Box<Oidc>),
    /// Begin the proof of what is proposed: prints the address that its operator signs in at
    Prove {
        #[command(flatten)]
        session: InPerson,
        #[command(flatten)]
        write: Write,
    },
    /// Go back to passwords that are kept here (as the break-glass operator), or withdraw what is proposed
    Local(Change),
    /// Replace credentials of the active backend
    Update(Box<Update>),
    /// Give the first operator a new password, on the machine of a server that is stopped: when nobody can sign in any more.
    ///
    /// It is the one that the settings give (`operator_password`, `operator_password_file`: see that it is not the old one), or one
    /// that is made: shown on a terminal, else written to a file in the data folder. Their sessions end; their tokens go on until they
    /// are revoked (`dkube token list`). Where their login can't be read, since the keys were lost, they get another one
    ResetOperator {
        /// What they are called from now on, where their login can't be read [default: the setting operator_login]
        #[arg(long, value_name = "LOGIN")]
        login: Option<Login>,
        #[command(flatten)]
        flags: Box<Flags>,
    },
}

/// A change of the sign-in backend. Only a session makes one.
#[derive(Debug, clap::Args)]
pub(crate) struct Change {
    #[command(flatten)]
    session: InPerson,
    #[command(flatten)]
    matching: Match,
    #[command(flatten)]
    write: Write,
}

impl Change {
    async fn give(&self, context: &mut Context<'_>, method: Method, body: Value) -> Result<(), CliError> {
        let call = match method {
            Method::PATCH => Call::patch(["auth", "backend"], body),
            _ => Call::put(["auth", "backend"], body),
        };
        let told = self.session.give(&self.write.apply(self.matching.apply(call)), context).await?;
        Ok(answer::tell(context.console, &told)?)
    }
}

/// What every provider needs.
#[derive(Debug, clap::Args)]
pub(crate) struct App {
    /// The client's id at the provider
    #[arg(long, value_name = "ID")]
    client_id: ProviderWord,
    /// A file whose first line is the client's secret at the provider
    #[arg(long, value_name = "FILE")]
    client_secret_file: PathBuf,
    /// The login, there, of whoever becomes operator: they prove it by signing in
    #[arg(long, value_name = "LOGIN")]
    operator: Login,
    /// The user here who that is, if they are one already
    #[arg(long, value_name = "LOGIN")]
    link: Option<Login>,
}

impl App {
    fn fields(&self, kind: &str) -> Result<Map<String, Value>, CliError> {
        let mut body = Map::from_iter([
            ("kind".to_owned(), json!(kind)),
            ("client_id".to_owned(), json!(self.client_id)),
            ("client_secret".to_owned(), secret(&self.client_secret_file)?),
            ("operator".to_owned(), json!(self.operator)),
        ]);
        insert(&mut body, "link", self.link.as_ref());
        Ok(body)
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Github {
    /// The organization whose members may be on-boarded
    #[arg(long, value_name = "NAME")]
    organization: ProviderWord,
    /// An Enterprise server's address [default: https://github.com]
    #[arg(long, value_name = "URL")]
    base_url: Option<ProviderUrl>,
    /// A file whose first line is a token that may list the organization's private members
    #[arg(long, value_name = "FILE")]
    directory_token_file: Option<PathBuf>,
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Oidc {
    /// The issuer, exactly as the provider writes it
    #[arg(long, value_name = "URL")]
    issuer: ProviderUrl,
    /// What is asked for besides openid; may be repeated [default: profile, email]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<ProviderWord>,
    /// The claim that is somebody's login [default: preferred_username]
    #[arg(long, value_name = "CLAIM")]
    login_claim: Option<ProviderWord>,
    #[command(flatten)]
    app: App,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true)
    .args(["client_id", "client_secret_file", "directory_token_file", "no_directory_token"]))]
pub(crate) struct Update {
    /// The client's id at the provider
    #[arg(long, value_name = "ID")]
    client_id: Option<ProviderWord>,
    /// A file whose first line is the client's secret at the provider
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// A file whose first line is a token that may list the organization's private members
    #[arg(long, value_name = "FILE", conflicts_with = "no_directory_token")]
    directory_token_file: Option<PathBuf>,
    /// Have no such token any more
    #[arg(long)]
    no_directory_token: bool,
    #[command(flatten)]
    change: Change,
}

fn secret(path: &Path) -> Result<Value, CliError> {
    Ok(json!(read_password(path)?.reveal()))
}

fn insert(body: &mut Map<String, Value>, field: &str, value: Option<impl serde::Serialize>) {
    if let Some(value) = value {
        body.insert(field.to_owned(), json!(value));
    }
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::Show { read } => context.show(Call::get(["auth", "backend"]), &read).await,
            Self::Github(github) => {
                let mut body = github.app.fields("github")?;
                insert(&mut body, "organization", Some(&github.organization));
                insert(&mut body, "base_url", github.base_url.as_ref());
                let token = github.directory_token_file.as_deref().map(secret).transpose()?;
                insert(&mut body, "directory_token", token);
                proposed(&github.change, context, body).await
            }
            Self::Oidc(oidc) => {
                let mut body = oidc.app.fields("oidc")?;
                insert(&mut body, "issuer", Some(&oidc.issuer));
                insert(&mut body, "scopes", (!oidc.scopes.is_empty()).then_some(&oidc.scopes));
                insert(&mut body, "login_claim", oidc.login_claim.as_ref());
                proposed(&oidc.change, context, body).await
            }
            Self::Prove { session, write } => {
                let call = Call::new(Method::POST, ["auth", "backend", "prove"]);
                let told = session.give(&write.apply(call), context).await?;
                match context.console.format {
                    Format::Json => context.console.json(&told)?,
                    Format::Table => {
                        context
                            .console
                            .note("its operator opens this address and signs in there, within ten minutes:")?;
                        context.console.line(told["url"].as_str().unwrap_or_default())?;
                    }
                }
                Ok(())
            }
            Self::Local(change) => change.give(context, Method::PUT, json!({"kind": "local"})).await,
            Self::Update(update) => {
                let mut body = Map::new();
                insert(&mut body, "client_id", update.client_id.as_ref());
                insert(&mut body, "client_secret", update.client_secret_file.as_deref().map(secret).transpose()?);
                let token = update.directory_token_file.as_deref().map(secret).transpose()?;
                insert(&mut body, "directory_token", token);
                if update.no_directory_token {
                    body.insert("directory_token".to_owned(), Value::Null);
                }
                update.change.give(context, Method::PATCH, Value::Object(body)).await
            }
            Self::ResetOperator { .. } => Ok(()),
        }
    }
}

async fn proposed(change: &Change, context: &mut Context<'_>, body: Map<String, Value>) -> Result<(), CliError> {
    change.give(context, Method::PUT, Value::Object(body)).await?;
    Ok(context.console.note("it takes effect once its operator has signed in through it: dkube auth prove")?)
}

/// Gives the first operator a new password, on the server's machine.
pub(super) fn reset(
    flags: &Flags,
    login: Option<Login>,
    environment: &Environment,
    console: &mut Console,
) -> Result<(), CliError> {
    let settings = Settings::load(flags, environment)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| CliError::failed("start the async runtime", error))?;
    let Reset { login, password } =
        runtime.block_on(reset_operator(settings, login, console.format == Format::Table))?;
    let written = match &password {
        Some(FirstPassword::Written(path)) => Some(path),
        Some(FirstPassword::Shown) | None => None,
    };
    match console.format {
        Format::Json => console.json(&json!({ "login": login, "password_file": written }))?,
        Format::Table => match (&password, written) {
            (_, Some(path)) => console.line(&format!("{login} has a new password, in {}", path.display()))?,
            (Some(_), None) => console.line(&format!("{login} has the password shown above"))?,
            (None, _) => console.line(&format!("{login} has the password that the settings give"))?,
        },
    }
    Ok(())
}
