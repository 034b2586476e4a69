//! When tokens were last used: measured in memory since the server's start, and recorded nowhere.
use domain::{Timestamp, TokenId};
use serde::Serialize;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// The most tokens whose last use is kept.
const KEPT_MAX: usize = 100_000;

/// When a token was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = LastUse)]
pub(crate) struct LastUseView {
    /// When; null: not since `since`.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// From when on it is known: the server's start, for it is measured and not recorded; later, where more were used
    /// than are kept.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// When tokens were last used.
pub(crate) struct LastUsed(Mutex<Times>);

struct Times {
    since: Timestamp,
    at: HashMap<TokenId, Timestamp>,
}

impl LastUsed {
    /// None was yet.
    pub(crate) fn new(start: Timestamp) -> Self {
        Self(Mutex::new(Times { since: start, at: HashMap::new() }))
    }

    /// A token has let somebody in.
    pub(crate) fn used(&self, token: TokenId, now: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).note(token, now);
    }

    /// When the token was last used.
    pub(crate) fn of(&self, token: TokenId) -> LastUseView {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        LastUseView { at: times.at.get(&token).copied(), since: times.since }
    }
}

impl Times {
    fn note(&mut self, token: TokenId, now: Timestamp) {
        if self.at.len() >= KEPT_MAX && !self.at.contains_key(&token) {
            self.forget_older_half();
        }
        let at = self.at.entry(token).or_insert(now);
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

    fn token(n: usize) -> TokenId {
        TokenId(Uuid::from_u128(n as u128))
    }

    fn at(seconds: usize) -> Timestamp {
        Timestamp::default().plus_seconds(i64::try_from(seconds).unwrap())
    }

    #[test]
    fn the_last_time_counts_and_none_is_none_since_the_start() {
        let used = LastUsed::new(at(5));
        assert_eq!(used.of(token(1)), LastUseView { at: None, since: at(5) });
        used.used(token(1), at(9));
        used.used(token(1), at(8));
        assert_eq!(used.of(token(1)), LastUseView { at: Some(at(9)), since: at(5) });
        assert_eq!(used.of(token(2)).at, None);
    }

    #[test]
    fn what_is_forgotten_is_not_said_to_have_never_been() {
        let used = LastUsed::new(at(0));
        for n in 0..=KEPT_MAX {
            used.used(token(n), at(n + 1));
        }
        assert!(used.0.lock().unwrap().at.len() <= KEPT_MAX);
        let (oldest, newest) = (used.of(token(0)), used.of(token(KEPT_MAX)));
        assert_eq!(newest.at, Some(at(KEPT_MAX + 1)));
        assert_eq!(oldest.at, None);
        assert!(oldest.since >= at(1), "it was used at 1");
    }
}
