//! Sessions: kept in memory, so that a restart ends them all.
use super::{SessionSecret, secret::random_id};
use crate::http::app::HttpSettings;
use domain::{Position, Timestamp, UserId, Via, user::User};
use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// By what a session is found: the hash of its secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionKey(pub(super) [u8; 32]);

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// A sign-in that lasts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    /// What it is called when it is listed: not its secret.
    pub(crate) id: Uuid,
    /// Whose it is.
    pub(crate) user: UserId,
    /// The position of the state that the sign-in was checked against: the domain tells what ends it since.
    pub(crate) since: Position,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// When it was last used.
    pub(crate) used_at: Timestamp,
    /// When it ends however much it is used.
    pub(crate) expires_at: Timestamp,
    /// Where they signed in from.
    pub(crate) address: Option<IpAddr>,
}

impl Session {
    /// How the domain knows it.
    pub(crate) const fn via(&self) -> Via {
        Via::Session { since: self.since }
    }
}

/// The most sessions of one user: the oldest ends when another begins.
const PER_USER: usize = 20;

/// Every session.
pub(crate) struct Sessions {
    held: Mutex<HashMap<SessionKey, Session>>,
    max: usize,
    idle: i64,
    life: i64,
}

impl Sessions {
    /// None yet.
    pub(crate) fn new(settings: &HttpSettings) -> Self {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        Self {
            held: Mutex::default(),
            max: settings.sessions_max,
            idle: seconds(settings.session_idle),
            life: seconds(settings.session_life),
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<SessionKey, Session>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lasts(&self, session: &Session, now: Timestamp) -> bool {
        now < session.expires_at && now < session.used_at.plus_seconds(self.idle)
    }

    /// Begins one of this user, as they were when the sign-in was checked, and `since` the position then. None if there
    /// are too many.
    pub(crate) fn begin(
        &self,
        user: &User,
        since: Position,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<(SessionSecret, Session)> {
        let mut held = self.held();
        // Those of theirs that are over need no room.
        let over = |session: &Session| session.user == user.id && user.admits(session.via()).is_err();
        held.retain(|_, session| self.lasts(session, now) && !over(session));
        let own = || held.iter().filter(|(_, session)| session.user == user.id);
        if own().count() >= PER_USER
            && let Some(oldest) = own().min_by_key(|(_, session)| session.used_at).map(|(key, _)| *key)
        {
            held.remove(&oldest);
        }
        if held.len() >= self.max {
            return None;
        }
        let secret = SessionSecret::generate();
        let session = Session {
            id: random_id(),
            user: user.id,
            since,
            started_at: now,
            used_at: now,
            expires_at: now.plus_seconds(self.life),
            address,
        };
        held.insert(secret.key(), session);
        Some((secret, session))
    }

    /// The session, if it lasts: this is a use of it.
    pub(crate) fn touch(&self, key: &SessionKey, now: Timestamp) -> Option<Session> {
        let mut held = self.held();
        let session = held.get_mut(key)?;
        if !self.lasts(session, now) {
            held.remove(key);
            return None;
        }
        session.used_at = now.max(session.used_at);
        Some(*session)
    }

    /// The session, if it lasts: this is no use of it.
    pub(crate) fn look(&self, key: &SessionKey, now: Timestamp) -> Option<Session> {
        self.held().get(key).filter(|session| self.lasts(session, now)).copied()
    }

    /// Ends it.
    pub(crate) fn end(&self, key: &SessionKey) {
        self.held().remove(key);
    }

    /// Ends the one that is listed under this id, if `may` agrees. Whether there was one.
    pub(crate) fn end_listed(&self, id: Uuid, may: impl Fn(&Session) -> bool) -> bool {
        let mut held = self.held();
        let found = held.iter().find(|(_, session)| session.id == id && may(session)).map(|(key, _)| *key);
        found.is_some_and(|key| held.remove(&key).is_some())
    }

    /// Lets it outlive what its own user recorded at this position, having shown the password.
    pub(crate) fn renew(&self, key: &SessionKey, at: Position) {
        if let Some(session) = self.held().get_mut(key) {
            session.since = at.max(session.since);
        }
    }

    /// Those that last, the newest first.
    pub(crate) fn list(&self, now: Timestamp, of: impl Fn(&Session) -> bool) -> Vec<Session> {
        let mut found: Vec<Session> =
            self.held().values().filter(|session| self.lasts(session, now) && of(session)).copied().collect();
        found.sort_by_key(|session| (std::cmp::Reverse(session.started_at), session.id));
        found
    }

    /// How many last.
    pub(crate) fn count(&self, now: Timestamp) -> usize {
        self.held().values().filter(|session| self.lasts(session, now)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Role;
    use std::collections::BTreeSet;

    const HOUR: i64 = 3600;

    fn sessions(max: usize) -> Sessions {
        Sessions::new(&HttpSettings { sessions_max: max, ..HttpSettings::default() })
    }

    fn user(n: u128, sessions_from: u64) -> User {
        User {
            id: UserId(Uuid::from_u128(n)),
            login: "ada".parse().unwrap(),
            role: Role::Operator,
            group: None,
            suspended: false,
            break_glass: false,
            identity: None,
            password: None,
            invitation: None,
            jobs: BTreeSet::new(),
            tokens: BTreeSet::new(),
            signed_in_at: None,
            onboarded_at: Timestamp::default(),
            revision: Position(1),
            sessions_from: Position(sessions_from),
        }
    }

    #[test]
    fn a_session_ends_when_it_is_idle_or_old() {
        let sessions = sessions(10);
        let start = Timestamp::from_micros(0);
        let (secret, _) = sessions.begin(&user(1, 1), Position(1), None, start).unwrap();
        let key = secret.key();
        for hours in [7, 14, 21] {
            assert!(sessions.touch(&key, start.plus_seconds(hours * HOUR)).is_some(), "{hours}");
        }
        assert!(sessions.look(&key, start.plus_seconds(24 * HOUR)).is_none());
        let (secret, _) = sessions.begin(&user(1, 1), Position(1), None, start).unwrap();
        assert!(sessions.look(&secret.key(), start.plus_seconds(8 * HOUR - 1)).is_some());
        assert!(sessions.touch(&secret.key(), start.plus_seconds(8 * HOUR)).is_none());
    }

    #[test]
    fn there_are_never_more_than_may_be() {
        let sessions = sessions(30);
        let now = Timestamp::from_micros(0);
        let first = sessions.begin(&user(1, 1), Position(1), None, now).unwrap().0;
        for n in 0..40 {
            assert!(sessions.begin(&user(1, 1), Position(1), None, now.plus_seconds(n + 1)).is_some());
        }
        assert_eq!(sessions.count(now.plus_seconds(50)), PER_USER);
        assert!(sessions.look(&first.key(), now).is_none());
        for n in 2..12 {
            assert!(sessions.begin(&user(n, 1), Position(1), None, now.plus_seconds(50)).is_some());
        }
        assert!(sessions.begin(&user(99, 1), Position(1), None, now.plus_seconds(50)).is_none());
        assert!(sessions.begin(&user(99, 1), Position(1), None, now.plus_seconds(9 * HOUR)).is_some());
    }

    #[test]
    fn sessions_that_are_over_make_room_for_another_and_a_renewed_one_is_not() {
        let sessions = sessions(4);
        let now = Timestamp::from_micros(0);
        let keys: Vec<_> =
            (0..3).map(|_| sessions.begin(&user(1, 1), Position(5), None, now).unwrap().0.key()).collect();
        let other = sessions.begin(&user(2, 1), Position(1), None, now).unwrap().0.key();
        sessions.renew(&keys[1], Position(9));
        let newest = sessions.begin(&user(1, 9), Position(9), None, now).unwrap().0.key();
        assert!(sessions.look(&keys[0], now).is_none() && sessions.look(&keys[2], now).is_none());
        for key in [keys[1], other, newest] {
            assert!(sessions.look(&key, now).is_some());
        }
        let id = sessions.list(now, |session| session.user == user(2, 1).id)[0].id;
        assert!(!sessions.end_listed(id, |session| session.user == user(1, 1).id));
        assert!(sessions.end_listed(id, |_| true));
        assert_eq!(sessions.count(now), 2);
    }
}
