//! The newest blocks, kept decoded so that whoever follows the log live reads nothing from the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::block::Block;

/// Blocks with events, in the order of their positions and without gaps, up to a number of bytes.
#[derive(Debug)]
pub(super) struct Recent {
    blocks: VecDeque<Arc<Block>>,
    bytes: usize,
    bytes_max: usize,
}

/// What a block takes besides its body, roughly.
const OVERHEAD: usize = 256;

impl Recent {
    pub(super) const fn new(bytes_max: usize) -> Self {
        Self { blocks: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(super) fn push(&mut self, block: Arc<Block>) {
        if block.header().events == 0 {
            return;
        }
        self.bytes += block.body_bytes() + OVERHEAD;
        self.blocks.push_back(block);
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.blocks.pop_front() else { break };
            self.bytes -= oldest.body_bytes() + OVERHEAD;
        }
    }

    pub(super) fn holding(&self, position: u64) -> Option<Arc<Block>> {
        let at = self.blocks.partition_point(|block| block.header().tree_size() < position);
        self.blocks.get(at).filter(|block| block.header().holds(position)).cloned()
    }
}
