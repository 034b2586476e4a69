//! What every read model does with an event: fold the next one, skip one it has seen, refuse one from further on.
use domain::Position;

/// What became of an event that was handed to a read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was the next one, and is folded in.
    Folded,
    /// It had been folded in before; nothing changed.
    Duplicate,
}

/// An event came too early: those between are missing, so folding it would show what never was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("event {found} came after event {cursor}: those between are missing")]
pub struct Gap {
    /// The last event that was folded in.
    pub cursor: Position,
    /// The one that came.
    pub found: Position,
}

/// Whether an event at `found` is the next one after `cursor`.
pub(crate) fn step(cursor: Position, found: Position) -> Result<Applied, Gap> {
    if found <= cursor {
        Ok(Applied::Duplicate)
    } else if found == cursor.next() {
        Ok(Applied::Folded)
    } else {
        Err(Gap { cursor, found })
    }
}
