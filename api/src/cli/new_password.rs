//! `dkube password`.
use super::{
    args::Write,
    call::Call,
    client::{Client, Reply},
    console::{Console, Format, clean},
    context::Context,
    error::CliError,
    password,
    sign_in::Session,
    stdin,
};
use crate::settings::{Secret, read_secret};
use domain::Login;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// What stands for no file: the code is asked for.
const ASK: &str = "the terminal";

/// The longest code of an invitation, in bytes.
const CODE_MAX: u64 = 1024;

/// Sets a local password.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Choose it by an invitation: its code is asked for, or the first line of this file (-: of standard input)
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = ASK, conflicts_with_all = ["of", "login"])]
    invitation: Option<PathBuf>,
    /// Whose; left out: your own
    #[arg(long, value_name = "LOGIN")]
    of: Option<Login>,
    /// Who you are; left out: who is signed in
    #[arg(long, value_name = "LOGIN")]
    login: Option<String>,
    /// Take the new password from this file's first line
    #[arg(long, value_name = "FILE")]
    new_password_file: Option<PathBuf>,
    #[command(flatten)]
    password: password::Source,
    #[command(flatten)]
    write: Write,
}

impl Arguments {
    /// Whether an invitation is to be accepted: that needs no sign-in.
    pub(super) const fn is_invited(&self) -> bool {
        self.invitation.is_some()
    }

    /// Chooses a password by an invitation.
    pub(super) async fn accept(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        if self.write.is_dry_run() {
            return Err(CliError::Usage("accepting an invitation has no dry run".to_owned()));
        }
        let code = match self.invitation {
            Some(path) if path.as_os_str() == "-" => Secret::new(stdin::read(CODE_MAX, "the code")?.trim().to_owned()),
            Some(path) if path.as_os_str() != ASK => read_secret(&path)?,
            _ => password::hidden("The invitation's code: ")?,
        };
        if code.reveal().trim().is_empty() {
            return Err(CliError::Usage("there is no code".to_owned()));
        }
        let new = password::new(self.new_password_file.as_deref())?;
        let call = Call::post(["invitations", code.reveal().trim()], json!({"password": new.reveal()}));
        let Reply { body, .. } = client.send(&call).await?;
        match console.format {
            Format::Json => console.json(&body)?,
            Format::Table => {
                let login = body["login"].as_str().unwrap_or_default();
                console.line(&format!("the password is set: sign in with dkube login --login {}", clean(login)))?;
            }
        }
        Ok(())
    }

    /// Only a session sets passwords: one is opened for this, and closed again.
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let kept = context.kept.as_ref().map(|kept| kept.login.clone());
        let login = self.login.or(kept).map_or_else(|| password::ask("Login: ", password::NO_TERMINAL), Ok)?;
        let present = self.password.read(&format!("Present password of {login}: "))?;
        let new = password::new(self.new_password_file.as_deref())?;
        let session = Session::open(&context.client, &login, &present).await?;
        let mut body = Map::from_iter([("password".to_owned(), json!(new.reveal()))]);
        match &self.of {
            Some(of) => body.insert("login".to_owned(), json!(of)),
            None => body.insert("current".to_owned(), json!(present.reveal())),
        };
        let call = self.write.apply(Call::post(["password"], Value::Object(body)));
        let Reply { body, .. } = session.give(&call, context.console).await?;
        Ok(super::answer::tell(context.console, &body)?)
    }
}
