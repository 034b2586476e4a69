//! What issuers said of themselves, remembered for some minutes.
use super::{keys::Keys, metadata::Metadata};
use crate::provider::{Outside, ProviderError};
use domain::Timestamp;
use reqwest::Url;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// For how long it is believed without asking, in seconds. A key that was withdrawn is believed no longer than this.
const FRESH: i64 = 600;

/// The most issuers that are remembered.
const ISSUERS_MAX: usize = 16;

/// The memory of issuers.
#[derive(Default)]
pub(in crate::provider) struct Issuers(Mutex<BTreeMap<Url, Known>>);

struct Known {
    since: Timestamp,
    metadata: Arc<Metadata>,
    keys: Option<Arc<Keys>>,
}

impl Known {
    /// A clock that jumped back makes nothing fresher.
    fn fresh(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.since.plus_seconds(FRESH)
    }
}

impl Issuers {
    fn known(&self) -> MutexGuard<'_, BTreeMap<Url, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the issuer says of itself.
    pub(super) async fn metadata(outside: &Outside, issuer: &Url) -> Result<Arc<Metadata>, ProviderError> {
        let now = outside.now();
        if let Some(known) = outside.issuers().known().get(issuer).filter(|known| known.fresh(now)) {
            return Ok(Arc::clone(&known.metadata));
        }
        let metadata = Arc::new(Metadata::fetch(outside, issuer).await?);
        let mut known = outside.issuers().known();
        known.insert(issuer.clone(), Known { since: now, metadata: Arc::clone(&metadata), keys: None });
        while known.len() > ISSUERS_MAX {
            let oldest = known.iter().min_by_key(|(_, known)| known.since).map(|(issuer, _)| issuer.clone());
            oldest.and_then(|oldest| known.remove(&oldest));
        }
        Ok(metadata)
    }

    /// The issuer's keys, if they are remembered.
    pub(super) fn remembered(&self, issuer: &Url, now: Timestamp) -> Option<Arc<Keys>> {
        self.known().get(issuer).filter(|known| known.fresh(now))?.keys.clone()
    }

    /// The issuer's keys as they are now.
    pub(super) async fn keys(outside: &Outside, issuer: &Url, metadata: &Metadata) -> Result<Arc<Keys>, ProviderError> {
        let keys = Arc::new(Keys::fetch(outside, &metadata.keys).await?);
        if let Some(known) = outside.issuers().known().get_mut(issuer) {
            known.keys = Some(Arc::clone(&keys));
        }
        Ok(keys)
    }
}
