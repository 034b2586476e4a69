//! How many requests of one address are answered at a time, so that one that sends slowly can't keep all others out.
use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts the requests under way by network. No more are counted than requests are under way.
pub(crate) struct Shares {
    held: Mutex<HashMap<IpAddr, usize>>,
    max: usize,
}

/// A request under way.
pub(crate) struct Share {
    of: Arc<Shares>,
    network: IpAddr,
}

impl Shares {
    /// So many for each network.
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { held: Mutex::default(), max })
    }

    /// One more request of this network; none where it has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, network: IpAddr) -> Option<Share> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(network).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Share { of: Arc::clone(self), network })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = held.entry(self.network) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
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
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let (first, _second) = (shares.take(one).unwrap(), shares.take(one).unwrap());
        assert!(shares.take(one).is_none());
        assert!(shares.take(other).is_some());
        drop(first);
        assert_eq!(shares.held.lock().unwrap().len(), 1, "nothing is kept of who asks no more");
        assert!(shares.take(one).is_some());
    }
}
