use super::{Event, Token};
use crate::{Cluster, Stamp, TokenId, UserId};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Issued { token, user, name, scope, role, expires_at, hash } => {
            // The owner's expired ones go when they make another: so what a user holds stays bounded.
            let stale: Vec<TokenId> =
                of(cluster, *user).filter(|old| old.expires_at <= at.recorded_at).map(|old| old.id).collect();
            for id in stale {
                remove(cluster, id);
            }
            cluster.token_hashes.insert(*hash, *token);
            let issued = Token {
                id: *token,
                user: *user,
                name: name.clone(),
                scope: *scope,
                role: *role,
                issued_at: at.recorded_at,
                expires_at: *expires_at,
                hash: *hash,
                revision: at.position,
            };
            cluster.tokens.insert(*token, issued);
            if let Some(owner) = cluster.users.get_mut(user) {
                owner.tokens.insert(*token);
            }
        }
        Event::Revoked { token, .. } => remove(cluster, *token),
    }
}

/// The tokens of a user, expired ones too.
pub(super) fn of(cluster: &Cluster, user: UserId) -> impl Iterator<Item = &Token> {
    cluster.user(user).into_iter().flat_map(|user| &user.tokens).filter_map(|id| cluster.token(*id))
}

pub(crate) fn remove(cluster: &mut Cluster, id: TokenId) {
    if let Some(token) = cluster.tokens.remove(&id) {
        cluster.token_hashes.remove(&token.hash);
        if let Some(owner) = cluster.users.get_mut(&token.user) {
            owner.tokens.remove(&id);
        }
    }
}
