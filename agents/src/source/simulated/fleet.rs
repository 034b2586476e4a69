//! A fleet that exists only here: how large, of which seed, and what goes wrong in it.
use super::{
    SimulatedNode,
    script::{Calm, Entry, Script},
};
use domain::Timestamp;
use std::{fmt, str::FromStr, sync::Arc, time::Duration};

/// How many nodes of how many GPUs: `4x8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Nodes: 1 to [`NODES_MAX`](Self::NODES_MAX).
    pub nodes: u32,
    /// GPUs on each: 1 to [`GPUS_MAX`](Self::GPUS_MAX).
    pub gpus_per_node: u16,
}

/// The text is no fleet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a simulated fleet is nodes x GPUs on each, like 4x8: at most {nodes} nodes of {gpus}", nodes = Size::NODES_MAX, gpus = Size::GPUS_MAX)]
pub struct SizeError;

impl Size {
    /// The most nodes.
    pub const NODES_MAX: u32 = 20_000;
    /// The most GPUs on a node.
    pub const GPUS_MAX: u16 = 64;

    pub(super) const fn devices(self) -> u64 {
        self.nodes as u64 * self.gpus_per_node as u64
    }
}

impl FromStr for Size {
    type Err = SizeError;
    fn from_str(text: &str) -> Result<Self, SizeError> {
        let (nodes, gpus) = text.split_once('x').ok_or(SizeError)?;
        let nodes = nodes.parse().ok().filter(|nodes| (1..=Self::NODES_MAX).contains(nodes));
        let gpus = gpus.parse().ok().filter(|gpus| (1..=Self::GPUS_MAX).contains(gpus));
        nodes.zip(gpus).map(|(nodes, gpus_per_node)| Self { nodes, gpus_per_node }).ok_or(SizeError)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.nodes, self.gpus_per_node)
    }
}

/// What goes wrong in a fleet.
#[derive(Debug, Clone)]
pub enum Faults {
    /// Nothing.
    Never,
    /// Now and then something, as the seed has it.
    Calm,
    /// Exactly this.
    Script(Arc<Script>),
}

/// A simulated fleet. The same fleet gives the same observations at the same times, for ever.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// How large.
    pub size: Size,
    /// What chance is drawn from: also which UUIDs the devices have.
    pub seed: u64,
    /// The moment at which time in it began: when the cluster that it belongs to was founded, so that a restart of the
    /// program finds the fleet as old as it is.
    pub began: Timestamp,
    /// What goes wrong.
    pub faults: Faults,
}

impl Fleet {
    /// Its nodes.
    pub fn nodes(&self) -> impl Iterator<Item = SimulatedNode> + '_ {
        (0..self.size.nodes).map(|index| SimulatedNode::new(self.clone(), index))
    }

    /// The first fault from number `nth` on: when it begins, and it itself if it is this node's. None after the last.
    pub(super) fn fault(&self, nth: u64, node: u32) -> Option<(Duration, Option<Entry>)> {
        match &self.faults {
            Faults::Never => None,
            Faults::Calm => Some(Calm { size: self.size, seed: self.seed }.entry(nth, node)),
            Faults::Script(script) => {
                let entry = script.entries().get(usize::try_from(nth).ok()?)?;
                Some((entry.at, (entry.node == node).then_some(*entry)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_as_it_is_written() {
        let size = Size { nodes: 4, gpus_per_node: 8 };
        assert_eq!("4x8".parse(), Ok(size));
        assert_eq!(size.to_string(), "4x8");
        for bad in ["", "4", "x8", "0x8", "4x0", "4x65", "20001x1", "4x8x2", "-1x8", "four"] {
            assert_eq!(bad.parse::<Size>(), Err(SizeError), "{bad}");
        }
    }
}
