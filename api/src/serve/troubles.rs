//! Since when something is wrong with a part of the server.
use domain::Timestamp;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// The parts with which something is wrong, and since when: as far as was looked.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<BTreeMap<&'static str, Timestamp>>);

impl Troubles {
    /// Says how the part is now. Since when something is wrong with it, if something is: for as long as every look found so.
    pub(super) fn look(&self, part: &'static str, wrong: bool, now: Timestamp) -> Option<Timestamp> {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong {
            return Some(*troubles.entry(part).or_insert(now));
        }
        troubles.remove(part);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_lasts_from_the_first_look_that_found_it() {
        let (troubles, at) = (Troubles::default(), |second| Timestamp::default().plus_seconds(second));
        assert_eq!(troubles.look("log", false, at(1)), None);
        assert_eq!(troubles.look("log", true, at(2)), Some(at(2)));
        assert_eq!(troubles.look("relay", true, at(3)), Some(at(3)));
        assert_eq!(troubles.look("log", true, at(4)), Some(at(2)));
        assert_eq!(troubles.look("log", false, at(5)), None);
        assert_eq!(troubles.look("log", true, at(6)), Some(at(6)), "another one");
    }
}
