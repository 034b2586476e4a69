use crate::{GroupName, PoolName, UserId, published::events};
use serde::Serialize;

events! {
    /// What happened to a group.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// There is a new group.
        Created = "GroupCreated" {
            /// Its name.
            name: GroupName,
        },
        /// The group is gone.
        Deleted = "GroupDeleted" {
            /// Its name.
            name: GroupName,
        },
        /// A user that was in no group joined.
        UserAdded = "UserAddedToGroup" {
            /// The group.
            group: GroupName,
            /// The user.
            user: UserId,
        },
        /// A user left, and is in no group.
        UserRemoved = "UserRemovedFromGroup" {
            /// The group.
            group: GroupName,
            /// The user.
            user: UserId,
        },
        /// Its users may now claim devices of this pool.
        PoolBound = "PoolBound" {
            /// The group.
            group: GroupName,
            /// The pool.
            pool: PoolName,
        },
        /// Its users may claim nothing any more.
        PoolUnbound = "PoolUnbound" {
            /// The group.
            group: GroupName,
            /// The pool that it had.
            pool: PoolName,
        },
    }
}
