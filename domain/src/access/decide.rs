use super::{Command, Event};
use crate::{Cluster, Context, Event as Fact, Rejection, Subject, UserId, decide::Facts};
use std::sync::Arc;

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    let asker = || context.asker.user().ok_or(Rejection::Malformed("only a user tries this"));
    let event = match command {
        Command::SignIn => {
            let user = asker()?;
            let found = cluster.user(user).ok_or(Rejection::NotFound(Subject::User(user)))?;
            Event::SignedIn { user, break_glass: found.break_glass }
        }
        Command::FailSignIn { user, code } => {
            // Also who was deleted just now: it goes with them when they are erased.
            let known = |user: &UserId| cluster.user(*user).is_some() || cluster.is_former(*user);
            let known = |user: &UserId| known(user) && !cluster.is_erased(*user);
            Event::SignInFailed { user: user.filter(known), code: word(code)? }
        }
        Command::Deny { operation, code } => {
            Event::Denied { user: asker()?, operation: word(operation)?, code: word(code)? }
        }
        Command::ReadAudit => Event::AuditRead { user: asker()? },
    };
    Ok(vec![Fact::Access(event)])
}

fn word(text: &Arc<str>) -> Result<Arc<str>, Rejection> {
    let fits = text.len() <= Event::WORD_MAX;
    fits.then(|| Arc::clone(text)).ok_or(Rejection::Malformed("a word of an attempt is longer than 128 bytes"))
}
