use super::{Event, Group};
use crate::{Cluster, GroupName, PoolName, Stamp, UserId};
use std::collections::BTreeSet;

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Created { name } => {
            let group = Group { name: name.clone(), users: BTreeSet::new(), pool: None, revision: at.position };
            cluster.groups.insert(name.clone(), group);
        }
        Event::Deleted { name } => {
            cluster.groups.remove(name);
        }
        Event::UserAdded { group, user } => member(cluster, at, group, *user, true),
        Event::UserRemoved { group, user } => member(cluster, at, group, *user, false),
        Event::PoolBound { group, pool } => bind(cluster, at, group, pool, true),
        Event::PoolUnbound { group, pool } => bind(cluster, at, group, pool, false),
    }
}

fn member(cluster: &mut Cluster, at: Stamp, name: &GroupName, user: UserId, joins: bool) {
    if let Some(group) = cluster.groups.get_mut(name) {
        group.revision = at.position;
        if joins {
            group.users.insert(user)
        } else {
            group.users.remove(&user)
        };
    }
    if let Some(user) = cluster.users.get_mut(&user) {
        user.revision = at.position;
        user.group = joins.then(|| name.clone());
    }
}

fn bind(cluster: &mut Cluster, at: Stamp, name: &GroupName, pool: &PoolName, bound: bool) {
    if let Some(group) = cluster.groups.get_mut(name) {
        group.revision = at.position;
        group.pool = bound.then(|| pool.clone());
    }
    if let Some(pool) = cluster.pools.get_mut(pool) {
        pool.revision = at.position;
        pool.group = bound.then(|| name.clone());
    }
}
