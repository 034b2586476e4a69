use super::{Command, Event, Newcomer, User};
use crate::{
    Cluster, Context, Event as Fact, GroupName, Login, Rejection, Role, Subject, UserId,
    cluster::Former,
    decide::{Facts, resolve},
    group,
};
use std::collections::BTreeSet;

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::Onboard { newcomers, group, role } => onboard(cluster, context, newcomers, group.as_ref(), *role),
        Command::Change { login, role, group, suspended } => {
            change(cluster, one(cluster, login)?, *role, group.as_ref(), *suspended)
        }
        Command::SetPassword { login, hash } => {
            let user = one(cluster, login)?.id;
            Ok(vec![Fact::User(Event::PasswordSet { user, hash: Some(hash.clone()) })])
        }
        Command::Delete { logins } => delete(cluster, logins),
        Command::Erase { user } => erase(cluster, *user),
    }
}

fn one<'a>(cluster: &'a Cluster, login: &Login) -> Result<&'a User, Rejection> {
    cluster.user_by_login(login).ok_or(Rejection::UnknownLogin(0))
}

fn onboard(
    cluster: &Cluster,
    context: &Context<'_>,
    newcomers: &[Newcomer],
    group: Option<&GroupName>,
    role: Role,
) -> Facts {
    if newcomers.is_empty() {
        return Err(Rejection::Malformed("name at least one login"));
    }
    let logins: BTreeSet<&Login> = newcomers.iter().map(|newcomer| &newcomer.login).collect();
    if logins.len() < newcomers.len() {
        return Err(Rejection::Malformed("a login is named twice"));
    }
    let known: Vec<UserId> =
        logins.iter().filter_map(|login| cluster.user_by_login(login)).map(|user| user.id).collect();
    if !known.is_empty() {
        return Err(Rejection::UserExists { users: known });
    }
    let group = group.map(|name| group::look_up(cluster, name)).transpose()?;
    context.bounded(newcomers.len())?;
    let facts = newcomers.iter().zip(0..).flat_map(|(newcomer, nth)| {
        let user = UserId(context.command.made(nth));
        let joined = group.map(|group| Fact::Group(group::Event::UserAdded { group: group.name.clone(), user }));
        arrival(user, newcomer, role, false).into_iter().chain(joined)
    });
    Ok(facts.collect())
}

/// The facts of one person's on-boarding, their group aside.
pub(crate) fn arrival(user: UserId, newcomer: &Newcomer, role: Role, break_glass: bool) -> Vec<Fact> {
    let onboarded = Event::Onboarded { user, login: newcomer.login.clone(), role, break_glass };
    let password = newcomer.password.clone().map(|hash| Event::PasswordSet { user, hash: Some(hash) });
    std::iter::once(onboarded).chain(password).map(Fact::User).collect()
}

fn change(
    cluster: &Cluster,
    user: &User,
    role: Option<Role>,
    group: Option<&Option<GroupName>>,
    suspended: Option<bool>,
) -> Facts {
    let role = role.unwrap_or(user.role);
    let suspended = suspended.unwrap_or(user.suspended);
    let stays_operator = role == Role::Operator && !suspended;
    if user.is_able_operator() && !stays_operator {
        safe_without(cluster, &[user])?;
    }
    let mut facts = vec![];
    if role != user.role {
        facts.push(Fact::User(Event::RoleChanged { user: user.id, from: user.role, role }));
    }
    match (user.suspended, suspended) {
        (false, true) => facts.push(Fact::User(Event::Suspended { user: user.id })),
        (true, false) => facts.push(Fact::User(Event::Reinstated { user: user.id })),
        (false, false) | (true, true) => {}
    }
    if let Some(wanted) = group.filter(|wanted| **wanted != user.group) {
        let wanted = wanted.as_ref().map(|name| group::look_up(cluster, name)).transpose()?;
        let left = user.group.clone().map(|group| group::Event::UserRemoved { group, user: user.id });
        let joined = wanted.map(|group| group::Event::UserAdded { group: group.name.clone(), user: user.id });
        facts.extend(left.into_iter().chain(joined).map(Fact::Group));
    }
    Ok(facts)
}

fn delete(cluster: &Cluster, logins: &[Login]) -> Facts {
    if logins.is_empty() {
        return Err(Rejection::Malformed("name at least one login"));
    }
    let users = resolve(cluster, logins, 0)?;
    let busy: Vec<&&User> = users.iter().filter(|user| !user.jobs.is_empty()).collect();
    if !busy.is_empty() {
        return Err(Rejection::UserBusy {
            users: busy.iter().map(|user| user.id).collect(),
            jobs: busy.iter().flat_map(|user| user.jobs.iter().copied()).collect(),
        });
    }
    safe_without(cluster, &users)?;
    let facts = users.iter().flat_map(|user| {
        let left = user.group.clone().map(|group| Fact::Group(group::Event::UserRemoved { group, user: user.id }));
        left.into_iter().chain([Fact::User(Event::Deleted { user: user.id })])
    });
    Ok(facts.collect())
}

/// Refuses to lose the last operator who can sign in, and the one who remains when single sign-on is wrong.
fn safe_without(cluster: &Cluster, users: &[&User]) -> Result<(), Rejection> {
    let gone = users.iter().map(|user| user.id).collect();
    if let Some(user) = users.iter().find(|user| user.is_able_operator())
        && !cluster.has_operator_besides(&gone)
    {
        return Err(Rejection::LastOperator { user: user.id });
    }
    match users.iter().find(|user| user.break_glass) {
        Some(user) => Err(Rejection::BreakGlass { user: user.id }),
        None => Ok(()),
    }
}

fn erase(cluster: &Cluster, user: UserId) -> Facts {
    match cluster.former.get(&user) {
        Some(Former::Deleted) => Ok(vec![Fact::User(Event::Erased { user })]),
        Some(Former::Erased) => Ok(vec![]),
        None if cluster.user(user).is_some() => Err(Rejection::NotDeleted { user }),
        None => Err(Rejection::NotFound(Subject::User(user))),
    }
}
