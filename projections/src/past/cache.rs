//! A few past states, the least recently used one going first.
use crate::state::State;
use domain::Position;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Cache {
    room: usize,
    /// The most recently used one last.
    states: Vec<Arc<State>>,
}

impl Cache {
    pub(super) const fn new(room: usize) -> Self {
        Self { room, states: vec![] }
    }

    pub(super) fn get(&mut self, position: Position) -> Option<Arc<State>> {
        let at = self.states.iter().position(|state| state.position() == position)?;
        let state = self.states.remove(at);
        self.states.push(Arc::clone(&state));
        Some(state)
    }

    /// The last state at or before a position.
    pub(super) fn nearest(&self, position: Position) -> Option<Arc<State>> {
        let before = self.states.iter().filter(|state| state.position() <= position);
        before.max_by_key(|state| state.position()).cloned()
    }

    pub(super) fn put(&mut self, state: Arc<State>) {
        self.states.retain(|other| other.position() != state.position());
        self.states.push(state);
        if self.states.len() > self.room {
            self.states.remove(0);
        }
    }

    pub(super) fn clear(&mut self) {
        self.states.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut state = State::default();
        let states: Vec<Arc<State>> = history(1, 4)
            .iter()
            .map(|recorded| {
                state.apply(recorded).unwrap();
                Arc::new(state.clone())
            })
            .collect();
        let mut cache = Cache::new(2);
        cache.put(Arc::clone(&states[0]));
        cache.put(Arc::clone(&states[1]));
        assert!(cache.get(Position(1)).is_some());
        cache.put(Arc::clone(&states[2]));
        assert!(cache.get(Position(2)).is_none());
        assert!(cache.get(Position(1)).is_some() && cache.get(Position(3)).is_some());
        assert_eq!(cache.nearest(Position(2)).map(|state| state.position()), Some(Position(1)));
    }
}
