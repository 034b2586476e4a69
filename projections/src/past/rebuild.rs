//! Folding one past state: from what is nearest before it, then event by event.
use super::{Outcome, PastError, Shared};
use crate::{
    snapshot::{Kind, load_state, stored},
    source::told,
    state::State,
};
use domain::Position;
use std::sync::{Arc, atomic::Ordering};

/// How many events are read at a time.
const BATCH: usize = 4096;

pub(super) fn rebuild(shared: &Shared, position: Position) -> Outcome {
    let mut state = nearest(shared, position);
    while state.position() < position {
        if shared.closing.load(Ordering::Acquire) {
            return Err(PastError::Stopping);
        }
        let batch = shared.ports.events.read(state.position(), position, BATCH)?;
        if batch.is_empty() {
            let missing = format!("the log has no event after {}", state.position());
            return Err(PastError::Failed(position, missing));
        }
        for recorded in &batch {
            state.apply(recorded).map_err(|gap| PastError::Failed(position, told(&gap)))?;
        }
    }
    Ok(Arc::new(state))
}

/// The last state at or before a position that is at hand: kept in memory, or stored. Empty if there is none.
fn nearest(shared: &Shared, position: Position) -> State {
    let kept = shared.desk.lock().ready.nearest(position);
    let floor = kept.as_ref().map_or(Position::START, |state| state.position());
    let store = &*shared.ports.store;
    let stored = stored(store, Kind::State).unwrap_or_else(|error| {
        shared.live.refuse("the list of snapshots".to_owned(), &error);
        vec![]
    });
    for at in stored.into_iter().rev().filter(|at| (floor.next()..=position).contains(at)) {
        match load_state(store, &*shared.ports.events, &*shared.ports.vault, at) {
            Ok(state) => return state,
            Err(error) => shared.live.refuse(Kind::State.name(at), &error),
        }
    }
    kept.map(Arc::unwrap_or_clone).unwrap_or_default()
}
