//! What is recorded of those who sign in, are refused, or read the audit trail.
use super::{Asker, Credential, SessionKey};
use crate::http::{app::App, problem::Refused};
use bus::engine::{Failure, Request};
use domain::{Command, Principal, Timestamp, TokenId, Via, access};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

/// For so many seconds, further looks at the audit trail by the same sign-in are not recorded.
const AUDIT_WINDOW: i64 = 3600;

/// The most readers that are remembered: past them, one may be recorded twice.
const READERS_MAX: usize = 10_000;

/// Has an attempt recorded, and waits until that is durable.
///
/// # Errors
/// It can't be.
async fn record(app: &App, who: Principal, command: access::Command) -> Result<(), Failure> {
    app.parts.commands.submit(Request::new(who, Command::Access(command))).await.map(drop)
}

/// Records what changes nothing for whoever tried: it is answered also where it can't be recorded, as when the disk is full.
/// Whether it was. That it was not is counted, and not logged each time: strangers could fill the disk with it.
async fn record_if_possible(app: &App, who: Principal, command: access::Command) -> bool {
    let recorded = record(app, who, command).await;
    if let Err(failure) = &recorded {
        app.metrics.unrecorded();
        tracing::debug!(reason = %failure, "an attempt was not recorded");
    }
    recorded.is_ok()
}

/// That somebody did not come in: of the user whose login they gave, if there is one.
pub(crate) async fn sign_in_failed(app: &App, user: Option<domain::UserId>, code: &str, address: Option<IpAddr>) {
    let server = Principal { address, ..Principal::SYSTEM };
    record_if_possible(app, server, access::Command::FailSignIn { user, code: code.into() }).await;
}

/// That a user came in.
///
/// # Errors
/// They may not any more.
pub(crate) async fn signed_in(app: &App, who: Principal) -> Result<(), Failure> {
    match record(app, who, access::Command::SignIn).await {
        // Whoever is to make room on the disk must be able to look.
        Err(Failure::ReadOnly(why)) => {
            app.metrics.unrecorded();
            tracing::warn!(reason = why, "a sign-in was not recorded");
            Ok(())
        }
        recorded => recorded,
    }
}

/// That a user was refused what they asked for.
pub(crate) async fn refused(app: &App, who: Principal, operation: &str, Refused { code }: Refused) {
    let (operation, code) = (operation.into(), code.into());
    record_if_possible(app, who, access::Command::Deny { operation, code }).await;
}

/// That a user reads the audit trail, now and then for as long as they go on.
pub(super) async fn audit_read(app: &App, asker: &Asker) {
    let reader = match asker.credential {
        Credential::Session(key, _) => Reader::Session(key),
        Credential::Token(_) => match asker.principal.via {
            Via::Token(id) => Reader::Token(id),
            Via::Session { .. } | Via::Invitation | Via::Internal => return,
        },
    };
    let recorded = !app.audit_readers.is_first(reader, app.now())
        || record_if_possible(app, asker.principal.clone(), access::Command::ReadAudit).await;
    if !recorded {
        app.audit_readers.forget(reader);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reader {
    Session(SessionKey),
    Token(TokenId),
}

/// Who read the audit trail of late, each with when that was recorded.
#[derive(Debug, Default)]
pub(crate) struct AuditReaders(Mutex<HashMap<Reader, Timestamp>>);

impl AuditReaders {
    fn is_first(&self, reader: Reader, now: Timestamp) -> bool {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |since: &Timestamp| *since <= now && now < since.plus_seconds(AUDIT_WINDOW);
        if readers.get(&reader).is_some_and(recent) {
            return false;
        }
        if readers.len() >= READERS_MAX {
            readers.retain(|_, since| recent(since));
        }
        if readers.len() < READERS_MAX {
            readers.insert(reader, now);
        }
        true
    }

    /// The next look is the first again.
    fn forget(&self, reader: Reader) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&reader);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_reader_is_told_of_once_an_hour_and_few_are_remembered() {
        let readers = AuditReaders::default();
        let reader = |n: usize| Reader::Token(TokenId(Uuid::from_u128(u128::try_from(n).unwrap())));
        let at = |seconds| Timestamp::default().plus_seconds(seconds);
        assert!(readers.is_first(reader(0), at(0)));
        assert!(!readers.is_first(reader(0), at(AUDIT_WINDOW - 1)));
        readers.forget(reader(0));
        assert!(readers.is_first(reader(0), at(0)));
        assert!(readers.is_first(reader(1), at(1)));
        assert!(readers.is_first(reader(0), at(AUDIT_WINDOW)));
        for n in 0..=READERS_MAX {
            readers.is_first(reader(n + 2), at(AUDIT_WINDOW));
        }
        assert_eq!(readers.0.lock().unwrap().len(), READERS_MAX);
        assert!(readers.is_first(reader(READERS_MAX + 9), at(AUDIT_WINDOW + 1)), "it is recorded, and not remembered");
    }
}
