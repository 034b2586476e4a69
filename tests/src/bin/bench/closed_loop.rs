//! Callers that each wait for their answer before they ask again.
use crate::table::Round;
use std::{
    future::Future,
    time::{Duration, Instant},
};

/// Lets `callers` tasks ask, one question after the other, until the time is over. Each is given its number, and makes
/// its own question.
pub(crate) async fn tasks<Ask, Asked>(callers: usize, lasting: Duration, ask: impl Fn(usize) -> Ask) -> Round
where
    Ask: FnMut() -> Asked + Send + 'static,
    Asked: Future<Output = ()> + Send,
{
    let start = Instant::now();
    let running: Vec<_> = (0..callers)
        .map(|caller| {
            let mut ask = ask(caller);
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(1 << 14);
                while start.elapsed() < lasting {
                    let before = Instant::now();
                    ask().await;
                    latencies.push(before.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = vec![];
    for task in running {
        latencies.extend(task.await.expect("a caller does not panic"));
    }
    Round::of(latencies, start.elapsed(), 1)
}

/// The same with threads, for what blocks.
#[cfg_attr(not(feature = "tephra"), expect(dead_code, reason = "only a blocking store needs threads"))]
pub(crate) fn threads<Ask: FnMut() + Send>(callers: usize, lasting: Duration, ask: impl Fn(usize) -> Ask) -> Round {
    let start = Instant::now();
    let latencies = std::thread::scope(|scope| {
        let running: Vec<_> = (0..callers)
            .map(|caller| {
                let mut ask = ask(caller);
                scope.spawn(move || {
                    let mut latencies = Vec::with_capacity(1 << 14);
                    while start.elapsed() < lasting {
                        let before = Instant::now();
                        ask();
                        latencies.push(before.elapsed());
                    }
                    latencies
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a caller does not panic")).collect()
    });
    Round::of(latencies, start.elapsed(), 1)
}
