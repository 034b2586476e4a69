//! Asking a thread that may hang: one question at a time, and none is waited for longer than agreed.
use super::worker::{Answer, Question};
use crate::source::Unreadable;
use std::{
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError},
    },
    time::Duration,
};
use tokio::sync::oneshot::{self, error::TryRecvError};

pub(super) struct Asking {
    asks: SyncSender<Question>,
    within: Duration,
    /// The question that is not answered, and when it was asked.
    outstanding: Option<(oneshot::Receiver<Answer>, Duration)>,
}

impl Asking {
    pub(super) const fn new(asks: SyncSender<Question>, within: Duration) -> Self {
        Self { asks, within, outstanding: None }
    }

    /// Asks for a look. While an earlier question is not answered, no other is asked.
    ///
    /// A driver that takes longer than is waited for, but less than two looks, is told with the answer of the last look.
    ///
    /// # Errors
    /// There is no answer, or nobody who could give one.
    pub(super) async fn look(&mut self, now: Duration) -> Result<Answer, Unreadable> {
        let late = self.late(now)?;
        let (answer, answered) = oneshot::channel();
        match self.asks.try_send(Question { now, answer }) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return late.ok_or(Unreadable::Hung),
            Err(TrySendError::Disconnected(_)) => return Err(ended()),
        }
        let (answered, _) = self.outstanding.insert((answered, now));
        let limited = tokio::time::timeout(self.within, answered).await;
        if limited.is_ok() {
            self.outstanding = None;
        }
        match limited {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(ended()),
            Err(_) => late.ok_or(Unreadable::Hung),
        }
    }

    /// The answer to an earlier question, if it came since and is not too old.
    fn late(&mut self, now: Duration) -> Result<Option<Answer>, Unreadable> {
        let Some((answered, asked)) = &mut self.outstanding else { return Ok(None) };
        let fresh = now.saturating_sub(*asked) <= self.within * 4;
        let late = match answered.try_recv() {
            Ok(answer) => Ok(Some(answer).filter(|_| fresh)),
            Err(TryRecvError::Closed) => Err(ended()),
            Err(TryRecvError::Empty) => return Err(Unreadable::Hung),
        };
        self.outstanding = None;
        late
    }
}

fn ended() -> Unreadable {
    Unreadable::Failed(Arc::from("the session with it broke off"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    fn answer() -> Answer {
        Answer { driver: None, devices: Ok(vec![]) }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_asked_once_and_heard_again_when_it_returns() {
        let (asks, asked) = sync_channel(1);
        let mut asking = Asking::new(asks, Duration::from_millis(500));
        let at = Duration::from_secs;
        assert_eq!(asking.look(at(1)).await.unwrap_err(), Unreadable::Hung);
        let first: Question = asked.try_recv().unwrap();
        assert_eq!(asking.look(at(2)).await.unwrap_err(), Unreadable::Hung);
        assert!(asked.try_recv().is_err(), "only one question is outstanding");
        // What it says after so long is of the past: it is asked anew.
        first.answer.send(answer()).unwrap();
        assert_eq!(asking.look(at(60)).await.unwrap_err(), Unreadable::Hung);
        let second = asked.try_recv().unwrap();
        assert_eq!(second.now, at(60));
        // One that is a little slow is told a look later.
        second.answer.send(answer()).unwrap();
        asking.look(at(61)).await.unwrap();
    }

    #[tokio::test]
    async fn one_that_is_gone_is_said_to_be() {
        let (asks, asked) = sync_channel(1);
        let mut asking = Asking::new(asks, Duration::from_millis(500));
        drop(asked);
        assert_eq!(asking.look(Duration::ZERO).await.unwrap_err(), ended());
    }
}
