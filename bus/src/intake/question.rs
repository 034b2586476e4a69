//! Who only wants to know whether a server takes reports: answered, and of no other consequence. No sign of life, and no agent that
//! speaks for the node.
use super::lane;
use crate::{
    bus::{Message, Reply as Way},
    wire::{self, Reply},
};
use domain::NodeName;

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
    pub(super) async fn answer(self) {
        lane::answer(&self.node, self.way, &Reply::Taken { up_to: 0 }).await;
    }
}
