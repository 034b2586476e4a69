use crate::{GroupName, Login, PoolName};

/// What an operator may wish for a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Make one.
    Create {
        /// A name that no group has.
        name: GroupName,
        /// Users that are in no group.
        users: Vec<Login>,
        /// A pool that no group is bound to.
        pool: Option<PoolName>,
    },
    /// Change members or pool.
    Edit {
        /// The group.
        name: GroupName,
        /// Users that are in no group and shall join.
        add_users: Vec<Login>,
        /// Members that shall leave.
        remove_users: Vec<Login>,
        /// The pool to be bound to (`Some(None)`: to none); `None` leaves it.
        pool: Option<Option<PoolName>>,
    },
    /// Remove an empty group.
    Delete {
        /// The group.
        name: GroupName,
    },
}
