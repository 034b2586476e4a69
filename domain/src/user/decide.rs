use super::{Command, Entry, Event, Newcomer, PasswordHash, User};
use crate::{
    Cluster, Context, Event as Fact, GroupName, Login, Rejection, Role, Subject, Timestamp, UserId,
    backend::{self, BackendKind, Identity},
    cluster::Former,
    decide::{Facts, may_be_chosen, resolve},
    group,
    token::TokenHash,
};
use std::collections::BTreeSet;

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::Onboard { newcomers, group, role } => onboard(cluster, context, newcomers, group.as_ref(), *role),
        Command::Change { login, role, group, suspended } => {
            change(cluster, one(cluster, login)?, *role, group.as_ref(), *suspended)
        }
        Command::SetPassword { login, hash } => {
            let user = one(cluster, login)?;
            // Their password is the way back from every backend: theirs alone, or of whoever has the server's machine.
            if user.break_glass && context.asker.user().is_some_and(|asker| asker != user.id) {
                return Err(Rejection::BreakGlass { user: user.id });
            }
            set_password(cluster, user, hash)
        }
        Command::Invite { login, hash } => invite(cluster, one(cluster, login)?, *hash, context),
        Command::AcceptInvitation { code, hash } => accept(cluster, *code, hash, context),
        Command::SetLogin { login, to } => set_login(cluster, one(cluster, login)?, to),
        Command::Link { login, identity, called } => link_to(cluster, one(cluster, login)?, identity, called),
        Command::Rename { user, login } => rename(cluster, *user, login),
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
    logins.iter().try_for_each(|login| may_be_chosen(login))?;
    let known: Vec<UserId> =
        logins.iter().filter_map(|login| cluster.user_by_login(login)).map(|user| user.id).collect();
    if !known.is_empty() {
        return Err(Rejection::UserExists { users: known });
    }
    known_to_the_backend(cluster, newcomers)?;
    let group = group.map(|name| group::look_up(cluster, name)).transpose()?;
    context.bounded(newcomers.len())?;
    let facts = newcomers.iter().zip(0..).flat_map(|(newcomer, nth)| {
        let user = UserId(context.command.made(nth));
        let joined = group.map(|group| Fact::Group(group::Event::UserAdded { group: group.name.clone(), user }));
        arrival(user, newcomer, Standing::Other(role), context.now).into_iter().chain(joined)
    });
    Ok(facts.collect())
}

/// Everybody who is on-boarded is known to the active backend, as nobody who is a user.
fn known_to_the_backend(cluster: &Cluster, newcomers: &[Newcomer]) -> Result<(), Rejection> {
    let active = cluster.sign_in.kind();
    let fits = |newcomer: &Newcomer| {
        cluster.sign_in.is_of(newcomer.identity.as_ref()) && (active == BackendKind::Local || newcomer.entry.is_none())
    };
    if !newcomers.iter().all(fits) {
        return Err(Rejection::OtherBackend { active });
    }
    let identities: Vec<&Identity> = newcomers.iter().filter_map(|newcomer| newcomer.identity.as_ref()).collect();
    if identities.iter().collect::<BTreeSet<_>>().len() < identities.len() {
        return Err(Rejection::Malformed("two of the logins are one person's"));
    }
    let users: Vec<UserId> =
        identities.iter().filter_map(|identity| cluster.user_by_identity(identity)).map(|user| user.id).collect();
    if users.is_empty() { Ok(()) } else { Err(Rejection::UserExists { users }) }
}

/// As what somebody is on-boarded.
#[derive(Clone, Copy)]
pub(crate) enum Standing {
    /// The operator who remains when single sign-on is wrong.
    Founder,
    /// Anybody else.
    Other(Role),
}

/// The facts of one person's on-boarding, their group aside.
pub(crate) fn arrival(user: UserId, newcomer: &Newcomer, standing: Standing, now: Timestamp) -> Vec<Fact> {
    let (role, break_glass) = match standing {
        Standing::Founder => (Role::Operator, true),
        Standing::Other(role) => (role, false),
    };
    let onboarded = Event::Onboarded { user, login: newcomer.login.clone(), role, break_glass };
    let linked = newcomer.identity.as_ref().map(|identity| linked(user, Some(identity)));
    let entry = newcomer.entry.as_ref().map(|entry| entered(user, entry, now));
    std::iter::once(onboarded).chain(linked).chain(entry).map(Fact::User).collect()
}

fn entered(user: UserId, entry: &Entry, now: Timestamp) -> Event {
    match entry {
        Entry::Password(hash) => Event::PasswordSet { user, hash: Some(hash.clone()) },
        Entry::Invitation(hash) => Event::Invited { user, until: invited_until(now), hash: *hash },
    }
}

const fn invited_until(now: Timestamp) -> Timestamp {
    now.plus_seconds(INVITATION_DAYS * 86_400)
}

fn linked(user: UserId, identity: Option<&Identity>) -> Event {
    let backend = identity.map_or(BackendKind::Local, |identity| identity.realm.kind);
    Event::Linked { user, backend, identity: identity.cloned() }
}

/// The facts that make a user known as this identity (none: here), under this login.
pub(crate) fn link(user: &User, identity: Option<&Identity>, login: &Login) -> Vec<Fact> {
    let moved = (user.identity.as_ref() != identity).then(|| linked(user.id, identity));
    let renamed = (user.login != *login).then(|| Event::LoginChanged { user: user.id, login: login.clone() });
    moved.into_iter().chain(renamed).map(Fact::User).collect()
}

/// How many days an invitation may be used.
const INVITATION_DAYS: i64 = 7;

/// Passwords are kept here for whoever is known here; under another backend, for the break-glass operator alone.
fn may_have_password(cluster: &Cluster, user: &User) -> Result<(), Rejection> {
    match cluster.sign_in.kind() {
        BackendKind::Local => Ok(()),
        active if !user.break_glass => Err(Rejection::PasswordsElsewhere { active }),
        BackendKind::GitHub | BackendKind::Oidc => Ok(()),
    }
}

fn set_password(cluster: &Cluster, user: &User, hash: &PasswordHash) -> Facts {
    may_have_password(cluster, user)?;
    let mut facts = link(user, None, &user.login);
    facts.push(Fact::User(Event::PasswordSet { user: user.id, hash: Some(hash.clone()) }));
    Ok(facts)
}

fn invite(cluster: &Cluster, user: &User, hash: TokenHash, context: &Context<'_>) -> Facts {
    may_have_password(cluster, user)?;
    if user.break_glass {
        return Err(Rejection::BreakGlass { user: user.id });
    }
    if user.suspended {
        return Err(Rejection::ShutOut { user: user.id });
    }
    Ok(vec![Fact::User(Event::Invited { user: user.id, until: invited_until(context.now), hash })])
}

fn accept(cluster: &Cluster, code: TokenHash, hash: &PasswordHash, context: &Context<'_>) -> Facts {
    let theirs = |user: &&User| context.asker.user().is_none_or(|asker| asker == user.id);
    let user = cluster.invited(&code, context.now).filter(theirs).ok_or(Rejection::NoInvitation)?;
    set_password(cluster, user, hash)
}

/// A login is whose it is: only one that can't be read is replaced by hand.
fn set_login(cluster: &Cluster, user: &User, to: &Login) -> Facts {
    if user.login == *to {
        return Ok(vec![]);
    }
    if !user.login.is_unreadable() {
        return Err(Rejection::LoginReadable { user: user.id });
    }
    may_be_chosen(to)?;
    if let Some(holder) = cluster.user_by_login(to) {
        return Err(Rejection::LoginTaken { user: holder.id });
    }
    Ok(link(user, user.identity.as_ref(), to))
}

fn link_to(cluster: &Cluster, user: &User, identity: &Identity, called: &Login) -> Facts {
    may_be_chosen(called)?;
    backend::may_be_linked(user)?;
    if !cluster.sign_in.is_of(Some(identity)) {
        return Err(Rejection::OtherBackend { active: cluster.sign_in.kind() });
    }
    let holders = [cluster.user_by_identity(identity), cluster.user_by_login(called)];
    if let Some(holder) = holders.into_iter().flatten().find(|holder| holder.id != user.id) {
        return Err(Rejection::LoginTaken { user: holder.id });
    }
    Ok(link(user, Some(identity), called))
}

fn rename(cluster: &Cluster, id: UserId, login: &Login) -> Facts {
    may_be_chosen(login)?;
    let user = cluster.user(id).ok_or(Rejection::NotFound(Subject::User(id)))?;
    if user.identity.is_none() || !cluster.sign_in.is_of(user.identity.as_ref()) {
        return Err(Rejection::OtherBackend { active: cluster.sign_in.kind() });
    }
    if let Some(holder) = cluster.user_by_login(login).filter(|holder| holder.id != id) {
        return Err(Rejection::LoginTaken { user: holder.id });
    }
    Ok(link(user, user.identity.as_ref(), login))
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
    // Whoever may do less must not come back as an operator by a proposal of before.
    if !role.includes(user.role) || (suspended && !user.suspended) {
        facts.extend(proposed_no_more(cluster, &[user]));
    }
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
    Ok(proposed_no_more(cluster, &users).into_iter().chain(facts).collect())
}

/// A proposal that names one of these as its operator is withdrawn.
fn proposed_no_more(cluster: &Cluster, users: &[&User]) -> Option<Fact> {
    let operator = cluster.sign_in.proposal.as_ref()?.operator;
    let named = users.iter().any(|user| user.id == operator);
    named.then_some(Fact::Backend(backend::Event::Withdrawn { operator }))
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
