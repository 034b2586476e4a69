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
    abandon::record(opened).await.context("the password can't be set: that keys were given up can't be recorded")?;
    let to = called(settings, &login, wanted)?;
    let renamed = (to != login).then(|| Command::User(user::Command::SetLogin { login, to: to.clone() }));
    if let Some(command) = &renamed {
        rename(opened, command.clone(), true).await?;
    }
    let who = format!("the operator {to} will have the password");
    let (password, told) = first_password::chosen(settings, &who, may_show)?;
    let hash = tokio::task::spawn_blocking(move || hash_password(password.reveal(), PasswordCost::default())).await??;
    if let Some(command) = renamed {
        rename(opened, command, false).await?;
    }
    let command = Command::User(user::Command::SetPassword { login: to.clone(), hash });
    submit(opened, command, false).await.context("cannot set the password: the old one holds")?;
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

async fn rename(opened: &Opened, command: Command, dry_run: bool) -> anyhow::Result<()> {
    submit(opened, command, dry_run).await.context("the operator can't be called so: choose another login with --login")
}

async fn submit(opened: &Opened, command: Command, dry_run: bool) -> anyhow::Result<()> {
    let reason: Reason = "dkube auth reset-operator, on the server's machine".parse().context("a fixed text")?;
    let request = Request { reason: Some(reason), dry_run, ..Request::new(Principal::SYSTEM, command) };
    opened.engine.submit(request).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        serve::{abandon::abandon, first_password, genesis},
        settings::{Environment, Flags},
    };
    use domain::{Role, user::Newcomer};
    use std::{fs, path::Path};

    fn settings(data: &Path, more: &[(&str, &str)]) -> Settings {
        let data = data.to_str().unwrap();
        let [one, other] = [0, 1].map(|n| more.get(n).copied().unwrap_or(("HOME", "/")));
        Settings::load(&Flags::default(), &Environment::of([("DKUBE_DATA", data), one, other])).unwrap()
    }

    #[tokio::test]
    async fn nothing_is_told_of_a_password_where_the_login_is_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let given = settings(&data, &[("DKUBE_OPERATOR_PASSWORD", "the first password")]);
        let opened = Opened::open(&given).unwrap();
        genesis::found(&opened, &given).await.unwrap();
        opened.close().await.unwrap();
        fs::remove_file(given.master_key()).unwrap();

        // A full disk keeps nobody from going on; the log is told later.
        let full = settings(&data, &[("DKUBE_FREE_SPACE_FLOOR", "1000000TiB")]);
        let abandoned = abandon(&full, |_| Ok(())).await.unwrap();
        let why = format!("{:#}", abandoned.unrecorded.unwrap());
        assert!(why.contains("make room"), "{why}");
        assert!(given.master_key().exists());

        let opened = Opened::open(&given).unwrap();
        opened.caught_up().await;
        assert_eq!(opened.live.read().state().cluster().keys_lost(), None);
        abandon::record(&opened).await.unwrap();
        let ada: Login = "ada".parse().unwrap();
        let newcomers = vec![Newcomer::new(ada.clone())];
        let command = user::Command::Onboard { newcomers, group: None, role: Role::DataScientist };
        submit(&opened, Command::User(command), false).await.unwrap();
        opened.caught_up().await;
        assert!(opened.live.read().state().cluster().keys_lost().is_some());
        opened.close().await.unwrap();

        let path = first_password::path(&data);
        fs::write(&path, "one that may be good still").unwrap();
        let refused = reset_operator(settings(&data, &[]), Some(ada), false).await.err().unwrap();
        assert!(format!("{refused:#}").contains("--login"), "{refused:#}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "one that may be good still");

        let reset = reset_operator(settings(&data, &[]), Some("root".parse().unwrap()), false).await.unwrap();
        assert_eq!(reset.login.as_str(), "root");
        assert!(matches!(reset.password, Some(FirstPassword::Written(told)) if told == path));
        assert_ne!(fs::read_to_string(&path).unwrap(), "one that may be good still");
    }
}
