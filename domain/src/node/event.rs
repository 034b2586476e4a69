use super::Facts;
use crate::NodeName;
use serde::Serialize;

/// What happened to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// Its agent reported for the first time.
    Registered {
        /// The node.
        node: NodeName,
        /// What the agent says of it.
        facts: Facts,
    },
    /// The agent says something else of it now: a restart, another driver.
    FactsChanged {
        /// The node.
        node: NodeName,
        /// All that is said now.
        facts: Facts,
    },
    /// It was silent for longer than its lease: the health of its devices is unknown.
    Lost {
        /// The node.
        node: NodeName,
    },
    /// It reports again.
    Returned {
        /// The node.
        node: NodeName,
    },
    /// None of its devices takes a new job, by an operator's wish.
    Cordoned {
        /// The node.
        node: NodeName,
    },
    /// The cordon ended.
    Uncordoned {
        /// The node.
        node: NodeName,
    },
    /// An operator said how many devices it has.
    ExpectationSet {
        /// The node.
        node: NodeName,
        /// How many devices it shall have; none: as many as were seen.
        devices: Option<u16>,
    },
    /// It is out of service; its devices' own retirements follow.
    Retired {
        /// The node.
        node: NodeName,
    },
    /// It is back in service; the devices that were retired with it are reinstated next, and come back as they are
    /// reported.
    Reinstated {
        /// The node.
        node: NodeName,
    },
}
