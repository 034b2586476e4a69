//! How long to wait before the next attempt.
use std::time::Duration;

/// Waits that double from one failure to the next.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(5);

    pub(super) const fn new() -> Self {
        Self { next: Self::FIRST }
    }

    /// Something was achieved: the next failure is a first one.
    pub(super) const fn reset(&mut self) {
        self.next = Self::FIRST;
    }

    /// The wait after one more failure.
    pub(super) fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(Self::LONGEST);
        wait
    }
}
