//! How many of what all share one address or one user may hold at a time, so that none can keep all others out.
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts what is held by whom. Who holds nothing is not counted.
pub(crate) struct Shares<K: Eq + Hash> {
    held: Mutex<HashMap<K, usize>>,
    max: usize,
}

/// One of those that somebody holds, until it is dropped.
pub(crate) struct Share<K: Eq + Hash> {
    of: Arc<Shares<K>>,
    holder: K,
}

impl<K: Eq + Hash + Clone> Shares<K> {
    /// So many for each.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { held: Mutex::default(), max })
    }

    /// One more for this holder; none where they have as many as they may.
    pub(crate) fn take(self: &Arc<Self>, holder: K) -> Option<Share<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(holder.clone()).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Share { of: Arc::clone(self), holder })
    }
}

impl<K: Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_network_has_its_share_and_gives_it_back() {
        let shares = Shares::new(2);
        let (one, other) = (1, 2);
        let (first, _second) = (shares.take(one).unwrap(), shares.take(one).unwrap());
        assert!(shares.take(one).is_none());
        assert!(shares.take(other).is_some());
        drop(first);
        assert_eq!(shares.held.lock().unwrap().len(), 1, "nothing is kept of who asks no more");
        assert!(shares.take(one).is_some());
    }
}
