//! `dkube password`.
use super::{args::Write, call::Call, client::Reply, context::Context, error::CliError, password, sign_in::Session};
use domain::Login;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Sets a local password.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
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
    /// Only a session sets passwords: one is opened for this, and closed again.
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let kept = context.kept.as_ref().map(|kept| kept.login.clone());
        let login = self.login.or(kept).map_or_else(|| password::ask("Login: "), Ok)?;
        let present = self.password.read(&format!("Present password of {login}: "))?;
        let new = password::new(self.new_password_file.as_deref())?;
        let session = Session::open(&context.client, &login, &present).await?;
        let mut body = Map::from_iter([("password".to_owned(), json!(new.reveal()))]);
        match &self.of {
            Some(of) => body.insert("login".to_owned(), json!(of)),
            None => body.insert("current".to_owned(), json!(present.reveal())),
        };
        let set = session.client.send(&self.write.apply(Call::post(["password"], Value::Object(body)))).await;
        if session.close().await.is_err() {
            context.console.note("warning: the session could not be closed; it ends by itself")?;
        }
        let Reply { body, .. } = set?;
        Ok(super::answer::tell(context.console, &body)?)
    }
}
