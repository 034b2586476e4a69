use crate::{GroupName, PoolName, Position, UserId};
use std::collections::BTreeSet;

/// A group as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: GroupName,
    /// Its members.
    pub users: BTreeSet<UserId>,
    /// The pool that they may claim devices of.
    pub pool: Option<PoolName>,
    /// Where it was last configured.
    pub revision: Position,
}
