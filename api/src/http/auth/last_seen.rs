//! When people last signed in and tokens were last used: measured in memory since the server's start, and recorded
//! nowhere.
use domain::{Timestamp, TokenId, UserId};
use serde::Serialize;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// The most users, and likewise tokens, whose last time is kept.
const KEPT_MAX: usize = 100_000;

/// When something was last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = LastSeen)]
pub(crate) struct LastSeenView {
    /// When; null: not since `since`.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// From when on it is known: the server's start, for it is measured and not recorded; later, where more were seen
    /// than are kept.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// Who and what was last seen when.
pub(crate) struct LastSeen {
    sign_ins: Mutex<Times<UserId>>,
    token_uses: Mutex<Times<TokenId>>,
}

struct Times<K> {
    since: Timestamp,
    at: HashMap<K, Timestamp>,
}

impl LastSeen {
    /// Nobody and nothing yet.
    pub(crate) fn new(start: Timestamp) -> Self {
        Self { sign_ins: Mutex::new(Times::new(start)), token_uses: Mutex::new(Times::new(start)) }
    }

    /// A user has signed in.
    pub(crate) fn signed_in(&self, user: UserId, now: Timestamp) {
        note(&self.sign_ins, user, now);
    }

    /// A token has let somebody in.
    pub(crate) fn used(&self, token: TokenId, now: Timestamp) {
        note(&self.token_uses, token, now);
    }

    /// When the user last signed in.
    pub(crate) fn sign_in(&self, user: UserId) -> LastSeenView {
        look_up(&self.sign_ins, &user)
    }

    /// When the token was last used.
    pub(crate) fn token_use(&self, token: TokenId) -> LastSeenView {
        look_up(&self.token_uses, &token)
    }
}

fn note<K: Eq + Hash>(times: &Mutex<Times<K>>, key: K, now: Timestamp) {
    times.lock().unwrap_or_else(PoisonError::into_inner).note(key, now);
}

fn look_up<K: Eq + Hash>(times: &Mutex<Times<K>>, key: &K) -> LastSeenView {
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    LastSeenView { at: times.at.get(key).copied(), since: times.since }
}

impl<K: Eq + Hash> Times<K> {
    fn new(since: Timestamp) -> Self {
        Self { since, at: HashMap::new() }
    }

    fn note(&mut self, key: K, now: Timestamp) {
        if self.at.len() >= KEPT_MAX && !self.at.contains_key(&key) {
            self.forget_older_half();
        }
        let at = self.at.entry(key).or_insert(now);
        *at = now.max(*at);
    }

    /// Half at once, so that not every new one costs a look at all of them.
    fn forget_older_half(&mut self) {
        let mut times: Vec<Timestamp> = self.at.values().copied().collect();
        let half = times.len() / 2;
        let (_, newest_forgotten, _) = times.select_nth_unstable(half);
        self.since = self.since.max(*newest_forgotten);
        let newest_forgotten = *newest_forgotten;
        self.at.retain(|_, at| *at > newest_forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn user(n: usize) -> UserId {
        UserId(Uuid::from_u128(n as u128))
    }

    fn at(seconds: usize) -> Timestamp {
        Timestamp::default().plus_seconds(i64::try_from(seconds).unwrap())
    }

    #[test]
    fn the_last_time_counts_and_none_is_none_since_the_start() {
        let seen = LastSeen::new(at(5));
        assert_eq!(seen.sign_in(user(1)), LastSeenView { at: None, since: at(5) });
        seen.signed_in(user(1), at(9));
        seen.signed_in(user(1), at(8));
        assert_eq!(seen.sign_in(user(1)), LastSeenView { at: Some(at(9)), since: at(5) });
        assert_eq!(seen.sign_in(user(2)).at, None);
        let token = TokenId(Uuid::from_u128(1));
        assert_eq!(seen.token_use(token).at, None, "a sign-in is no use of a token");
        seen.used(token, at(7));
        assert_eq!(seen.token_use(token).at, Some(at(7)));
    }

    #[test]
    fn what_is_forgotten_is_not_said_to_have_never_been() {
        let seen = LastSeen::new(at(0));
        for n in 0..=KEPT_MAX {
            seen.signed_in(user(n), at(n + 1));
        }
        assert!(seen.sign_ins.lock().unwrap().at.len() <= KEPT_MAX);
        let (oldest, newest) = (seen.sign_in(user(0)), seen.sign_in(user(KEPT_MAX)));
        assert_eq!(newest.at, Some(at(KEPT_MAX + 1)));
        assert_eq!(oldest.at, None);
        assert!(oldest.since >= at(1), "it was seen at 1");
    }
}
