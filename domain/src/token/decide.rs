use super::{Command, Event, Scope, Token, TokenHash, evolve::of};
use crate::{Cluster, Context, Event as Fact, Rejection, Subject, TokenId, TokenName, decide::Facts};

/// The longest life of a token, in days.
const DAYS_MAX: u32 = 366;

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::Issue { name, scope, days, hash } => issue(cluster, context, name, *scope, *days, *hash),
        Command::Revoke { token } => {
            let token = cluster.token(*token).ok_or(Rejection::NotFound(Subject::Token(*token)))?;
            Ok(vec![revoked(token)])
        }
        Command::RevokeAll { login } => {
            let user = cluster.user_by_login(login).ok_or(Rejection::UnknownLogin(0))?;
            Ok(of(cluster, user.id).map(revoked).collect())
        }
    }
}

const fn revoked(token: &Token) -> Fact {
    Fact::Token(Event::Revoked { token: token.id, user: token.user })
}

fn issue(
    cluster: &Cluster,
    context: &Context<'_>,
    name: &TokenName,
    scope: Scope,
    days: u32,
    hash: TokenHash,
) -> Facts {
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Rejection::Malformed("a token lasts 1 to 366 days"));
    }
    let owner = context.asker.user().and_then(|id| cluster.user(id));
    let owner = owner.ok_or(Rejection::Malformed("a token belongs to the user who makes it"))?;
    let live: Vec<_> = of(cluster, owner.id).filter(|token| token.expires_at > context.now).collect();
    if let Some(same) = live.iter().find(|token| token.name == *name) {
        return Err(Rejection::TokenNameTaken(same.id));
    }
    if live.len() >= context.limits.tokens_per_user {
        return Err(Rejection::TooManyTokens(context.limits.tokens_per_user));
    }
    Ok(vec![Fact::Token(Event::Issued {
        token: TokenId(context.command.made(0)),
        user: owner.id,
        name: name.clone(),
        scope,
        role: owner.role,
        expires_at: context.now.plus_seconds(i64::from(days) * 86_400),
        hash,
    })])
}
