use super::Facts;
use crate::{NodeName, published::events};
use serde::Serialize;
use std::sync::Arc;

events! {
    /// What happened to a node.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    #[serde(untagged)]
    pub enum Event {
        /// Its agent reported for the first time.
        Registered = "NodeRegistered" {
            /// The node.
            node: NodeName,
            /// What the agent says of it.
            facts: Facts,
        },
        /// The agent says something else of it now: a restart, another driver.
        FactsChanged = "NodeFactsChanged" {
            /// The node.
            node: NodeName,
            /// All that is said now.
            facts: Facts,
        },
        /// It was silent for longer than its lease: the health of its devices is unknown.
        Lost = "NodeLost" {
            /// The node.
            node: NodeName,
        },
        /// It reports again.
        Returned = "NodeReturned" {
            /// The node.
            node: NodeName,
        },
        /// A report in its name was refused: malformed, forged, or against the rules. Told now and then for as long as it
        /// lasts, and not of every one.
        ReportRefused = "NodeReportRefused" {
            /// The node, which may be unknown otherwise.
            node: NodeName,
            /// Why: a stable code.
            code: Arc<str>,
            /// Why, for a person.
            detail: Arc<str>,
        },
        /// None of its devices takes a new job, by an operator's wish.
        Cordoned = "NodeCordoned" {
            /// The node.
            node: NodeName,
        },
        /// The cordon ended.
        Uncordoned = "NodeUncordoned" {
            /// The node.
            node: NodeName,
        },
        /// An operator said how many devices it has.
        ExpectationSet = "NodeExpectationSet" {
            /// The node.
            node: NodeName,
            /// How many devices it shall have; none: as many as were seen.
            devices: Option<u16>,
        },
        /// It is out of service; its devices' own retirements follow.
        Retired = "NodeRetired" {
            /// The node.
            node: NodeName,
        },
        /// It is back in service; the devices that were retired with it are reinstated next, and come back as they are
        /// reported.
        Reinstated = "NodeReinstated" {
            /// The node.
            node: NodeName,
        },
    }
}
