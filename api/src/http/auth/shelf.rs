//! What waits for somebody to come for it: for a while, once, and so many at a time.
use domain::Timestamp;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

/// Things by what they are asked for with.
pub(crate) struct Shelf<K, V> {
    kept: Mutex<HashMap<K, (V, Timestamp)>>,
    seconds: i64,
    most: usize,
}

impl<K: Eq + Hash + Copy, V> Shelf<K, V> {
    /// An empty one, on which each thing waits for so many seconds, and so many at most.
    pub(crate) fn new(seconds: i64, most: usize) -> Self {
        Self { kept: Mutex::default(), seconds, most }
    }

    /// Keeps one, in place of what was there under the same key. Past the most, the oldest goes.
    pub(crate) fn keep(&self, key: K, value: V, now: Timestamp) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (_, until)| now < *until);
        if kept.len() >= self.most
            && let Some(oldest) = kept.iter().min_by_key(|(_, (_, until))| *until).map(|(key, _)| *key)
        {
            kept.remove(&oldest);
        }
        kept.insert(key, (value, now.plus_seconds(self.seconds)));
    }

    /// Takes it away, if it still waits.
    pub(crate) fn take(&self, key: K, now: Timestamp) -> Option<V> {
        let taken = self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        taken.filter(|(_, until)| now < *until).map(|(value, _)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[test]
    fn what_waits_is_taken_once_and_in_time() {
        let shelf = Shelf::new(60, 10);
        shelf.keep(1, "one", at(0));
        shelf.keep(2, "two", at(0));
        assert_eq!(shelf.take(1, at(59)), Some("one"));
        assert_eq!(shelf.take(1, at(59)), None);
        assert_eq!(shelf.take(2, at(60)), None);
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let shelf = Shelf::new(60, 3);
        for n in 0..4 {
            shelf.keep(n, n, at(i64::from(n)));
        }
        assert_eq!((shelf.take(0, at(5)), shelf.take(1, at(5))), (None, Some(1)));
    }
}
