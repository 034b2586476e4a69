//! Who brought something about.
use crate::{NodeName, UserId};
use std::fmt;

/// The one whose command recorded an event. Users are named by id; their login is looked up when it is shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// The server itself: the founding, a lease that ran out.
    System,
    /// A person, signed in or by a token.
    User(UserId),
    /// The agent of a node, reporting what it sees.
    Agent(NodeName),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::User(id) => write!(f, "user/{id}"),
            Self::Agent(node) => write!(f, "agent/{node}"),
        }
    }
}
