//! A new password for the operator who remains when nobody can sign in: on the machine of a server that is stopped.
use super::{
    abandon,
    first_password::{self, FirstPassword},
    opened::{Opened, founded},
};
use crate::{
    http::{PasswordCost, hash_password},
    settings::Settings,
};
use anyhow::Context;
use bus::engine::Request;
use domain::{Command, Login, Principal, Reason, user};
use std::sync::Arc;

/// Who has a new password.
pub(crate) struct Reset {
    /// Their login.
    pub(crate) login: Login,
    /// Where it is told; none where the settings gave it.
    pub(crate) password: Option<FirstPassword>,
}

/// Sets the operator's password, and ends their sessions; and their login, where it can't be read: to this one, or to that of the
/// settings. It is recorded, as the server's doing. A password that is made here is
/// shown on a terminal only if `may_show` says so.
///
/// # Errors
/// There is no cluster in the data folder, a server has it, or it can't be written.
pub(crate) async fn reset_operator(settings: Settings, login: Option<Login>, may_show: bool) -> anyhow::Result<Reset> {
    let settings = Arc::new(settings);
    founded(&settings)?;
    let opening = Arc::clone(&settings);
    let opened = tokio::task::spawn_blocking(move || Opened::open(&opening)).await??;
    let reset = reset(&opened, &settings, login, may_show).await;
    let closed = opened.close().await;
    let reset = reset?;
    closed?;
    Ok(reset)
}

async fn reset(opened: &Opened, settings: &Settings, wanted: Option<Login>, may_show: bool) -> anyhow::Result<Reset> {
    opened.caught_up().await;
    abandon::record(opened).await;
    let login = {
        let read = opened.live.read();
        let mut users = read.state().cluster().users().values();
        users.find(|user| user.break_glass).map(|user| user.login.clone())
    };
    let login = login.context("the cluster was not founded to its end: start the server once")?;
    // Before anything is told: what is told takes the place of a password that may be good still.
    if let Some(why) = opened.engine.low_space() {
        anyhow::bail!("the password can't be set: {why}");
    }
    let to = called(settings, &login, wanted)?;
    let who = format!("the operator {to} will have the password");
    let (password, told) = first_password::chosen(settings, &who, may_show)?;
    let hash = tokio::task::spawn_blocking(move || hash_password(password.reveal(), PasswordCost::default())).await??;
    if to != login {
        let command = Command::User(user::Command::SetLogin { login, to: to.clone() });
        submit(opened, command).await.with_context(|| format!("cannot call the operator {to}: choose with --login"))?;
    }
    let command = Command::User(user::Command::SetPassword { login: to.clone(), hash });
    submit(opened, command).await.context("cannot set the password: the old one holds")?;
    Ok(Reset { login: to, password: told })
}

/// What the operator is called from now on: otherwise than before, where their login can't be read.
fn called(settings: &Settings, login: &Login, wanted: Option<Login>) -> anyhow::Result<Login> {
    if login.is_unreadable() {
        return Ok(wanted.unwrap_or_else(|| settings.operator_login.clone()));
    }
    let other = wanted.filter(|wanted| wanted != login);
    anyhow::ensure!(other.is_none(), "the operator is called {login}: only a login that can't be read is replaced");
    Ok(login.clone())
}

async fn submit(opened: &Opened, command: Command) -> anyhow::Result<()> {
    let reason: Reason = "dkube auth reset-operator, on the server's machine".parse().context("a fixed text")?;
    let request = Request { reason: Some(reason), ..Request::new(Principal::SYSTEM, command) };
    opened.engine.submit(request).await?;
    Ok(())
}
