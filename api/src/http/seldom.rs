//! What strangers can bring about is told to the log now and then.
use domain::Timestamp;
use std::sync::{Mutex, PoisonError};

/// For so many seconds, the next ones are not told.
const PAUSE: i64 = 60;

/// Something that is told once a minute at most.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Timestamp>>);

impl Seldom {
    /// Whether it is to be told now: then not again for a while.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that jumped back silences nothing.
        let due = last.is_none_or(|last| now < last || last.plus_seconds(PAUSE) <= now);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_once_a_minute() {
        let (seldom, at) = (Seldom::default(), |second| Timestamp::default().plus_seconds(second));
        let due = [100, 101, 159, 160, 50].map(|second| seldom.is_due(at(second)));
        assert_eq!(due, [true, false, false, true, true]);
    }
}
