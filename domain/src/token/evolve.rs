use super::{Event, Token};
use crate::{Cluster, Stamp, TokenId};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Issued { token, user, name, scope, role, expires_at, hash } => {
            // The owner's expired ones go when they make another: so what a user holds stays bounded.
            let stale: Vec<TokenId> = cluster
                .tokens
                .values()
                .filter(|old| old.user == *user && old.expires_at <= at.recorded_at)
                .map(|old| old.id)
                .collect();
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
        }
        Event::Revoked { token, .. } => remove(cluster, *token),
    }
}

fn remove(cluster: &mut Cluster, id: TokenId) {
    if let Some(token) = cluster.tokens.remove(&id) {
        cluster.token_hashes.remove(&token.hash);
    }
}
