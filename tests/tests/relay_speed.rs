//! How fast the relay is, beside bare JetStream on the same server. Measured, not judged: run it in a release build,
//! `cargo test --release -p tests --test relay_speed -- --ignored --nocapture`.
use anyhow::Context;
use async_nats::jetstream::{
    self,
    consumer::{DeliverPolicy, push},
    stream,
};
use bus::{
    bus::{Bus, InProcess, NatsSettings},
    cloudevent,
    relay::{CommittedLog, STREAM, StreamSettings, relay_to_jetstream, relay_to_subscribers},
};
use futures::StreamExt;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tests::harness::{LIMIT, MemoryLog, NatsServer, eventually};
use tokio::time::{interval, timeout};

const EVENTS: u64 = 50_000;
const ROUNDS: usize = 5;
const SAMPLES: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, and so wants a release build and a quiet machine"]
async fn speed() -> anyhow::Result<()> {
    let server = NatsServer::start()?;
    let log = MemoryLog::new(1, 1);
    let port: Arc<dyn CommittedLog> = Arc::<MemoryLog>::clone(&log);
    let bus = InProcess::default();
    let (relay, run) =
        relay_to_jetstream(NatsSettings::new(server.url(), "test"), StreamSettings::default(), Arc::clone(&port));
    tokio::spawn(run);
    let (_embedded, run) = relay_to_subscribers(bus.clone(), port);
    tokio::spawn(run);

    let mut status = relay.status();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let last = log.append(EVENTS);
        eventually(&mut status, |status| status.cursor == Some(last)).await;
        println!("catch-up: {:.0} events/s", f64::from(u32::try_from(EVENTS)?) / start.elapsed().as_secs_f64());
    }

    let context = jetstream::new(async_nats::connect(server.url()).await?);
    let bare =
        stream::Config { name: "BARE".to_owned(), subjects: vec!["bare.>".to_owned()], ..stream::Config::default() };
    context.create_stream(bare).await?;
    let mut relayed = follow(&context, STREAM).await?;
    let mut published = follow(&context, "BARE").await?;
    let mut heard = Bus::InProcess(bus).subscribe(cloudevent::SUBJECTS).await?;
    for _ in 0..ROUNDS {
        let mut times: [Vec<Duration>; 3] = Default::default();
        let mut tick = interval(Duration::from_millis(2));
        for _ in 0..SAMPLES {
            tick.tick().await;
            let start = Instant::now();
            log.append(1);
            timeout(LIMIT, relayed.next()).await?.context("the consumer ended")??;
            times[0].push(start.elapsed());
            timeout(LIMIT, heard.next()).await?.context("the bus is closed")?;

            tick.tick().await;
            let start = Instant::now();
            let ack = context.publish("bare.x", vec![b'x'; 120].into()).await?;
            timeout(LIMIT, published.next()).await?.context("the consumer ended")??;
            times[1].push(start.elapsed());
            ack.await?;
        }
        for _ in 0..SAMPLES {
            tick.tick().await;
            let start = Instant::now();
            log.append(1);
            timeout(LIMIT, heard.next()).await?.context("the bus is closed")?;
            times[2].push(start.elapsed());
        }
        for (what, times) in ["relay to JetStream consumer", "bare JetStream publish", "embedded"].iter().zip(times) {
            let [median, p99] = quantiles(times);
            println!("{what}: median {median:?}, p99 {p99:?}");
        }
        // What the last loop relayed is still to be read.
        for _ in 0..SAMPLES {
            timeout(LIMIT, relayed.next()).await?.context("the consumer ended")??;
        }
    }
    Ok(())
}

async fn follow(context: &jetstream::Context, stream: &str) -> anyhow::Result<push::Ordered> {
    let config = push::OrderedConfig {
        deliver_subject: context.client().new_inbox(),
        deliver_policy: DeliverPolicy::New,
        ..push::OrderedConfig::default()
    };
    let stream = context.get_stream(stream).await?;
    Ok(stream.create_consumer(config).await?.messages().await?)
}

fn quantiles(mut times: Vec<Duration>) -> [Duration; 2] {
    times.sort_unstable();
    [times[times.len() / 2], times[times.len() * 99 / 100]]
}
