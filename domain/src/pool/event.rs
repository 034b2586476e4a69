use crate::{Model, PoolName, published::events};
use serde::Serialize;

events! {
    /// What happened to a pool. Which devices it holds is told by the devices' events.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// There is a new pool.
        Created = "PoolCreated" {
            /// Its name.
            name: PoolName,
            /// The model that it was made for; none for an empty pool, whose first device decides.
            model: Option<Model>,
        },
        /// More of its devices fell ill at a time than may be quarantined by themselves: until it is reset, the rest are
        /// recorded and given no new job, but not quarantined.
        BreakerTripped = "PoolBreakerTripped" {
            /// The pool.
            pool: PoolName,
            /// How many devices were quarantined within the breaker's window.
            quarantined: u32,
        },
        /// The breaker closed: an operator wished it, or its window was quiet.
        BreakerReset = "PoolBreakerReset" {
            /// The pool.
            pool: PoolName,
        },
        /// The pool is gone; its devices went back to the default pool.
        Deleted = "PoolDeleted" {
            /// Its name.
            name: PoolName,
        },
    }
}
