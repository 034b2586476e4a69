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
        /// The pool is gone; its devices went back to the default pool.
        Deleted = "PoolDeleted" {
            /// Its name.
            name: PoolName,
        },
    }
}
