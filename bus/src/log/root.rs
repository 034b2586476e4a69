//! The root of the Merkle tree as it was at any position.

use super::LogError;
use super::reader::LogReader;
use crate::merkle::{CompactRange, Hash, SUBTREE_LEAVES, SUBTREE_LEVEL, leaf_hash};

impl LogReader {
    /// The root of the tree over the first `size` events; `None` when fewer are committed. Reads the stored roots of
    /// full subtrees, and fewer than 256 events.
    ///
    /// # Errors
    /// [`LogError::Storage`] and [`LogError::Fault`].
    ///
    /// # Panics
    /// Never: a full subtree below the tip is stored, and there is a peak for every bit.
    pub fn root_at(&self, size: u64) -> Result<Option<Hash>, LogError> {
        let tip = self.tip();
        if size > tip.size {
            return Ok(None);
        }
        if size == tip.size {
            return Ok(Some(tip.root));
        }
        let full = size - size % SUBTREE_LEAVES;
        let mut peaks = vec![];
        for level in (SUBTREE_LEVEL..u64::BITS).rev().filter(|level| full >> level & 1 == 1) {
            // The subtree of this level begins where those of the higher levels end.
            let index = (full >> level) - 1;
            peaks.push(self.subtree_root(level, index)?.expect("a full subtree below the tip is stored"));
        }
        let mut tree = CompactRange::try_new(full, peaks).expect("a peak for every bit");
        self.replay(full, size, |_, event| -> Result<(), LogError> {
            tree.append(leaf_hash(event), &mut Vec::new());
            Ok(())
        })?;
        Ok(Some(tree.root()))
    }
}
