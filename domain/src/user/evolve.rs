use super::{Event, Invitation, User};
use crate::{Cluster, Role, Stamp, UserId, cluster::Former, token};
use std::collections::BTreeSet;

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Onboarded { user, login, role, break_glass } => {
            cluster.logins.insert(login.clone(), *user);
            let user = User {
                id: *user,
                login: login.clone(),
                role: *role,
                group: None,
                suspended: false,
                break_glass: *break_glass,
                identity: None,
                password: None,
                invitation: None,
                jobs: BTreeSet::new(),
                tokens: BTreeSet::new(),
                signed_in_at: None,
                onboarded_at: at.recorded_at,
                revision: at.position,
                sessions_from: at.position,
            };
            cluster.users.insert(user.id, user);
        }
        Event::PasswordSet { user, hash } => {
            end_invitation(cluster, *user);
            change(cluster, at, *user, |user| {
                user.password.clone_from(hash);
                user.sessions_from = at.position;
            });
        }
        Event::Invited { user, until, hash } => {
            end_invitation(cluster, *user);
            cluster.invitations.insert(*hash, *user);
            change(cluster, at, *user, |user| user.invitation = Some(Invitation { hash: *hash, until: *until }));
        }
        Event::Linked { user, identity, .. } => {
            // What was made as somebody else, or elsewhere, is not theirs.
            end_tokens(cluster, *user);
            end_invitation(cluster, *user);
            unlink(cluster, *user);
            if let Some(identity) = identity {
                cluster.identities.insert(identity.clone(), *user);
            }
            change(cluster, at, *user, |user| {
                user.identity.clone_from(identity);
                user.password = None;
                user.sessions_from = at.position;
            });
        }
        Event::LoginChanged { user, login } => {
            if let Some(old) = cluster.users.get(user).map(|user| user.login.clone()) {
                cluster.logins.remove(&old);
                cluster.logins.insert(login.clone(), *user);
            }
            change(cluster, at, *user, |user| user.login.clone_from(login));
        }
        Event::RoleChanged { user, role, .. } => {
            hold_tokens(cluster, *user, *role);
            change(cluster, at, *user, |user| {
                // Who may do more by now may do it at once; who may do less of anything has to sign in again.
                if !role.includes(user.role) {
                    user.sessions_from = at.position;
                }
                user.role = *role;
            });
        }
        Event::Suspended { user } => {
            change(cluster, at, *user, |user| {
                user.suspended = true;
                user.sessions_from = at.position;
            });
            end_tokens(cluster, *user);
            end_invitation(cluster, *user);
        }
        Event::Reinstated { user } => change(cluster, at, *user, |user| user.suspended = false),
        Event::Deleted { user } => delete(cluster, *user),
        Event::Erased { user } => {
            cluster.former.insert(*user, Former::Erased);
        }
    }
}

fn change(cluster: &mut Cluster, at: Stamp, user: UserId, change: impl FnOnce(&mut User)) {
    if let Some(user) = cluster.users.get_mut(&user) {
        user.revision = at.position;
        change(user);
    }
}

/// The user leaves the state, and their tokens with them.
fn delete(cluster: &mut Cluster, id: UserId) {
    end_tokens(cluster, id);
    end_invitation(cluster, id);
    unlink(cluster, id);
    if let Some(user) = cluster.users.remove(&id) {
        cluster.logins.remove(&user.login);
        cluster.former.insert(id, Former::Deleted);
    }
}

/// No promotion raises a token that is there, nor one that was lowered by a demotion before. One whose role neither allows all
/// that the new role does nor less ends: under either role it could do what it was not made for, now or later.
fn hold_tokens(cluster: &mut Cluster, user: UserId, role: Role) {
    for id in cluster.users.get(&user).map(|user| user.tokens.clone()).unwrap_or_default() {
        let Some(token) = cluster.tokens.get_mut(&id) else { continue };
        if role.includes(token.role) {
            continue;
        }
        if token.role.includes(role) {
            token.role = role;
        } else {
            token::remove(cluster, id);
        }
    }
}

fn end_tokens(cluster: &mut Cluster, id: UserId) {
    for token in cluster.users.get(&id).map(|user| user.tokens.clone()).unwrap_or_default() {
        token::remove(cluster, token);
    }
}

/// Another backend holds: whoever came in through the old one has to come in anew, with new tokens. Not so the operator who
/// remains under every one.
pub(crate) fn end_sign_ins(cluster: &mut Cluster, at: Stamp) {
    let others: Vec<UserId> = cluster.users.values().filter(|user| !user.break_glass).map(|user| user.id).collect();
    for id in others {
        end_tokens(cluster, id);
        end_invitation(cluster, id);
        if let Some(user) = cluster.users.get_mut(&id) {
            user.sessions_from = at.position;
        }
    }
}

fn end_invitation(cluster: &mut Cluster, id: UserId) {
    if let Some(invitation) = cluster.users.get_mut(&id).and_then(|user| user.invitation.take()) {
        cluster.invitations.remove(&invitation.hash);
    }
}

fn unlink(cluster: &mut Cluster, id: UserId) {
    if let Some(identity) = cluster.users.get_mut(&id).and_then(|user| user.identity.take()) {
        cluster.identities.remove(&identity);
    }
}
