//! Which refusals were logged a while ago: a node that goes on sending what is refused fills no log with it.
use domain::NodeName;
use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};
use tokio::time::Instant;

/// For so long, a refusal that was logged is not logged again.
const QUIET: Duration = Duration::from_hours(1);

/// The most refusals that are remembered: past them, new ones are counted and not logged.
const HELD_MAX: usize = 256;

/// A refusal that is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// Whether it stands in the log already, as far as is remembered.
    pub(super) recorded: bool,
    /// How many like it were not told since the last line.
    pub(super) unsaid: u64,
}

/// Refusals by node and code, each with when it was last logged.
#[derive(Debug, Default)]
pub(super) struct Told(HashMap<(NodeName, String), Line>);

#[derive(Debug)]
struct Line {
    at: Instant,
    unsaid: u64,
    recorded: bool,
}

impl Told {
    /// It stands in the log now.
    pub(super) fn recorded(&mut self, node: &NodeName, code: &str) {
        if let Some(line) = self.0.get_mut(&(node.clone(), code.to_owned())) {
            line.recorded = true;
        }
    }

    /// Whether this refusal is to be told now.
    pub(super) fn due(&mut self, node: &NodeName, code: &str, now: Instant) -> Option<Due> {
        let over = |line: &Line| now.duration_since(line.at) >= QUIET;
        let key = (node.clone(), code.to_owned());
        if self.0.len() >= HELD_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, line| !over(line));
            if self.0.len() >= HELD_MAX {
                return None;
            }
        }
        match self.0.entry(key) {
            Entry::Vacant(new) => {
                new.insert(Line { at: now, unsaid: 0, recorded: false });
                Some(Due { recorded: false, unsaid: 0 })
            }
            Entry::Occupied(mut known) if over(known.get()) => {
                let Line { unsaid, recorded, .. } = *known.get();
                known.insert(Line { at: now, unsaid: 0, recorded });
                Some(Due { recorded, unsaid })
            }
            Entry::Occupied(mut known) => {
                known.get_mut().unsaid += 1;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(nth: usize) -> NodeName {
        format!("node-{nth}").parse().unwrap()
    }

    const FIRST: Option<Due> = Some(Due { recorded: false, unsaid: 0 });

    #[test]
    fn a_refusal_is_logged_once_an_hour_with_how_many_were_not() {
        let (mut told, start) = (Told::default(), Instant::now());
        assert_eq!(told.due(&node(1), "node.retired", start), FIRST);
        told.recorded(&node(1), "node.retired");
        for minutes in [1, 30, 59] {
            assert_eq!(told.due(&node(1), "node.retired", start + Duration::from_mins(minutes)), None);
        }
        assert_eq!(told.due(&node(1), "auth.forbidden", start), FIRST, "another refusal is news");
        assert_eq!(told.due(&node(2), "node.retired", start), FIRST, "so is another node");
        assert_eq!(told.due(&node(1), "node.retired", start + QUIET), Some(Due { recorded: true, unsaid: 3 }));
        assert_eq!(told.due(&node(1), "node.retired", start + QUIET), None);
    }

    #[test]
    fn what_is_remembered_stays_in_bounds() {
        let (mut told, start) = (Told::default(), Instant::now());
        for nth in 0..HELD_MAX {
            assert_eq!(told.due(&node(nth), "node.retired", start), FIRST);
        }
        assert_eq!(told.due(&node(HELD_MAX), "node.retired", start), None);
        assert_eq!(told.0.len(), HELD_MAX);
        assert_eq!(told.due(&node(HELD_MAX), "node.retired", start + QUIET), FIRST, "the old ones made room");
        assert_eq!(told.0.len(), 1);
    }
}
