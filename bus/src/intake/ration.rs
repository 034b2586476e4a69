//! How many refusals are recorded: enough to be seen, too few to fill a log with.
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// So many refusals are recorded within an hour, whoever sends what is refused.
const HOURLY: u32 = 100;

/// What is left of the hour's ration.
#[derive(Debug)]
pub(super) struct Ration(Mutex<(Instant, u32)>);

impl Ration {
    /// A whole one.
    pub(super) fn new() -> Self {
        Self(Mutex::new((Instant::now(), HOURLY)))
    }

    /// Whether one more may be recorded.
    pub(super) fn take(&self) -> bool {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (began, left) = &mut *held;
        if began.elapsed() >= Duration::from_hours(1) {
            (*began, *left) = (Instant::now(), HOURLY);
        }
        let some = *left > 0;
        *left -= u32::from(some);
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_ends_and_is_whole_again_an_hour_later() {
        let ration = Ration::new();
        assert!((0..HOURLY).all(|_| ration.take()));
        assert!(!ration.take());
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(ration.take());
    }
}
