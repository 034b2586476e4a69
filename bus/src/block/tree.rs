//! What a block keeps of the Merkle tree.
use super::{body::RECORD_PREFIX, header::length};
use crate::merkle::{CompactRange, Hash, SUBTREE_LEAVES, completed_at};

/// Roots of the subtrees that the events of a block completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeNodes {
    /// Multiples of [`SUBTREE_LEAVES`] among the block's positions, divided by it.
    boundaries: std::ops::RangeInclusive<u64>,
    /// For every boundary in order the roots that completed there, lowest level first.
    nodes: Vec<Hash>,
    /// The tree at the last boundary.
    range: CompactRange,
}

impl TreeNodes {
    pub(super) fn parse(boundaries: std::ops::RangeInclusive<u64>, bytes: &[u8]) -> Option<Self> {
        let last = boundaries.end().checked_mul(SUBTREE_LEAVES)?;
        let count: u32 = boundaries.clone().map(|n| completed_at(n * SUBTREE_LEAVES)).sum();
        let (nodes, range) = bytes.split_at_checked(length(count) * 32)?;
        let range = CompactRange::from_bytes(range).ok()?;
        let nodes = nodes.as_chunks::<32>().0.to_vec();
        (!boundaries.is_empty() && range.size() == last).then_some(Self { boundaries, nodes, range })
    }

    /// The roots that completed, in the order of their completion.
    pub fn nodes(&self) -> &[Hash] {
        &self.nodes
    }

    /// The tree when the last of them completed.
    pub const fn range(&self) -> &CompactRange {
        &self.range
    }

    /// The root of the subtree of this level that completed at this size of the tree.
    pub fn node(&self, level: u32, size: u64) -> Option<Hash> {
        let level = level.checked_sub(crate::merkle::SUBTREE_LEVEL)?;
        if level >= completed_at(size) || !self.boundaries.contains(&(size / SUBTREE_LEAVES)) {
            return None;
        }
        let before: u32 =
            (*self.boundaries.start()..size / SUBTREE_LEAVES).map(|n| completed_at(n * SUBTREE_LEAVES)).sum();
        self.nodes.get(length(before + level)).copied()
    }
}

/// The length of the log's own record in a block with events up to `last`, whose first is `first`; 0 for none.
pub(crate) fn tree_record_bytes(first: u64, last: u64) -> usize {
    let (from, to) = ((first - 1) / SUBTREE_LEAVES + 1, last / SUBTREE_LEAVES);
    if from > to {
        return 0;
    }
    // Over all boundaries up to n together, one root a boundary, one more every second, and so on.
    let completed_up_to = |n: u64| 2 * n - u64::from(n.count_ones());
    let nodes = completed_up_to(to) - completed_up_to(from - 1) + u64::from(to.count_ones());
    RECORD_PREFIX + 8 + usize::try_from(nodes).unwrap_or(usize::MAX) * 32
}
