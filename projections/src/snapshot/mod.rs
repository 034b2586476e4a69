//! Snapshots: what was folded, kept so that a start and a look at the past need not fold the log from its beginning.
//!
//! A snapshot is worth nothing by itself: each says which log it is of, at which position, with which root of the log's
//! Merkle tree, and which code folded it. One that disagrees, or whose bytes are damaged, is not used; the log is.
mod names;
mod piece;
mod store;
mod thin;

#[cfg(test)]
mod tests;

pub use store::Store;

pub(crate) use piece::{Kind, Piece, PieceError};
pub(crate) use thin::thin;

use crate::{
    audit::{Audit, Segment},
    source::Events,
    state::State,
};
use domain::{Cluster, Position, stored::Vault};
use serde::{Deserialize, Serialize};

/// A state as it is stored: the two parts, each in its own form.
#[derive(Serialize, Deserialize)]
struct Parts<'a> {
    #[serde(borrow)]
    cluster: &'a [u8],
    #[serde(borrow)]
    names: &'a [u8],
}

/// The state as bytes, personal fields sealed.
///
/// # Errors
/// A field can't be sealed.
pub(crate) fn pack(state: &State, vault: &dyn Vault) -> Result<Vec<u8>, PieceError> {
    let cluster = state.cluster().to_snapshot(vault).map_err(PieceError::cause)?;
    let names = names::pack(state.names(), vault)?;
    postcard::to_extend(&Parts { cluster: &cluster, names: &names }, vec![]).map_err(PieceError::cause)
}

pub(crate) fn unpack(bytes: &[u8], vault: &dyn Vault) -> Result<State, PieceError> {
    let (parts, rest) = postcard::take_from_bytes::<Parts<'_>>(bytes).map_err(PieceError::cause)?;
    if !rest.is_empty() {
        return Err(PieceError::Damaged("there is more in it than a state"));
    }
    let cluster = Cluster::from_snapshot(parts.cluster, vault).map_err(PieceError::cause)?;
    Ok(State::from_parts(cluster, names::unpack(parts.names, vault)?))
}

/// Reads a stored state, if it is one of this log, at its position, by this fold.
///
/// # Errors
/// It can't be read or must not be used.
pub(crate) fn load_state(
    store: &dyn Store,
    events: &dyn Events,
    vault: &dyn Vault,
    at: Position,
) -> Result<State, PieceError> {
    let bytes = store.load(&Kind::State.name(at)).map_err(PieceError::cause)?;
    let piece = Piece::open(&bytes, Kind::State, at, events)?;
    let state = unpack(piece.payload, vault)?;
    if state.position() == at { Ok(state) } else { Err(PieceError::Damaged("its state is at another position")) }
}

/// Reads a stored segment of the audit index, if it is one of this log, at its position, by this index.
///
/// # Errors
/// It can't be read or must not be used.
pub(crate) fn load_segment(store: &dyn Store, events: &dyn Events, at: Position) -> Result<Segment, PieceError> {
    let bytes = store.load(&Kind::Audit.name(at)).map_err(PieceError::cause)?;
    let piece = Piece::open(&bytes, Kind::Audit, at, events)?;
    Segment::from_bytes(piece.payload).map_err(PieceError::cause)
}

/// The positions of what is stored of a kind, ascending.
///
/// # Errors
/// The store can't be read.
pub(crate) fn stored(store: &dyn Store, kind: Kind) -> std::io::Result<Vec<Position>> {
    let mut found: Vec<Position> = store.list()?.iter().filter_map(|name| kind.position(name)).collect();
    found.sort_unstable();
    Ok(found)
}

impl Kind {
    /// The code that made a piece of this kind: its own version, and the fold's fingerprint where that matters.
    const fn maker(self) -> (u32, u64) {
        match self {
            Self::State => (State::VERSION, domain::FOLD),
            Self::Audit => (Audit::VERSION, 0),
        }
    }
}
