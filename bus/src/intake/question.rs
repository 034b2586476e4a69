//! Who only asks whether reports are taken: answered with how the server has the node, and of no other consequence. No sign of
//! life, and no agent that speaks for the node.
use super::lane;
use crate::{
    bus::{Message, Reply as Way},
    wire::{self, Reply},
};
use domain::{Cluster, NodeName, Rejection, device::Presence};
use std::{fmt, sync::Arc};

/// What a server wants of a node's agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// What is new, as ever.
    News,
    /// Everything: it lacks devices that the agent may have told.
    Everything,
    /// Nothing, for this reason.
    Nothing(Rejection),
}

impl Wanted {
    /// What these books want of it. One whose devices are missed may have them, and not know that they are, as after a
    /// reinstatement.
    pub fn of(cluster: &Cluster, node: &NodeName) -> Self {
        let Some(node) = cluster.node(node) else { return Self::Everything };
        if node.retired {
            return Self::Nothing(Rejection::NodeRetired(node.name.clone()));
        }
        let mut devices = node.devices.values().filter_map(|id| cluster.device(*id));
        let missed = devices.any(|device| device.presence() == Presence::Missing);
        if missed { Self::Everything } else { Self::News }
    }
}

/// Tells what is wanted of a node's agent, as far as the server's state says it.
#[derive(Clone)]
pub struct Wishes(Arc<dyn Fn(&NodeName) -> Wanted + Send + Sync>);

impl Wishes {
    /// As this says.
    pub fn new(wanted: impl Fn(&NodeName) -> Wanted + Send + Sync + 'static) -> Self {
        Self(Arc::new(wanted))
    }
}

impl Default for Wishes {
    /// Always what is new.
    fn default() -> Self {
        Self::new(|_| Wanted::News)
    }
}

impl fmt::Debug for Wishes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wishes").finish_non_exhaustive()
    }
}

/// A question that came in.
pub(super) struct Question {
    node: NodeName,
    way: Way,
}

impl Question {
    /// The question that this message is, if it is one, with its way back. `node` is whose subject it came on.
    pub(super) fn of(message: &mut Message, node: &NodeName) -> Option<Self> {
        let way = message.reply.take_if(|_| message.payload[..] == *wire::QUESTION)?;
        Some(Self { node: node.clone(), way })
    }

    /// Nothing was asked to be taken, and nothing is.
    pub(super) async fn answer(self, wishes: &Wishes) {
        let reply = match wishes.0(&self.node) {
            Wanted::News => Reply::Taken { up_to: 0 },
            Wanted::Everything => Reply::Expected { next: 1 },
            Wanted::Nothing(why) => Reply::Refused { next: 0, code: why.code().to_owned(), detail: why.to_string() },
        };
        lane::answer(&self.node, self.way, &reply).await;
    }
}
