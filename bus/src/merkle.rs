//! The Merkle tree over the log, after RFC 6962 (and RFC 9162, whose tree is the same).
//!
//! A leaf is `SHA-256(0x00 ‖ stored bytes of the event)`, a node `SHA-256(0x01 ‖ left ‖ right)`. The writer holds
//! only a [`CompactRange`]: the roots of the perfect subtrees that the tree is made of, at most 64 of them. The
//! leaf of the event at position `p` has index `p - 1`.
//!
//! Hashes of single leaves are not stored: they would cost more than many an event. The roots of perfect subtrees
//! of [`SUBTREE_LEAVES`] leaves and above are handed out when they complete, and the log keeps them beside the
//! events that completed them. A proof then needs the leaves of one such subtree and a stored hash a level.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// A SHA-256 digest: a leaf, a node or a root.
pub type Hash = [u8; 32];

/// The level of the lowest subtrees whose roots are stored: leaves have level 0.
pub const SUBTREE_LEVEL: u32 = 8;

/// Leaves below a stored subtree root of the lowest level.
pub const SUBTREE_LEAVES: u64 = 1 << SUBTREE_LEVEL;

/// A hash in hexadecimal digits.
///
/// # Panics
/// Never: a `String` takes everything.
pub fn hex(hash: &Hash) -> String {
    hash.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

/// The hash of a leaf: `SHA-256(0x00 ‖ bytes)`.
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    Sha256::new().chain_update([0x00]).chain_update(bytes).finalize().into()
}

/// The hash of an inner node: `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([0x01]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of the empty tree: `SHA-256` of nothing.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// How many stored subtree roots complete when the tree reaches `size` leaves: one a level, from
/// [`SUBTREE_LEVEL`] upwards; none unless `size` is a multiple of [`SUBTREE_LEAVES`].
pub const fn completed_at(size: u64) -> u32 {
    if size == 0 || !size.is_multiple_of(SUBTREE_LEAVES) {
        return 0;
    }
    size.trailing_zeros() - SUBTREE_LEVEL + 1
}

/// Peaks did not fit the size they were given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("compact range of size {size} needs {needed} peaks and was given {given}")]
pub struct PeaksMismatch {
    /// Leaves in the tree.
    pub size: u64,
    /// Peaks that a tree of this size has.
    pub needed: u32,
    /// Peaks that were there.
    pub given: usize,
}

/// The roots of the perfect subtrees that make up a tree of `size` leaves, biggest first: all that is needed to
/// append and to know the root.
///
/// There are always exactly as many peaks as `size` has bits set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The range of an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The range of a tree of `size` leaves, from peaks kept earlier.
    ///
    /// # Errors
    /// [`PeaksMismatch`] when there are not as many peaks as `size` has bits set.
    pub fn try_new(size: u64, peaks: Vec<Hash>) -> Result<Self, PeaksMismatch> {
        let needed = size.count_ones();
        if peaks.len() != needed as usize {
            return Err(PeaksMismatch { size, needed, given: peaks.len() });
        }
        Ok(Self { size, peaks })
    }

    /// Leaves in the tree.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, biggest first.
    pub fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Appends a leaf. The roots of the stored subtrees that it completes are pushed to `completed`, lowest level
    /// first: [`completed_at`] the new size of them.
    ///
    /// # Panics
    /// Never: there are as many peaks as the size has bits set.
    pub fn append(&mut self, leaf: Hash, completed: &mut Vec<Hash>) {
        self.size += 1;
        let mut node = leaf;
        for level in 0..=self.size.trailing_zeros() {
            if level > 0 {
                let left = self.peaks.pop().expect("a peak for every bit that the carry clears");
                node = node_hash(&left, &node);
            }
            if level >= SUBTREE_LEVEL {
                completed.push(node);
            }
        }
        self.peaks.push(node);
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return empty_root() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }

    /// The range as bytes: the size, little-endian, then the peaks.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.size.to_le_bytes().to_vec();
        bytes.extend(self.peaks.iter().flatten());
        bytes
    }

    /// The range that [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`PeaksMismatch`] when the bytes are not a size with its peaks.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PeaksMismatch> {
        let Some((size, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(PeaksMismatch { size: 0, needed: 0, given: 0 });
        };
        let size = u64::from_le_bytes(*size);
        let (peaks, odd) = rest.as_chunks::<32>();
        if !odd.is_empty() {
            return Err(PeaksMismatch { size, needed: size.count_ones(), given: peaks.len() + 1 });
        }
        Self::try_new(size, peaks.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6962, 2.1, word for word.
    fn naive(leaves: &[Vec<u8>]) -> Hash {
        match leaves {
            [] => empty_root(),
            [leaf] => leaf_hash(leaf),
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&naive(&leaves[..k]), &naive(&leaves[k..]))
            }
        }
    }

    fn range_of(leaves: &[Vec<u8>]) -> (CompactRange, Vec<Hash>) {
        let mut range = CompactRange::new();
        let mut completed = Vec::new();
        for leaf in leaves {
            range.append(leaf_hash(leaf), &mut completed);
        }
        (range, completed)
    }

    /// The eight leaves and roots that the Certificate Transparency implementations share.
    #[test]
    fn reference_vectors() {
        let leaves: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        assert_eq!(hex(&empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(CompactRange::new().root(), empty_root());
        let mut range = CompactRange::new();
        for (leaf, root) in leaves.iter().zip(roots) {
            range.append(leaf_hash(leaf), &mut Vec::new());
            assert_eq!(hex(&range.root()), root);
        }
    }

    #[test]
    fn completed_subtrees_are_roots_of_aligned_ranges() {
        let leaves: Vec<Vec<u8>> = (0..1024_u32).map(|n| n.to_le_bytes().to_vec()).collect();
        let (_, completed) = range_of(&leaves);
        let expected = [
            naive(&leaves[..256]),
            naive(&leaves[256..512]),
            naive(&leaves[..512]),
            naive(&leaves[512..768]),
            naive(&leaves[768..]),
            naive(&leaves[512..]),
            naive(&leaves),
        ];
        assert_eq!(completed, expected);
        let counted: u32 = (0..=1024).map(completed_at).sum();
        assert_eq!(counted as usize, expected.len());
    }

    #[test]
    fn wrong_peaks_are_refused() {
        assert!(CompactRange::try_new(3, vec![[0; 32]]).is_err());
        assert!(CompactRange::from_bytes(&[1, 2, 3]).is_err());
        let (range, _) = range_of(&[vec![1], vec![2], vec![3]]);
        let bytes = range.to_bytes();
        assert!(CompactRange::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }

    proptest! {
        #[test]
        fn equals_the_naive_tree(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..8), 0..600)) {
            let (range, _) = range_of(&leaves);
            prop_assert_eq!(range.size(), leaves.len() as u64);
            prop_assert_eq!(range.root(), naive(&leaves));
            prop_assert_eq!(CompactRange::from_bytes(&range.to_bytes()), Ok(range));
        }
    }
}
