//! `dkube user …`
use super::{
    answer,
    args::{InPerson, List, Match, Read, Write},
    call::Call,
    client::Reply,
    console::Format,
    context::Context,
    error::CliError,
    table::{self, As, Column},
};
use crate::settings::{read_password, read_secret};
use clap::Subcommand;
use domain::{GroupName, Login, Role, UserId};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

pub(super) const COLUMNS: [Column; 7] = [
    ("LOGIN", "login", As::Text),
    ("ROLE", "role", As::Text),
    ("GROUP", "group", As::Text),
    ("JOBS", "jobs", As::Count),
    ("SUSPENDED", "suspended", As::Mark),
    ("LAST SIGN-IN", "last_sign_in", As::Time),
    ("ID", "id", As::Text),
];

fn role(text: &str) -> Result<Role, String> {
    let names = || Role::ALL.map(Role::as_str).join(", ");
    Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| format!("a role is one of: {}", names()))
}

/// A change of one user.
#[derive(Debug, clap::Args)]
pub(crate) struct Change {
    login: Login,
    #[command(flatten)]
    matching: Match,
    #[command(flatten)]
    write: Write,
}

impl Change {
    async fn run(self, context: &mut Context<'_>, body: Value) -> Result<(), CliError> {
        let call = Call::patch(["users", self.login.as_str()], body);
        context.command(self.matching.apply(call), &self.write).await
    }

    async fn in_person(
        self,
        context: &mut Context<'_>,
        session: &InPerson,
        body: impl Into<Value>,
    ) -> Result<(), CliError> {
        let call = Call::patch(["users", self.login.as_str()], body.into());
        let told = session.give(&self.write.apply(self.matching.apply(call)), context).await?;
        Ok(answer::tell(context.console, &told)?)
    }
}

/// An invitation. Only a session makes one: it is opened for this, and closed again.
#[derive(Debug, clap::Args)]
pub(crate) struct Invite {
    login: Login,
    #[command(flatten)]
    session: InPerson,
    #[command(flatten)]
    write: Write,
}

impl Invite {
    async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        let call = Call::new(Method::POST, ["users", self.login.as_str(), "invitation"]);
        let body = self.session.give(&self.write.apply(call), context).await?;
        invited(context, &body)
    }
}

/// Tells a command's answer, and the invitations in it.
fn invited(context: &mut Context<'_>, body: &Value) -> Result<(), CliError> {
    answer::tell(context.console, body)?;
    if context.console.format == Format::Table {
        let invitations = body["invitations"].as_array().map_or(&[][..], Vec::as_slice);
        if !invitations.is_empty() {
            context.console.line("")?;
            table::table(context.console, &INVITATIONS, invitations)?;
            context.console.note("give each their code, which is shown this once: dkube password --invitation")?;
        }
        if body["secret_withheld"] == true {
            context.console.note("the codes were shown with the first answer: invite them anew (dkube user invite)")?;
        }
    }
    Ok(())
}

const INVITATIONS: [Column; 3] =
    [("LOGIN", "login", As::Text), ("INVITATION", "code", As::Text), ("UNTIL", "expires_at", As::Time)];

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List users
    List {
        /// Only those of this group; none: those in no group
        #[arg(long)]
        group: Option<GroupName>,
        /// Only those who may do this: operator, auditor or data-scientist
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// Only those who are shut out
        #[arg(long)]
        suspended: bool,
        #[command(flatten)]
        list: List,
    },
    /// Show a user
    Show {
        login: Login,
        #[command(flatten)]
        read: Read,
    },
    /// On-board users, all or none
    Onboard {
        #[arg(required = true, value_name = "LOGIN")]
        logins: Vec<Login>,
        /// The group that all of them join [default: default]
        #[arg(long, conflicts_with = "no_group")]
        group: Option<GroupName>,
        /// Let them join no group
        #[arg(long)]
        no_group: bool,
        /// What all of them may do: operator, auditor or data-scientist [default: data-scientist]
        #[arg(long, value_parser = role)]
        role: Option<Role>,
        /// The sign-in backend's own word for the one user, where it knows several who are called so
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
        /// A file with the first password of the one user, or, for several, a line "login password" for each; left out, where
        /// people are known here: each is invited to choose one
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        #[command(flatten)]
        write: Write,
    },
    /// Change what a user may do. Only a session makes operators: it is opened for this, and closed again
    Role {
        #[command(flatten)]
        change: Change,
        /// operator, auditor or data-scientist
        #[arg(value_parser = role)]
        role: Role,
        #[command(flatten)]
        session: InPerson,
    },
    /// Move a user to another group, or to none
    #[command(group = clap::ArgGroup::new("to").required(true).args(["group", "no_group"]))]
    Move {
        #[command(flatten)]
        change: Change,
        /// The group to join
        group: Option<GroupName>,
        /// Let them be in no group
        #[arg(long)]
        no_group: bool,
    },
    /// Let a user choose a local password: makes an invitation, whose code is shown this once
    Invite(Invite),
    /// Say who a user of an earlier sign-in backend is at the active one
    Link {
        #[command(flatten)]
        change: Change,
        /// What they are called there: dkube directory list
        called: Login,
        /// The sign-in backend's own word for them, where several are called so
        #[arg(long, value_name = "SUBJECT")]
        subject: Option<String>,
        #[command(flatten)]
        session: InPerson,
    },
    /// Give a login to a user whose own can't be read, since the key that it is sealed under was lost
    Rename {
        #[command(flatten)]
        change: Change,
        /// What they are called from now on
        to: Login,
    },
    /// Shut a user out: sessions, tokens and streams end, jobs go on
    Suspend(Change),
    /// Let a suspended user in again
    Reinstate(Change),
    /// Delete users, all or none
    Delete {
        #[arg(required = true, value_name = "LOGIN")]
        logins: Vec<Login>,
        #[command(flatten)]
        write: Write,
    },
    /// Destroy the personal data of a deleted user; can't be taken back
    Erase {
        /// The user's id: the audit trail has it
        id: UserId,
        #[command(flatten)]
        write: Write,
    },
}

impl Command {
    pub(super) async fn run(self, context: &mut Context<'_>) -> Result<(), CliError> {
        match self {
            Self::List { group, role, suspended, list } => {
                let call = Call::get(["users"])
                    .query_some("group", group)
                    .query_some("role", role)
                    .query_some("suspended", suspended.then_some(true));
                context.list(call, &list, &COLUMNS).await
            }
            Self::Show { login, read } => context.show(Call::get(["users", login.as_str()]), &read).await,
            Self::Onboard { logins, group, no_group, role, subject, password_file, write } => {
                let mut body = Map::from_iter([("logins".to_owned(), json!(logins))]);
                // Null: no group; left out: the default one.
                if no_group || group.is_some() {
                    body.insert("group".to_owned(), json!(group));
                }
                if let Some(role) = role {
                    body.insert("role".to_owned(), json!(role));
                }
                match (subject, logins.as_slice()) {
                    (None, _) => {}
                    (Some(subject), [login]) => {
                        let subjects = Map::from_iter([(login.to_string(), json!(subject))]);
                        body.insert("subjects".to_owned(), Value::Object(subjects));
                    }
                    (Some(_), _) => return Err(CliError::Usage("--subject goes with one login".to_owned())),
                }
                if let Some(path) = password_file {
                    body.insert("passwords".to_owned(), passwords(&logins, &path)?);
                }
                let call = write.apply(Call::post(["users"], Value::Object(body)));
                let Reply { body, .. } = context.client.send(&call).await?;
                invited(context, &body)
            }
            Self::Role { change, role: role @ Role::Operator, session } => {
                change.in_person(context, &session, json!({"role": role})).await
            }
            Self::Role { change, role, session: _ } => change.run(context, json!({"role": role})).await,
            Self::Move { change, group, no_group: _ } => change.run(context, json!({"group": group})).await,
            Self::Invite(invite) => invite.run(context).await,
            Self::Link { change, called, subject, session } => {
                let mut body = Map::from_iter([("link".to_owned(), json!(called))]);
                if let Some(subject) = subject {
                    body.insert("subject".to_owned(), json!(subject));
                }
                change.in_person(context, &session, body).await
            }
            Self::Rename { change, to } => change.run(context, json!({"login": to})).await,
            Self::Suspend(change) => change.run(context, json!({"suspended": true})).await,
            Self::Reinstate(change) => change.run(context, json!({"suspended": false})).await,
            Self::Delete { logins, write } => {
                let call = match logins.as_slice() {
                    [login] => Call::delete(["users", login.as_str()]),
                    logins => Call::post(["users", "delete"], json!({"logins": logins})),
                };
                context.command(call, &write).await
            }
            Self::Erase { id, write } => {
                context.command(Call::new(Method::POST, ["users", &id.to_string(), "erase"]), &write).await
            }
        }
    }
}

/// The first password of each.
fn passwords(logins: &[Login], path: &std::path::Path) -> Result<Value, CliError> {
    if let [login] = logins {
        let password = read_password(path)?;
        return Ok(Value::Object(Map::from_iter([(login.to_string(), json!(password.reveal()))])));
    }
    let text = read_secret(path)?;
    let mut passwords = Map::new();
    for line in text.reveal().lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (login, password) = line.split_once(char::is_whitespace).unwrap_or_default();
        let login = login.parse::<Login>().ok().filter(|login| logins.contains(login));
        let unfit =
            || CliError::Usage(format!("{}: a line is one of these logins, a space, and its password", path.display()));
        passwords.insert(login.ok_or_else(unfit)?.to_string(), json!(password.trim_start()));
    }
    match logins.iter().find(|login| !passwords.contains_key(login.as_str())) {
        Some(login) => Err(CliError::Usage(format!("{} has no password for {login}", path.display()))),
        None => Ok(passwords.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(logins: &[&str], text: &str) -> Result<Value, CliError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        passwords(&logins.iter().map(|login| login.parse().unwrap()).collect::<Vec<_>>(), file.path())
    }

    #[test]
    fn passwords_by_login() {
        assert_eq!(read(&["ada"], "correct horse\n").unwrap(), json!({"ada": "correct horse"}));
        let both = read(&["ada", "bob"], "ada correct horse\n\nBob  battery staple\n").unwrap();
        assert_eq!(both, json!({"ada": "correct horse", "bob": "battery staple"}));
        assert!(
            read(&["ada", "bob"], "ada correct horse\n").unwrap_err().to_string().ends_with("has no password for bob")
        );
        for bad in ["eve x\nada y\nbob z", "nonsense"] {
            let error = read(&["ada", "bob"], bad).unwrap_err().to_string();
            assert!(error.contains("a line is one of these logins") && !error.contains("nonsense"), "{error}");
        }
    }
}
