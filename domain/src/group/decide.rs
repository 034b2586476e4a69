use super::{Command, Event, Group};
use crate::{
    Cluster, Event as Fact, GroupName, Login, PoolName, Rejection, Subject, UserId,
    decide::{Facts, resolve},
    pool::Pool,
    user::User,
};
use std::collections::BTreeSet;

pub(crate) fn decide(cluster: &Cluster, command: &Command) -> Facts {
    match command {
        Command::Create { name, users, pool } => create(cluster, name, users, pool.as_ref()),
        Command::Edit { name, add_users, remove_users, pool } => {
            edit(cluster, look_up(cluster, name)?, add_users, remove_users, pool.as_ref())
        }
        Command::Delete { name } => delete(look_up(cluster, name)?),
    }
}

/// The group of that name.
pub(crate) fn look_up<'a>(cluster: &'a Cluster, name: &GroupName) -> Result<&'a Group, Rejection> {
    cluster.group(name).ok_or_else(|| Rejection::NotFound(Subject::Group(name.clone())))
}

fn create(cluster: &Cluster, name: &GroupName, logins: &[Login], pool: Option<&PoolName>) -> Facts {
    if cluster.group(name).is_some() {
        return Err(Rejection::NameTaken(Subject::Group(name.clone())));
    }
    let users = resolve(cluster, logins, 0)?;
    groupless(&users, None)?;
    let pool = pool.map(|pool| unbound(cluster, pool)).transpose()?;
    let created = Fact::Group(Event::Created { name: name.clone() });
    let added = users.iter().map(|user| Fact::Group(Event::UserAdded { group: name.clone(), user: user.id }));
    let bound = pool.map(|pool| Fact::Group(Event::PoolBound { group: name.clone(), pool: pool.name.clone() }));
    Ok(std::iter::once(created).chain(added).chain(bound).collect())
}

fn edit(cluster: &Cluster, group: &Group, add: &[Login], remove: &[Login], pool: Option<&Option<PoolName>>) -> Facts {
    let joining = resolve(cluster, add, 0)?;
    let leaving = resolve(cluster, remove, add.len())?;
    let leavers: BTreeSet<UserId> = leaving.iter().map(|user| user.id).collect();
    if let Some(both) = joining.iter().find(|user| leavers.contains(&user.id)) {
        return Err(Rejection::NamedTwice(Subject::User(both.id)));
    }
    groupless(&joining, Some(&group.name))?;
    let foreign: Vec<UserId> = leaving
        .iter()
        .filter(|user| user.group.as_ref().is_some_and(|name| *name != group.name))
        .map(|user| user.id)
        .collect();
    if !foreign.is_empty() {
        return Err(Rejection::UserNotInGroup { group: group.name.clone(), users: foreign });
    }
    let removed = leaving
        .iter()
        .filter(|user| group.users.contains(&user.id))
        .map(|user| Fact::Group(Event::UserRemoved { group: group.name.clone(), user: user.id }));
    let added = joining
        .iter()
        .filter(|user| !group.users.contains(&user.id))
        .map(|user| Fact::Group(Event::UserAdded { group: group.name.clone(), user: user.id }));
    let rebound = pool.map_or(Ok(vec![]), |wanted| rebind(cluster, group, wanted.as_ref()))?;
    Ok(removed.chain(added).chain(rebound).collect())
}

fn rebind(cluster: &Cluster, group: &Group, wanted: Option<&PoolName>) -> Facts {
    if group.pool.as_ref() == wanted {
        return Ok(vec![]);
    }
    if group.name.is_default() {
        return Err(Rejection::GroupIsDefault);
    }
    let pool = wanted.map(|pool| unbound(cluster, pool)).transpose()?;
    let name = &group.name;
    let lost = group.pool.iter().map(|pool| Event::PoolUnbound { group: name.clone(), pool: pool.clone() });
    let won = pool.map(|pool| Event::PoolBound { group: name.clone(), pool: pool.name.clone() });
    Ok(lost.chain(won).map(Fact::Group).collect())
}

fn delete(group: &Group) -> Facts {
    if group.name.is_default() {
        return Err(Rejection::GroupIsDefault);
    }
    if !group.users.is_empty() || group.pool.is_some() {
        return Err(Rejection::GroupNotEmpty {
            group: group.name.clone(),
            users: group.users.iter().copied().collect(),
            pool: group.pool.clone(),
        });
    }
    Ok(vec![Fact::Group(Event::Deleted { name: group.name.clone() })])
}

/// Refuses users that are in a group, unless it is `but`.
fn groupless(users: &[&User], but: Option<&GroupName>) -> Result<(), Rejection> {
    let grouped: Vec<UserId> =
        users.iter().filter(|user| user.group.is_some() && user.group.as_ref() != but).map(|user| user.id).collect();
    if grouped.is_empty() { Ok(()) } else { Err(Rejection::UserInAnotherGroup { users: grouped }) }
}

fn unbound<'a>(cluster: &'a Cluster, name: &PoolName) -> Result<&'a Pool, Rejection> {
    let pool = cluster.pool(name).ok_or_else(|| Rejection::NotFound(Subject::Pool(name.clone())))?;
    match &pool.group {
        None => Ok(pool),
        // It can't be unbound there.
        Some(_) if name.is_default() => Err(Rejection::GroupIsDefault),
        Some(group) => Err(Rejection::PoolBound { pool: name.clone(), group: group.clone() }),
    }
}
