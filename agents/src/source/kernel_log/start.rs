//! When the host started: the kernel's log counts from then.
use crate::source::host;
use bus::clock::Clock;
use domain::Timestamp;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// When the host started; none, if that can't be told.
pub(super) struct Start {
    wall: Option<Timestamp>,
    steady: Option<Instant>,
}

impl Start {
    pub(super) fn read(root: &Path, clock: &dyn Clock) -> Self {
        let uptime = host::uptime(root);
        Self {
            wall: uptime.map(|uptime| plus(clock.now(), uptime, -1)),
            steady: uptime.and_then(|uptime| Instant::now().checked_sub(uptime)),
        }
    }

    /// The node's clock, so long after the start.
    pub(super) fn wall(&self, uptime: Duration) -> Option<Timestamp> {
        self.wall.map(|start| plus(start, uptime, 1))
    }

    /// The steady clock, so long after the start.
    pub(super) fn steady(&self, uptime: Duration) -> Option<Instant> {
        self.steady?.checked_add(uptime)
    }
}

fn plus(at: Timestamp, span: Duration, sign: i64) -> Timestamp {
    let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(at.micros().saturating_add(micros.saturating_mul(sign)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_since_the_start_is_a_time_of_the_clock() {
        let start = Start { wall: Some(Timestamp::from_micros(1_000_000)), steady: None };
        assert_eq!(start.wall(Duration::from_micros(5)), Some(Timestamp::from_micros(1_000_005)));
        assert_eq!(start.steady(Duration::ZERO), None);
    }
}
