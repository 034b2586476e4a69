//! Going on from snapshots.
use super::{Live, Ports};
use crate::{
    audit::{Audit, SEGMENT},
    models::Models,
    snapshot::{Kind, PieceError, Store, load_segment, load_state, stored},
    state::State,
};
use domain::Position;
use std::sync::Arc;

/// What snapshots gave.
pub(super) struct Restored {
    pub(super) models: Models,
    /// Snapshots of the state that must not be used, now or later.
    pub(super) unusable: Vec<Position>,
}

/// The read models from the newest snapshots that can be used, up to a position that is committed. Those that can't be
/// are noted.
pub(super) fn restore(live: &Live, ports: &Ports, up_to: Position) -> Restored {
    let mut unusable = vec![];
    let state = state(live, ports, up_to, &mut unusable);
    let models = Models::from_parts(state, audit(live, ports, up_to));
    live.note(|ledger| ledger.restored = models.position());
    Restored { models, unusable }
}

fn state(live: &Live, ports: &Ports, up_to: Position, unusable: &mut Vec<Position>) -> State {
    let Ports { events, store, vault } = ports;
    for at in listed(live, &**store, Kind::State).into_iter().rev() {
        let loaded = reached(at, up_to).and_then(|()| load_state(&**store, &**events, &**vault, at));
        match loaded {
            Ok(state) => return state,
            Err(error) => {
                live.refuse(Kind::State.name(at), &error);
                unusable.extend(error.lasts().then_some(at));
            }
        }
    }
    State::default()
}

fn audit(live: &Live, ports: &Ports, up_to: Position) -> Audit {
    let Ports { events, store, .. } = ports;
    let mut sealed = vec![];
    for at in listed(live, &**store, Kind::Audit) {
        // A piece behind a hole is of no use now; it is written again when its turn comes.
        if at.0 != (sealed.len() as u64 + 1) * u64::from(SEGMENT) {
            break;
        }
        match reached(at, up_to).and_then(|()| load_segment(&**store, &**events, at)) {
            Ok(segment) => sealed.push(Arc::new(segment)),
            Err(error) => {
                live.refuse(Kind::Audit.name(at), &error);
                break;
            }
        }
    }
    Audit::from_sealed(sealed)
}

fn reached(at: Position, up_to: Position) -> Result<(), PieceError> {
    if at <= up_to { Ok(()) } else { Err(PieceError::OtherHistory) }
}

fn listed(live: &Live, store: &dyn Store, kind: Kind) -> Vec<Position> {
    stored(store, kind).unwrap_or_else(|error| {
        live.refuse("the list of snapshots".to_owned(), &error);
        vec![]
    })
}

/// The newest state that was saved and can be used, up to a position that is committed: for whoever folds the same
/// events and need not begin at the first. None that can be used is no error; [`Live::status`] tells of those that
/// can't, once the feeding has begun.
pub fn saved(ports: &Ports, up_to: Position) -> Option<State> {
    let unseen = Live::new();
    let state = state(&unseen, ports, up_to, &mut vec![]);
    (state.position() > Position::START).then_some(state)
}
